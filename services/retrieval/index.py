"""The index of dialogues: rows in the database, vectors in memory."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from sqlalchemy import Index, LargeBinary, Row, Table, delete, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from services.retrieval.encoder import Encoder
from services.retrieval.lexical import LexicalIndex
from services.retrieval.spelling import likeness, trigrams
from services.retrieval.vectors import VectorMatrix
from services.storage import Base, Database
from services.storage.database import outlives_database

ANSWER_WEIGHT = 0.25  # of the answer in a row's vector, beside 1 of the question
SPELLING_WEIGHT = 0.15  # of the trigrams' likeness in the final score
ANSWER_CHARACTERS = 400  # the rest would cost more than it tells
CANDIDATES = 50  # rows that are looked at closely
BATCH = 512  # rows that are encoded and committed at once
LOADED = 8192  # rows that are read at once
FRESH = 5.0  # seconds until what other processes wrote is looked for again

Progress = Callable[[int, int], None]


class Exchange(NamedTuple):
    """What was said, and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Match:
    """A found exchange.

    `score` ranks; `likeness` is comparable between queries: 1 for the same question,
    below `DialogueIndex.gate` an example does more harm than good.
    """

    id: int
    source: str
    question: str
    answer: str
    score: float
    likeness: float


class EntryRow(Base):
    __tablename__ = "retrieval_entries"
    __table_args__ = (
        Index("retrieval_entries_by_source", "source"),
        {"sqlite_autoincrement": True},  # a number is never used twice: new rows are known by it
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    encoder: Mapped[str]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)


_ROWS = cast(Table, EntryRow.__table__)
_INSERT = insert(_ROWS).returning(_ROWS.c.id, sort_by_parameter_order=True)


class _Entry(NamedTuple):
    id: int
    source: str
    question: str
    answer: str


