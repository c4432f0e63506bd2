"""Measure what Grisha knows of people after they have talked to him.

    python -m benchmarks.facts --cases FILE [--json] [--failures] [--backend B --model M]

FILE holds a scenario a line: its "sessions" are told to a fresh memory, then each of its
"probes" is asked when the talk itself is gone. A probe is right when the facts that would go
before the model contain every group of "accept" and nothing of "reject". Beside it stands the
base line: the five of the person's own messages that are nearest to the question. With a
backend, its model reads what the rules left open, as it does in the background of the bot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bots.grisha.facts import FactMemory, FactStore, Said
from bots.grisha.facts.sentences import normalize
from bots.grisha.facts.with_model import ModelReader
from services.backends import BACKENDS, Backend, open_chat_model
from services.chat import ChatModel
from services.env import load_env
from services.retrieval import Encoder, open_encoder
from services.storage import Database, StorageSettings

KINDS = ("single", "updated", "consolidated", "none")
MAX_FACTS = 5
GROUP = -100
PEOPLE_OF_A_CASE = 1000
START = datetime(2025, 1, 1, tzinfo=UTC)

Case = dict[str, Any]


@dataclass(slots=True)
class Results:
    """Marks of the probes by kind, and how many facts were shown."""

    marks: dict[str, list[bool]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    shown: list[int] = field(default_factory=list)
    wrong: list[Case] = field(default_factory=list)

    def add(self, case: Case, probe: Case, facts: Sequence[str]) -> None:
        if len(facts) > MAX_FACTS:
            raise ValueError(f"{case['id']}: {len(facts)} facts, at most {MAX_FACTS} are allowed")
        right = is_right(probe, facts)
        self.marks[probe["kind"]].append(right)
        self.shown.append(len(facts))
        if not right:
            self.wrong.append({"id": case["id"], **probe, "facts": list(facts)})

    def report(self) -> dict[str, float]:
        result = {
            kind: 100 * sum(marks) / len(marks) if marks else 0.0
            for kind, marks in self.marks.items()
        }
        result["all"] = sum(result[kind] for kind in KINDS) / len(KINDS)
        result["invented"] = 100 - result["none"] if self.marks["none"] else 0.0
        result["facts_mean"] = sum(self.shown) / len(self.shown) if self.shown else 0.0
        return {name: round(value, 2) for name, value in result.items()}


def is_right(probe: Case, facts: Sequence[str]) -> bool:
    shown = normalize("\n".join(facts))
    wanted = all(any(normalize(stem) in shown for stem in group) for group in probe["accept"])
    return wanted and not any(normalize(stem) in shown for stem in probe["reject"])


@dataclass(slots=True)
class Talk:
    """A scenario that is told to a memory; its people are nobody else's."""

    case: Case
    number: int
    people: dict[str, int] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        return any("author" in turn for session in self.case["sessions"] for turn in session)

    def person(self, author: str) -> int:
        first = self.number * PEOPLE_OF_A_CASE + 1
        return self.people.setdefault(author, first + len(self.people))

    def chat(self, person: int) -> int:
        return GROUP - self.number if self.is_group else person

    async def tell(self, memory: FactMemory, reader: ModelReader | None = None) -> None:
        moment, number = START, 0
        for session in self.case["sessions"]:
            moment += timedelta(days=7)
            question = ""
            before: dict[str, str] = {}
            for turn in session:
                number += 1
                text = turn["content"]
                if turn["role"] != "user":
                    question = text
                    continue
                author = turn.get("author", "")
                person = self.person(author)
                at = moment + timedelta(minutes=number)
                last = before.get(author, "")
                said = Said(person, self.chat(person), number, text, at, question, last)
                await memory.hear(said)
                if reader:
                    await reader.read(said)
                before[author] = text
                if self.is_group:
                    question = ""  # it was answered by whoever spoke first

    async def ask(self, memory: FactMemory, probe: Case) -> Sequence[str]:
        person = self.person(probe.get("author", ""))
        facts = await memory.recall(person, self.chat(person), probe["question"])
        return [fact.text for fact in facts]


def nearest(encoder: Encoder, case: Case, probe: Case) -> Sequence[str]:
    """The base line: the author's own messages nearest to the question."""
    said = [
        turn["content"]
        for session in case["sessions"]
        for turn in session
        if turn["role"] == "user" and turn.get("author", "") == probe.get("author", "")
    ]
    if not said:
        return ()
    vectors = encoder.encode([probe["question"], *said])
    best = np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")[:MAX_FACTS]
    return [said[at] for at in best]


async def measure(
    cases: Sequence[Case], model: ChatModel | None = None
) -> tuple[dict[str, Any], Sequence[Case]]:
    encoder = open_encoder()
    results, base = Results(), Results()
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        async with Database.open(StorageSettings(data_dir=Path(folder))) as database:
            memory = FactMemory(FactStore(database), encoder)
            reader = ModelReader(model, memory, _always) if model else None
            for number, case in enumerate(cases):
                talk = Talk(case, number)
                await talk.tell(memory, reader)
                for probe in case["probes"]:
                    started = time.perf_counter()
                    facts = await talk.ask(memory, probe)
                    seconds.append(time.perf_counter() - started)
                    results.add(case, probe, facts)
                    if encoder:
                        base.add(case, probe, nearest(encoder, case, probe))
    report: dict[str, Any] = results.report()
    report["p95_ms"] = round(1000 * float(np.percentile(seconds, 95)), 2) if seconds else 0.0
    report["cases"] = len(cases)
    report["base"] = base.report() if encoder else None
    return report, results.wrong


async def _always(person_id: int) -> bool:
    return True


async def measure_with_model(
    cases: Sequence[Case], backend: Backend, name: str | None
) -> tuple[dict[str, Any], Sequence[Case]]:
    model = open_chat_model(backend, name)
    try:
        return await measure(cases, model)
    finally:
        await model.aclose()


def load(path: Path) -> Sequence[Case]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.facts", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="JSON Lines of scenarios")
    parser.add_argument(
        "--backend", choices=BACKENDS, help="let its model read what the rules leave open"
    )
    parser.add_argument("--model", help="the model of that backend")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--failures", action="store_true", help="print the probes that failed")
    arguments = parser.parse_args(argv)
    load_env()
    cases = load(arguments.cases)
    if arguments.backend:
        work = measure_with_model(cases, arguments.backend, arguments.model)
    else:
        work = measure(cases)
    report, wrong = asyncio.run(work)
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for key, value in report.items():
            print(f"{key:12} {value}")
    if arguments.failures:
        for probe in wrong:
            print(json.dumps(probe, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
