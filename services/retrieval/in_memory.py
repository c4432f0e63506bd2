"""Dialogue index with its vectors in memory: the default, and the fastest."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import Row, func, select

from services.retrieval.encoder import Encoder
from services.retrieval.index import CANDIDATES, ENTRIES, DialogueIndex, Entry, Match, ranked
from services.retrieval.lexical import LexicalIndex
from services.retrieval.spelling import likeness, trigrams
from services.retrieval.vectors import HalfVectors, VectorMatrix
from services.storage import Database
from services.storage.database import retry_when_unavailable

LOAD_BATCH = 8192  # rows read from the database at once
REFRESH_INTERVAL = 5.0  # seconds between checks for rows that other processes wrote


class MemoryIndex(DialogueIndex):
    """`DialogueIndex` in memory; without an encoder it searches by words."""

    def __init__(self, database: Database, encoder: Encoder | None) -> None:
        super().__init__(database, encoder)
        self._entries: list[Entry | None] = []  # None where one was removed
        self._positions: dict[int, int] = {}
        self._matrix = VectorMatrix(encoder.dimensions) if encoder else None
        self._words = None if encoder else LexicalIndex()
        self._rows_of: defaultdict[str, list[int]] = defaultdict(list)
        self._changing = threading.Lock()  # searches run in threads
        self._newest = 0  # the highest row id seen
        self._fresh_until = 0.0

    async def open(self) -> None:
        await self.catch_up()
        await self._settle()

    async def count(self, source: str | None = None) -> int:
        if source is None:
            return len(self._positions)
        return sum(self._entries[row] is not None for row in self._rows_of[source])

    # --- reading ---------------------------------------------------------------------

    async def find(self, query: str, limit: int = 3, *, source: str | None = None) -> list[Match]:
        now = asyncio.get_running_loop().time()
        if now >= self._fresh_until:
            self._fresh_until = now + REFRESH_INTERVAL
            await self.catch_up()
        return await asyncio.to_thread(self.search, query, limit, source=source)

    def search(self, query: str, limit: int = 3, *, source: str | None = None) -> list[Match]:
        """Blocking `find`, for threads: takes milliseconds, doesn't check for new rows."""
        with self._changing:
            if not self._positions or not query.strip():
                return []
            if self._matrix is None:
                return self._by_words(query, limit, source)
            rows = self._by_meaning(self._matrix, query, source)
        return ranked(query, rows, limit)

    def _by_words(self, query: str, limit: int, source: str | None) -> list[Match]:
        assert self._words is not None  # noqa: S101  (there is no encoder)
        spelt, matches = trigrams(query), []
        for rank, key in enumerate(self._words.nearest(query, CANDIDATES)):
            entry = self._entry_in(self._positions.get(key), source)
            if entry:
                same = likeness(spelt, trigrams(entry.question))
                matches.append(Match(*entry, same - 0.01 * rank, same))
        matches.sort(key=lambda match: -match.score)
        return matches[:limit]

    def _by_meaning(
        self, matrix: VectorMatrix, query: str, source: str | None
    ) -> list[tuple[Entry, float, float]]:
        """The `CANDIDATES` nearest rows, each with its centred and its plain cosine."""
        assert self._encoder is not None  # noqa: S101  (there are vectors)
        vector = self._encoder.encode([query])[0]
        if source is None:
            numbers = matrix.shortlist(vector)
        else:
            numbers = np.asarray(self._rows_of[source], np.intp)
        cosines = matrix.cosines(vector, numbers)
        scores = matrix.scores(vector, cosines, numbers)
        if len(scores) > CANDIDATES:
            best = np.argpartition(-scores, CANDIDATES)[:CANDIDATES]
            numbers = best if numbers is None else numbers[best]
            scores, cosines = scores[best], cosines[best]
        elif numbers is None:
            numbers = np.arange(len(scores))
        found = zip(numbers.tolist(), scores.tolist(), cosines.tolist(), strict=True)
        return [
            (entry, score, cosine)
            for row, score, cosine in found
            if (entry := self._entry_in(row, source))
        ]

    def _entry_in(self, row: int | None, source: str | None) -> Entry | None:
        entry = None if row is None else self._entries[row]
        return entry if entry and source in (None, entry.source) else None

    # --- writing ---------------------------------------------------------------------

    async def _take_in(self, entries: Sequence[Entry], vectors: HalfVectors | None) -> None:
        await asyncio.to_thread(self._append, entries, vectors)

    async def _let_go(self, keys: Sequence[int]) -> None:
        self._drop(keys)

    async def _settle(self) -> None:
        await asyncio.to_thread(self._center)

    def _center(self) -> None:
        with self._changing:
            if self._matrix:
                self._matrix.center()

    def _drop(self, keys: Iterable[int]) -> None:
        with self._changing:
            for key in keys:
                if (row := self._positions.pop(key, None)) is not None:
                    self._entries[row] = None

    def _append(self, entries: Sequence[Entry], vectors: HalfVectors | None) -> None:
        with self._changing:
            for entry in entries:
                self._positions[entry.id] = len(self._entries)
                self._rows_of[entry.source].append(len(self._entries))
                self._entries.append(entry)
                self._newest = max(self._newest, entry.id)
            if self._words:
                self._words.add((entry.id, entry.question) for entry in entries)
            if self._matrix and vectors is not None:
                self._matrix.append(vectors.astype(np.float32))

    # --- loading ---------------------------------------------------------------------

    @retry_when_unavailable
    async def catch_up(self) -> None:
        """Load rows that other processes (replicas, `cli.grisha_memory`) added or removed."""
        async with self._writing:
            async with self._database.session() as session:
                state = select(func.max(ENTRIES.c.id), func.count(ENTRIES.c.id))
                newest, count = (await session.execute(state)).one()
            if (newest or 0) > self._newest or count != len(self._positions):
                await self._load()

    @retry_when_unavailable
    async def _load(self) -> None:
        await self._encode_old_rows()
        columns = ENTRIES.c
        query = select(
            columns.id, columns.source, columns.question, columns.answer, columns.vector
        ).order_by(columns.id)
        if self._encoder:  # a row without a vector was just written; the next check loads it
            query = query.where(columns.vector.is_not(None))
        async with self._database.session() as session:
            stored = set(await session.scalars(select(columns.id)))
            self._drop(self._positions.keys() - stored)
            missing = stored - self._positions.keys()
            if missing:
                if self._matrix:
                    self._matrix.reserve(len(self._entries) + len(missing))
                found = await session.stream(query.where(columns.id >= min(missing)))
                async for rows in found.partitions(LOAD_BATCH):
                    await asyncio.to_thread(self._fill, [row for row in rows if row.id in missing])

    def _fill(self, rows: Sequence[Row[tuple[int, str, str, str, bytes]]]) -> None:
        vectors = None
        if self._encoder and rows:
            joined = b"".join(row[4] for row in rows)
            vectors = np.frombuffer(joined, np.float16).reshape(len(rows), -1)
        self._append([Entry(*row[:4]) for row in rows], vectors)