class DialogueIndex:
    """Exchanges by likeness of their question. `await DialogueIndex.open(...)` loads it.

    Writes go to the database first and are found as soon as the call returns; `find` also
    sees what other processes wrote, some seconds later. Without an encoder it searches by
    words.
    """

    def __init__(self, database: Database, encoder: Encoder | None) -> None:
        self._database = database
        self._encoder = encoder
        self._entries: list[_Entry | None] = []  # None where one was removed
        self._positions: dict[int, int] = {}
        self._matrix = VectorMatrix(encoder.dimensions) if encoder else None
        self._words = None if encoder else LexicalIndex()
        self._rows_of: defaultdict[str, list[int]] = defaultdict(list)
        self._writing = asyncio.Lock()  # one transaction at a time
        self._changing = threading.Lock()  # searches run in threads
        self._newest = 0  # the highest number that was seen
        self._fresh_until = 0.0

    @classmethod
    async def open(cls, database: Database, encoder: Encoder | None) -> DialogueIndex:
        index = cls(database, encoder)
        await index.catch_up()
        await asyncio.to_thread(index._center)
        return index

    @property
    def gate(self) -> float:
        """The likeness from which on an example helps."""
        return 0.6 if self._encoder else 0.45

    @property
    def near(self) -> float:
        """The likeness from which on the question is the same."""
        return 0.88 if self._encoder else 0.85

    def __len__(self) -> int:
        return len(self._positions)

    def count(self, source: str) -> int:
        return sum(self._entries[row] is not None for row in self._rows_of[source])

    # --- reading ---------------------------------------------------------------------

    def search(self, query: str, limit: int = 3, *, source: str | None = None) -> list[Match]:
        """The exchanges whose question is most like `query`, best first. Blocks for some ms."""
        with self._changing:
            if not self._positions or not query.strip():
                return []
            rows, scores, cosines = self._candidates(query, source)
        spelt = trigrams(query)
        matches = []
        for row, score, cosine in zip(rows, scores, cosines, strict=True):
            entry = self._entries[row]
            if entry is None or (source is not None and entry.source != source):
                continue
            same = likeness(spelt, trigrams(entry.question))
            if self._encoder is None:
                matches.append(Match(*entry, score + same, same))
            else:
                matches.append(Match(*entry, score + SPELLING_WEIGHT * same, cosine))
        matches.sort(key=lambda match: -match.score)
        return matches[:limit]

    async def find(self, query: str, limit: int = 3, *, source: str | None = None) -> list[Match]:
        """`search` off the event loop, also among what other processes wrote."""
        now = asyncio.get_running_loop().time()
        if now >= self._fresh_until:
            self._fresh_until = now + FRESH
            await self.catch_up()
        return await asyncio.to_thread(self.search, query, limit, source=source)

    def _candidates(
        self, query: str, source: str | None
    ) -> tuple[Sequence[int], Sequence[float], Sequence[float]]:
        """Rows worth a closer look, with their scores and cosines."""
        if self._encoder is None or self._matrix is None:
            assert self._words is not None  # noqa: S101  (one of the two is loaded)
            ids = self._words.nearest(query, CANDIDATES)
            rows = [self._positions[key] for key in ids if key in self._positions]
            ranks = [-0.01 * rank for rank in range(len(rows))]
            return rows, ranks, ranks
        vector = self._encoder.encode([query])[0]
        if source is None:
            numbers = self._matrix.shortlist(vector)
        else:
            numbers = np.asarray(self._rows_of[source], np.intp)
        cosines = self._matrix.cosines(vector, numbers)
        scores = self._matrix.scores(vector, cosines, numbers)
        if len(scores) > CANDIDATES:
            best = np.argpartition(-scores, CANDIDATES)[:CANDIDATES]
            numbers = best if numbers is None else numbers[best]
            scores, cosines = scores[best], cosines[best]
        elif numbers is None:
            numbers = np.arange(len(scores))
        return numbers.tolist(), scores.tolist(), cosines.tolist()

    # --- writing ---------------------------------------------------------------------

    async def add(self, source: str, exchange: Exchange) -> int:
        """Store one exchange; the next search finds it. Returns its number."""
        (key,) = await self._insert(source, [exchange])
        return key

    async def sync(
        self, source: str, exchanges: Iterable[Exchange], progress: Progress | None = None
    ) -> int:
        """Make the rows of a source exactly these, without repeats; return how many are new.

        Vectors of rows that stay are kept, so that a second call costs little. What is
        committed before an interruption stays: the next call goes on from there.
        """
        wanted = {_digest(exchange): exchange for exchange in exchanges}
        async with self._database.session() as session:
            rows = await session.execute(
                select(EntryRow.digest, EntryRow.id).filter_by(source=source)
            )
            present = {bytes(digest): key for digest, key in rows}
        await self.remove([key for digest, key in present.items() if digest not in wanted])
        new = [exchange for digest, exchange in wanted.items() if digest not in present]
        for start in range(0, len(new), BATCH):
            await self._insert(source, new[start : start + BATCH])
            if progress:
                progress(min(start + BATCH, len(new)), len(new))
        if new:
            await asyncio.to_thread(self._center)
        return len(new)

    def _center(self) -> None:
        with self._changing:
            if self._matrix:
                self._matrix.center()

    async def remove(self, keys: Sequence[int]) -> None:
        if not keys:
            return
        async with self._writing, self._database.session() as session:
            for start in range(0, len(keys), 500):
                await session.execute(
                    delete(EntryRow).where(EntryRow.id.in_(keys[start : start + 500]))
                )
        self._drop(keys)

    def _drop(self, keys: Iterable[int]) -> None:
        with self._changing:
            for key in keys:
                if (row := self._positions.pop(key, None)) is not None:
                    self._entries[row] = None

    async def _insert(self, source: str, exchanges: Sequence[Exchange]) -> list[int]:
        vectors = await asyncio.to_thread(self._encode, exchanges)
        values = [
            {
                "source": source,
                "question": exchange.question,
                "answer": exchange.answer,
                "digest": _digest(exchange),
                "encoder": self._encoder.name if self._encoder else "",
                "vector": None if vectors is None else vectors[number].tobytes(),
            }
            for number, exchange in enumerate(exchanges)
        ]
        async with self._writing:
            async with self._database.session() as session:
                keys = list(await session.scalars(_INSERT, values))
            entries = [
                _Entry(key, source, *exchange)
                for key, exchange in zip(keys, exchanges, strict=True)
            ]
            await asyncio.to_thread(self._append, entries, vectors)
        return keys

    def _encode(self, exchanges: Sequence[Exchange]) -> np.ndarray | None:
        """A vector of question and answer together, a little towards the answer."""
        if self._encoder is None:
            return None
        questions = [exchange.question for exchange in exchanges]
        answers = [exchange.answer[:ANSWER_CHARACTERS] for exchange in exchanges]
        both = self._encoder.encode(questions + answers)
        vectors = both[: len(questions)] + ANSWER_WEIGHT * both[len(questions) :]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float16)

    def _append(self, entries: Sequence[_Entry], vectors: np.ndarray | None) -> None:
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

    @outlives_database
    async def catch_up(self) -> None:
        """Take over what other processes, replicas or `cli.grisha_memory`, added and removed."""
        async with self._writing:
            async with self._database.session() as session:
                state = select(func.max(EntryRow.id), func.count(EntryRow.id))
                newest, count = (await session.execute(state)).one()
            if (newest or 0) > self._newest or count != len(self):
                await self._load()

    async def _load(self) -> None:
        await self._encode_old_rows()
        columns = _ROWS.c
        query = select(
            columns.id, columns.source, columns.question, columns.answer, columns.vector
        ).order_by(columns.id)
        async with self._database.session() as session:
            stored = set(await session.scalars(select(columns.id)))
            self._drop(self._positions.keys() - stored)
            missing = stored - self._positions.keys()
            if missing:
                if self._matrix:
                    self._matrix.reserve(len(self._entries) + len(missing))
                found = await session.stream(query.where(columns.id >= min(missing)))
                async for rows in found.partitions(LOADED):
                    await asyncio.to_thread(self._fill, [row for row in rows if row.id in missing])

    def _fill(self, rows: Sequence[Row[tuple[int, str, str, str, bytes]]]) -> None:
        vectors = None
        if self._encoder:
            joined = b"".join(row[4] for row in rows)
            vectors = np.frombuffer(joined, np.float16).reshape(len(rows), -1)
        self._append([_Entry(*row[:4]) for row in rows], vectors)

    async def _encode_old_rows(self) -> None:
        """Give a vector to rows that were stored without this encoder."""
        if self._encoder is None:
            return
        stale = select(EntryRow).where(EntryRow.encoder != self._encoder.name).limit(BATCH)
        while True:
            async with self._database.session() as session:
                rows = list(await session.scalars(stale))
                if not rows:
                    return
                exchanges = [Exchange(row.question, row.answer) for row in rows]
                vectors = await asyncio.to_thread(self._encode, exchanges)
                assert vectors is not None  # noqa: S101  (there is an encoder)
                for row, vector in zip(rows, vectors, strict=True):
                    row.vector, row.encoder = vector.tobytes(), self._encoder.name


def _digest(exchange: Exchange) -> bytes:
    joined = f"{exchange.question}\0{exchange.answer}".encode()
    return hashlib.blake2b(joined, digest_size=16).digest()
