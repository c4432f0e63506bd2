"""Measure how well old talk is found again by meaning, beside BM25.

    python -m benchmarks.recall [--cases FILE] [--json]
    python -m benchmarks.recall --people 2000 --said 500 --facts 200 --json

The first form takes scenarios of `benchmarks.facts` (by default the small set in tests/): what
their people say is their history, and the evidence of a question are the messages that hold its
answer. R@5 is the share of questions with evidence among the first five. A question is plain if
it shares a word's stem with its evidence, a paraphrase if it doesn't. Scenarios are put together,
MERGED to a person, so that a history is long enough to miss something in it.

The second form fills a database with people and measures the CPU that one recall costs a person
of 5,000 messages and 200 facts among them, with the plans of its queries and the memory used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr
from sqlalchemy import insert, text

from benchmarks.facts import Case, load
from bots.grisha.facts import FactMemory, FactStore
from bots.grisha.facts.sentences import normalize
from bots.grisha.facts.store import FactRow, facts_of_person
from bots.grisha.old_talk import OldTalk, SaidRow, vectors_of_person
from services.env import load_env
from services.retrieval import Encoder, QueryEncoder, open_encoder
from services.retrieval.lexical import LexicalIndex, stems
from services.storage import Database, StorageSettings

SCENARIOS = Path("tests/bots/grisha/scenarios.jsonl")
MERGED = 6  # scenarios to a person
LIMIT = 5
START = datetime(2025, 1, 1, tzinfo=UTC)
MAIN_PERSON, MAIN_SAID = 1, 5000
QUESTIONS = 100
BATCH = 5000


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, and the messages of which one holds its answer."""

    person: int
    question: str
    evidence: frozenset[int]
    plain: bool


def histories(cases: Sequence[Case]) -> tuple[dict[int, list[str]], list[Probe]]:
    """What each person said, by number of the message, and what they are asked."""
    said: dict[int, list[str]] = {}
    probes = []
    for number, case in enumerate(cases):
        for author in {turn.get("author", "") for turns in case["sessions"] for turn in turns}:
            person = number // MERGED * 100 + (hash_of(author) if author else 0)
            own = [
                turn["content"]
                for session in case["sessions"]
                for turn in session
                if turn["role"] == "user" and turn.get("author", "") == author
            ]
            first = len(said.setdefault(person, []))
            said[person] += own
            for probe in case["probes"]:
                if probe.get("author", "") == author and probe["accept"]:
                    found = _evidence(probe, own)
                    if found:
                        shared = any(
                            set(stems(probe["question"])) & set(stems(own[at])) for at in found
                        )
                        numbers = frozenset(first + at for at in found)
                        probes.append(Probe(person, probe["question"], numbers, shared))
    return said, probes


def hash_of(author: str) -> int:
    return 1 + sum(author.encode()) % 98


def _evidence(probe: Case, own: Sequence[str]) -> list[int]:
    wanted = [normalize(stem) for group in probe["accept"] for stem in group]
    return [at for at, said in enumerate(own) if any(stem in normalize(said) for stem in wanted)]


async def measure_scenarios(cases: Sequence[Case], encoder: Encoder) -> dict[str, Any]:
    said, probes = histories(cases)
    hits: dict[str, list[bool]] = {}
    async with _database() as database:
        talk = OldTalk(database, encoder)
        lexical = {}
        for person, messages in said.items():
            lexical[person] = LexicalIndex(enumerate(messages))
            for number, message in enumerate(messages):
                await talk.keep(person, person, number, message, START + timedelta(hours=number))
        for probe in probes:
            found = await talk.find(probe.person, probe.person, probe.question, LIMIT)
            words = lexical[probe.person].nearest(probe.question, LIMIT)
            kind = "plain" if probe.plain else "paraphrase"
            for engine, numbers in (
                ("meaning", [each.message_id for each in found]),
                ("bm25", words),
            ):
                hit = bool(probe.evidence & set(numbers))
                hits.setdefault(f"{engine}_{kind}", []).append(hit)
                hits.setdefault(f"{engine}_all", []).append(hit)
    report: dict[str, Any] = {
        f"r@{LIMIT}_{name}": round(100 * sum(marks) / len(marks), 2)
        for name, marks in sorted(hits.items())
    }
    report["questions_plain"] = sum(probe.plain for probe in probes)
    report["questions_paraphrase"] = len(probes) - report["questions_plain"]
    report["messages_a_person"] = round(sum(map(len, said.values())) / len(said), 1)
    return report


