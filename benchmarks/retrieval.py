"""Measure retrieval on a corpus of dialogues, beside counting keywords.

    python -m benchmarks.retrieval --corpus FILE --queries FILE [--json]

The corpus has `{"id", "messages": [user, assistant]}` a line, the queries
`{"query", "relevant": [ids]}`; a query is answered at k when any relevant dialogue is
among the first k. Times are CPU per query, the encoding of the query included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy comes

import numpy as np

from services.retrieval import Encoder, Exchange, MemoryIndex, open_encoder
from services.storage import Database, StorageSettings

DEPTH = 50
Search = Callable[[str], list[str]]


class KeywordIndex:
    """The baseline: ten commonest words of a dialogue, matches counted."""

    STOP_WORDS = re.compile(
        "как|что|где|когда|почему|зачем|кто|чей|привет|пока|спасибо|пожалуйста|это|вот|ну"
    )

    def __init__(self, corpus: Sequence[dict[str, Any]]) -> None:
        self._ids = [dialogue["id"] for dialogue in corpus]
        self._index: defaultdict[str, list[int]] = defaultdict(list)
        for number, dialogue in enumerate(corpus):
            joined = " ".join(message["content"] for message in dialogue["messages"])
            for keyword in self._keywords(joined):
                self._index[keyword].append(number)

    def search(self, query: str) -> list[str]:
        counts: Counter[int] = Counter()
        for keyword in self._keywords(query):
            counts.update(self._index.get(keyword, ()))
        best = sorted(counts.items(), key=lambda item: item[1], reverse=True)
        return [self._ids[number] for number, _ in best[:DEPTH]]

    def _keywords(self, text: str) -> list[str]:
        words = re.findall(r"\b[а-яё]{3,}\b", text.lower())
        counts = Counter(word for word in words if not self.STOP_WORDS.fullmatch(word))
        return [word for word, _ in counts.most_common(10)]


def measure(search: Search, queries: Sequence[dict[str, Any]]) -> dict[str, float]:
    ranks, seconds = [], []
    for row in queries:
        started = time.process_time()
        found = search(row["query"])
        seconds.append(time.process_time() - started)
        relevant = set(row["relevant"])
        ranks.append(next((rank for rank, key in enumerate(found, 1) if key in relevant), 0))
    total = max(1, len(ranks))
    return {
        "recall1": round(sum(rank == 1 for rank in ranks) / total, 4),
        "recall3": round(sum(0 < rank <= 3 for rank in ranks) / total, 4),
        "mrr": round(sum(1 / rank for rank in ranks if rank) / total, 4),
        "p50_ms": round(1000 * float(np.percentile(seconds, 50)), 3),
        "p99_ms": round(1000 * float(np.percentile(seconds, 99)), 3),
    }


def exchange_of(dialogue: dict[str, Any]) -> Exchange:
    user, assistant = dialogue["messages"][:2]
    return Exchange(user["content"], assistant["content"])


async def run(
    corpus: Sequence[dict[str, Any]],
    queries: Sequence[dict[str, Any]],
    encoder: Encoder | None,
    folder: Path,
) -> dict[str, Any]:
    ids: defaultdict[Exchange, list[str]] = defaultdict(list)
    for dialogue in corpus:
        ids[exchange_of(dialogue)].append(dialogue["id"])
    storage = StorageSettings(data_dir=folder)
    async with Database.open(storage) as database:
        index = MemoryIndex(database, encoder)
        await index.open()
        started = time.perf_counter()
        await index.sync("corpus", ids)
        build = time.perf_counter() - started
    async with Database.open(storage) as database:
        started = time.perf_counter()
        index = MemoryIndex(database, encoder)
        await index.open()
        await index.sync("corpus", ids)
        start = time.perf_counter() - started

        def search(query: str) -> list[str]:
            matches = index.search(query, DEPTH)
            return [key for match in matches for key in ids[Exchange(match.question, match.answer)]]

        search("прогрев")
        report: dict[str, Any] = measure(search, queries)
        report |= {"build_s": round(build, 2), "second_start_s": round(start, 2)}
        report |= await _measure_growth(index)
    return report


async def _measure_growth(index: MemoryIndex) -> dict[str, Any]:
    """Add patterns one by one and look for each at once."""
    seconds, found = [], 0
    for number in range(20):
        question = f"сколько будет стоить фиолетовый бегемот номер {number}"
        started = time.process_time()
        key = await index.add("pattern", Exchange(question, "Бегемоты бесценны, особенно такие."))
        seconds.append(time.process_time() - started)
        found += index.search(question, 1)[0].id == key
    return {
        "add_ms": round(1000 * float(np.percentile(seconds, 50)), 3),
        "added_found": found / len(seconds),
    }


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="JSONL of dialogues")
    parser.add_argument("--queries", type=Path, required=True, help="JSONL of queries")
    parser.add_argument("--words-only", action="store_true", help="search without the encoder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    corpus, queries = read_jsonl(arguments.corpus), read_jsonl(arguments.queries)
    encoder = None if arguments.words_only else open_encoder()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(corpus, queries, encoder, Path(folder)))
    report["rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    report["dialogues"], report["queries"] = len(corpus), len(queries)
    report["keywords"] = measure(KeywordIndex(corpus).search, queries)
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    for key, value in report.items():
        print(f"{key:15} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
