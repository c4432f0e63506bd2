"""Ask a model short questions in Russian, and count the right answers.

    python -m benchmarks.answers --cases FILE --json [--backend local --model embedded] [--answers]

A case is a JSON line: {"id", "kind", "messages": [{"role", "content"}], "accept": [[stems]],
"reject": [stems], "max_words", "min_words", "json_keys", "ru"}. An answer is right when every
group of `accept` has a stem in it (lower case, ё as е; a number, or a stem of three letters or
fewer, stands as a word of its own), no stem of `reject` is in it, its words are within the
bounds, its first JSON object has the keys, and, where `ru`, 85 % of its letters are Cyrillic.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import shell
from services.backends import BACKENDS, open_chat_model
from services.chat import ChatModel, GenerationOptions, Message
from services.env import load_env
from services.errors import ServiceError
from services.timing import Measurement, measured

ANSWER_TOKENS = 160
CYRILLIC_SHARE = 0.85
GREEDY = GenerationOptions(temperature=0.0, max_tokens=ANSWER_TOKENS)

Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A case with what the model said to it."""

    case: Case
    measurement: Measurement

    @property
    def text(self) -> str:
        return self.measurement.completion.text

    @property
    def right(self) -> bool:
        return is_right(self.case, self.text)


def read_cases(path: Path) -> list[Case]:
    lines = path.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def is_right(case: Case, answer: str) -> bool:
    """Whether an answer fulfils its case, by the rules above."""
    text = plain(answer)
    words = re.findall(r"\w+", text)
    if not words or any(has_stem(text, stem) for stem in case["reject"]):
        return False
    if not all(any(has_stem(text, stem) for stem in group) for group in case["accept"]):
        return False
    if len(words) > (case["max_words"] or len(words)) or len(words) < (case["min_words"] or 0):
        return False
    if case["json_keys"] and not set(case["json_keys"]) <= first_object(answer).keys():
        return False
    return not case["ru"] or is_russian(text)


def plain(text: str) -> str:
    return text.lower().replace("ё", "е")


def has_stem(text: str, stem: str) -> bool:
    stem = plain(stem)
    if not stem.isdigit() and not (len(stem) <= 3 and stem.isalpha()):
        return stem in text
    begins = rf"(?<!\w){re.escape(stem)}"
    ending = "" if len(stem) == 3 and not stem.isdigit() else r"(?!\w)"
    return re.search(begins + ending, text) is not None


def first_object(answer: str) -> dict[str, Any]:
    """The first JSON object of an answer; empty when there is none."""
    found = re.search(r"\{.*?\}", answer, re.DOTALL)
    try:
        value = json.loads(found.group()) if found else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


def is_russian(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return sum("а" <= letter <= "я" for letter in letters) >= CYRILLIC_SHARE * len(letters)


async def ask(model: ChatModel, cases: Sequence[Case]) -> list[Asked]:
    """Ask one case after another, so that the times are those of one user."""
    asked = []
    for case in cases:
        messages = [Message(turn["role"], turn["content"]) for turn in case["messages"]]
        asked.append(Asked(case, await measured(model, messages, GREEDY)))
    return asked


def report(asked: Sequence[Asked], name: str) -> dict[str, Any]:
    """Percent right by kind, the speed, and the time till the first letters."""
    kinds: dict[str, list[bool]] = defaultdict(list)
    for one in asked:
        kinds[one.case["kind"]].append(one.right)
        kinds["all"].append(one.right)
    percents = {kind: round(100 * sum(hits) / len(hits), 1) for kind, hits in sorted(kinds.items())}
    tokens = sum(one.measurement.completion.usage.completion_tokens for one in asked
                 if one.measurement.completion.usage)  # fmt: skip
    writing = sum(one.measurement.seconds - (one.measurement.first_token or 0) for one in asked)
    first = [one.measurement.first_token for one in asked if one.measurement.first_token]
    return {
        "model": name,
        "cases": len(asked),
        "right": percents,
        "tokens_per_second": round(tokens / writing, 1) if writing else None,
        "first_letters_p50": round(statistics.median(first), 2) if first else None,
    }


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    cases = read_cases(arguments.cases)
    model = open_chat_model(arguments.backend, arguments.model)
    try:
        await model.count_tokens(
            [Message("user", "Привет")]
        )  # a local model loads before the clock
        asked = await ask(model, cases)
    finally:
        await model.aclose()
    if arguments.answers:
        for one in asked:
            question = one.case["messages"][-1]["content"]
            print(f"{'+' if one.right else '-'} {question} → {one.text!r}", file=sys.stderr)
    return report(asked, model.name)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="JSONL of cases")
    parser.add_argument("--backend", choices=BACKENDS, default="local")
    parser.add_argument("--model", help="the model of that backend (local: embedded)")
    parser.add_argument("--answers", action="store_true", help="print the answers to stderr")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    if arguments.backend == "local" and arguments.model is None:
        arguments.model = "embedded"
    load_env()
    try:
        result = asyncio.run(run(arguments))
    except ServiceError as error:
        return shell.fail(error)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        for key, value in {**result, **result.pop("right")}.items():
            print(f"{key:<20} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
