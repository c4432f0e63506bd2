"""Dialogues that show how Grisha answers: reading them, choosing those worth showing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from services.env import SHIPPED_DATA
from services.retrieval import DialogueIndex, Exchange, Match
from services.retrieval.index import Progress
from services.retrieval.spelling import words_of

logger = logging.getLogger(__name__)

OWN_DATASET = SHIPPED_DATA / "grisha_dialogues.jsonl"
PATTERNS = "patterns"
_EMPTY_WORDS = frozenset(
    words_of(
        "ок окей ага угу хм ээ ну вот да нет давай ладно ясно понятно привет приветик пока "
        "спасибо спс хорошо здравствуй здравствуйте хай салют круто класс лол хаха хех мм"
    )
)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a data set that can't be used, and why."""

    number: int
    problem: str


def is_worth_searching(query: str) -> bool:
    """False for «ок», «привет» and single words without a question mark."""
    words = words_of(query)
    if len(query.strip()) < 4 or all(word in _EMPTY_WORDS for word in words):
        return False
    return len(words) > 1 or query.rstrip().endswith("?")


def read_dataset(path: Path) -> Iterator[Exchange | BadLine]:
    """The exchanges of a JSONL file, or of a JSON array; bad lines come as such, by number."""
    with path.open(encoding="utf-8-sig") as lines:
        start = lines.read(64).lstrip()[:1]
        lines.seek(0)
        if start == "[":
            yield from _read_array(lines.read())
            return
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield from _read_line(number, line)


def _read_array(text: str) -> Iterator[Exchange | BadLine]:
    try:
        dialogues = json.loads(text)
    except json.JSONDecodeError as error:
        yield BadLine(error.lineno, "не JSON")
        return
    for number, dialogue in enumerate(dialogues, 1):
        yield from _checked(number, dialogue)


def _read_line(number: int, line: str) -> Iterator[Exchange | BadLine]:
    try:
        dialogue = json.loads(line)
    except json.JSONDecodeError:
        yield BadLine(number, "не JSON")
        return
    yield from _checked(number, dialogue)


def _checked(number: int, dialogue: Any) -> Iterator[Exchange | BadLine]:
    try:
        exchanges = list(exchanges_of(dialogue))
    except (KeyError, TypeError, AttributeError, ValueError):
        yield BadLine(number, "не диалог: нет пар user и assistant с текстом")
        return
    if exchanges:
        yield from exchanges
    else:
        yield BadLine(number, "нет ни одной пары user и assistant")


def exchanges_of(dialogue: dict[str, Any]) -> Iterator[Exchange]:
    """The pairs of a dialogue in any known form: messages, Alpaca, ShareGPT."""
    for before, after in pairwise(_turns(dialogue)):
        if (before[0], after[0]) == ("user", "assistant") and before[1] and after[1]:
            yield Exchange(before[1], after[1])


def _turns(dialogue: dict[str, Any]) -> Sequence[tuple[str, str]]:
    if "messages" in dialogue:
        return [(turn["role"], turn["content"].strip()) for turn in dialogue["messages"]]
    if "conversations" in dialogue:  # ShareGPT
        roles = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}
        return [
            (roles.get(turn["from"], "other"), turn["value"].strip())
            for turn in dialogue["conversations"]
        ]
    question = "\n".join(filter(None, (dialogue["instruction"], dialogue.get("input"))))
    return [("user", question.strip()), ("assistant", dialogue["output"].strip())]  # Alpaca


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The data sets in the index, and which of their exchanges help with a question."""

    index: DialogueIndex

    async def load(self, path: Path, progress: Progress | None = None) -> Sequence[BadLine]:
        """Bring the index up to date with a data set; return the lines that were skipped."""
        bad: list[BadLine] = []

        def good() -> Iterable[Exchange]:
            for item in read_dataset(path):
                if isinstance(item, BadLine):
                    bad.append(item)
                else:
                    yield item

        new = await self.index.sync(path.stem, good(), progress)
        for line in bad[:20]:
            logger.warning("%s, line %d: %s", path.name, line.number, line.problem)
        logger.info("%s: %d new exchanges, %d bad lines", path.name, new, len(bad))
        return bad

    async def examples(self, query: str, limit: int) -> Sequence[Match]:
        """Exchanges above the gate, best first; none for a query that says nothing."""
        if limit <= 0 or not is_worth_searching(query):
            return []
        found = await self.index.find(query, limit)
        return [match for match in found if match.likeness >= self.index.example_threshold]

    async def confirmed(self, query: str) -> Sequence[Match]:
        """Answers to the same question: the same words first, shipped before learned."""
        if not is_worth_searching(query):
            return []
        matches = []
        for source, limit in ((OWN_DATASET.stem, 1), (PATTERNS, 3)):
            found = await self.index.find(query, limit, source=source)
            matches += [match for match in found if self._is_same(query, match)]
        return sorted(matches, key=lambda match: not _has_same_words(query, match))

    def _is_same(self, query: str, match: Match) -> bool:
        threshold = self.index.same_question_threshold
        return _has_same_words(query, match) or match.likeness >= threshold


def _has_same_words(query: str, match: Match) -> bool:
    return words_of(query) == words_of(match.question)