async def measure_growth(
    database: Database, encoder: Encoder, people: int, said: int, facts: int
) -> dict[str, Any]:
    """CPU of a recall of the first person among `people` others; they all have the same words."""
    rng = np.random.default_rng(1)
    words = [f"{noun} {number}" for number in range(100) for noun in ("кот", "дача", "завод")]
    vectors = encoder.encode(words)
    packed = [(vector * 512).round().astype(np.int8).tobytes() for vector in vectors]
    halves = [vector.astype(np.float16).tobytes() for vector in vectors]
    for person in range(MAIN_PERSON, MAIN_PERSON + people):
        count = MAIN_SAID if person == MAIN_PERSON else said
        await _fill(database, person, count, facts, rng, words, packed, halves)
    once = QueryEncoder(encoder)  # as in the bot
    memory, talk = FactMemory(FactStore(database), once), OldTalk(database, once)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    costs = []
    for number in range(QUESTIONS):
        question = f"как там {words[number % len(words)]}, помнишь?"
        started = time.process_time()
        await memory.recall(MAIN_PERSON, MAIN_PERSON, question)
        await talk.find(MAIN_PERSON, MAIN_PERSON, question, LIMIT)
        costs.append(1000 * (time.process_time() - started))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "database": database.engine.dialect.name,
        "people": people,
        "said_rows": MAIN_SAID + said * (people - 1),
        "fact_rows": facts * people,
        "cpu_p50_ms": round(float(np.percentile(costs, 50)), 2),
        "cpu_p95_ms": round(float(np.percentile(costs, 95)), 2),
        "memory_grew_mb": round((after - before) / 1024, 1),
        "plans": await plans(database),
    }


async def _fill(
    database: Database,
    person: int,
    said: int,
    facts: int,
    rng: np.random.Generator,
    words: Sequence[str],
    packed: Sequence[bytes],
    halves: Sequence[bytes],
) -> None:
    common = {"person_id": person, "chat_id": person}
    picks = rng.integers(0, len(words), max(said, facts))
    talk = [
        {
            **common,
            "talk_id": 0,
            "message_id": at,
            "said_at": START,
            "text": words[pick],
            "stems": f" {words[pick]} ",
            "vector": packed[pick],
        }
        for at, pick in enumerate(picks[:said])
    ]  # fmt: skip
    known = [
        {
            **common, "message_id": at, "said_at": START, "text": f"у меня {words[pick]}",
            "context": "", "kinds": "possessions", "relations": "", "about_others": False,
            "vector": halves[pick],
        }
        for at, pick in enumerate(picks[:facts])
    ]  # fmt: skip
    async with database.session() as session:
        for table, rows in ((SaidRow, talk), (FactRow, known)):
            for start in range(0, len(rows), BATCH):
                await session.execute(insert(table), rows[start : start + BATCH])


async def plans(database: Database, *, small: bool = False) -> list[str]:
    """How the database finds the rows of one person.

    PostgreSQL reads a `small` table whole, however it is indexed, unless it mayn't.
    """
    postgres = database.engine.dialect.name == "postgresql"
    found = []
    async with database.engine.connect() as connection:
        if postgres:
            await connection.execute(text("SET enable_seqscan = off" if small else "ANALYZE"))
        for query in (vectors_of_person(), facts_of_person()):
            asked = query.params(person=MAIN_PERSON, chat=MAIN_PERSON, talk=0, after=0)
            sql = asked.compile(
                dialect=database.engine.dialect, compile_kwargs={"literal_binds": True}
            )
            rows = await connection.execute(
                text(f"EXPLAIN {'' if postgres else 'QUERY PLAN'} {sql}")
            )
            found += [str(row[-1]).strip() for row in rows]
    return found


@asynccontextmanager
async def _database(url: str | None = None) -> AsyncIterator[Database]:
    """The database of an address, or one in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        settings = StorageSettings(
            data_dir=Path(folder), database_url=SecretStr(url) if url else None
        )
        async with Database.open(settings) as database:
            yield database


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    encoder = open_encoder()
    if encoder is None:
        raise SystemExit("no encoder: nothing is found by meaning")
    if not arguments.people:
        return await measure_scenarios(load(arguments.cases), encoder)
    async with _database(arguments.database) as database:
        return await measure_growth(
            database, encoder, arguments.people, arguments.said, arguments.facts
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__)
    parser.add_argument("--cases", type=Path, default=SCENARIOS, help="JSON Lines of scenarios")
    parser.add_argument("--people", type=int, default=0, help="measure growth with this many")
    parser.add_argument("--said", type=int, default=500, help="messages of each of the others")
    parser.add_argument("--facts", type=int, default=200, help="facts of each person")
    parser.add_argument("--database", help="postgresql://… instead of a SQLite file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    load_env()
    report = asyncio.run(run(arguments))
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for key, value in report.items():
            print(f"{key:24} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
