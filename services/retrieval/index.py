"""Dialogue index: its interface and its rows in the database."""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from sqlalchemy import Index, LargeBinary, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.retrieval.encoder import Encoder
from services.retrieval.spelling import likeness, trigrams
from services.retrieval.vectors import HalfVectors
from services.storage import Base, Database
from services.storage.database import is_retry, retry_when_unavailable

ANSWER_WEIGHT = 0.25  # of the answer in a row's vector; the question weighs 1
SPELLING_WEIGHT = 0.15  # of the trigram similarity in the final score
ANSWER_CHARACTERS = 400  # encoded of an answer; the rest adds cost and no accuracy
CANDIDATES = 50  # nearest rows that are ranked again with spelling
BATCH = 512  # rows encoded and committed at once

Progress = Callable[[int, int], None]


class Exchange(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Match:
    """An exchange found by `DialogueIndex.find`.

    `score` orders the matches of one query. `likeness` is comparable between queries: 1 for the
    same question; below `DialogueIndex.example_threshold` the match is no useful example.
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
        {"sqlite_autoincrement": True},  # ids are never reused: higher ones are new rows
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    encoder: Mapped[str]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)


ENTRIES = cast(Table, EntryRow.__table__)
_INSERT = insert(ENTRIES).returning(ENTRIES.c.id, sort_by_parameter_order=True)


class Entry(NamedTuple):
    """A stored exchange."""

    id: int
    source: str
    question: str
    answer: str


class DialogueIndex(ABC):
    """Finds exchanges whose question is similar; opened by `services.retrieval.open_index`.

    Rows are written to the database first and can be found once the call returns; rows that
    other processes wrote can be found some seconds later.
    """

    def __init__(self, database: Database, encoder: Encoder | None) -> None:
        self._database = database
        self._encoder = encoder
        self._writing = asyncio.Lock()  # one transaction at a time

    @property
    def example_threshold(self) -> float:
        """Least `Match.likeness` of an exchange worth showing to the model as an example."""
        return 0.6 if self._encoder else 0.45

    @property
    def same_question_threshold(self) -> float:
        """Least `Match.likeness` at which two questions count as the same."""
        return 0.88 if self._encoder else 0.85

    # --- where the vectors are searched ------------------------------------------------

    @abstractmethod
    async def open(self) -> None:
        """Prepare the rows of the database for searching."""

    @abstractmethod
    async def find(self, query: str, limit: int = 3, *, source: str | None = None) -> list[Match]:
        """Return the `limit` exchanges whose question is most similar, best first."""

    @abstractmethod
    async def count(self, source: str | None = None) -> int:
        """Number of exchanges, of one source or of all."""

    @abstractmethod
    async def _take_in(self, entries: Sequence[Entry], vectors: HalfVectors | None) -> None:
        """Add new rows to the search."""

    @abstractmethod
    async def _settle(self) -> None:
        """Refit the mean vector after a bulk load."""

    @abstractmethod
    async def _let_go(self, keys: Sequence[int]) -> None:
        """Remove rows from the search."""

    # --- writing -------------------------------------------------------------------------

    async def add(self, source: str, exchange: Exchange) -> int:
        """Store one exchange and return its id; the next search finds it."""
        (key,) = await self._insert(source, [exchange])
        return key

    async def sync(
        self, source: str, exchanges: Iterable[Exchange], progress: Progress | None = None
    ) -> int:
        """Replace a source's rows by `exchanges`, without repeats; return how many are new.

        Rows that stay keep their vectors, so a second call is cheap. Batches committed before an
        interruption stay, so the next call resumes.
        """
        wanted = {_digest(exchange): exchange for exchange in exchanges}
        async with self._database.exclusive(f"sync {source}"):  # replicas may start together
            new = await self._replace(source, wanted, progress)
        if new:
            await self._settle()
        return new

    @retry_when_unavailable
    async def _numbers(self, source: str) -> dict[bytes, int]:
        """Row ids of a source by digest."""
        query = select(EntryRow.digest, EntryRow.id).filter_by(source=source).order_by(EntryRow.id)
        async with self._database.session() as session:
            return {bytes(digest): key for digest, key in await session.execute(query)}

    async def _replace(
        self, source: str, wanted: Mapping[bytes, Exchange], progress: Progress | None
    ) -> int:
        present = await self._numbers(source)
        await self.remove([key for digest, key in present.items() if digest not in wanted])
        new = [exchange for digest, exchange in wanted.items() if digest not in present]
        for start in range(0, len(new), BATCH):
            await self._insert(source, new[start : start + BATCH])
            if progress:
                progress(min(start + BATCH, len(new)), len(new))
        return len(new)

    async def remove(self, keys: Sequence[int]) -> None:
        """Delete exchanges; ids that don't exist are ignored."""
        if not keys:
            return
        async with self._writing:
            await self._delete(keys)
        await self._let_go(keys)

    @retry_when_unavailable
    async def _delete(self, keys: Sequence[int]) -> None:
        async with self._database.session() as session:
            await self.delete_within(session, keys)

    async def delete_within(self, session: AsyncSession, keys: Sequence[int]) -> None:
        """Delete rows in the caller's transaction; call `remove` once it is committed."""
        for start in range(0, len(keys), 500):
            await session.execute(
                delete(EntryRow).where(EntryRow.id.in_(keys[start : start + 500]))
            )

    @retry_when_unavailable
    async def keys(self, source: str) -> set[int]:
        """Ids of a source's exchanges."""
        async with self._database.session() as session:
            return set(await session.scalars(select(EntryRow.id).filter_by(source=source)))

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
            keys = await self._store(source, values)
            entries = [
                Entry(key, source, *exchange) for key, exchange in zip(keys, exchanges, strict=True)
            ]
            await self._take_in(entries, vectors)
        return keys

    @retry_when_unavailable
    async def _store(self, source: str, values: Sequence[dict[str, Any]]) -> list[int]:
        """Insert all rows or none; return their ids, also if an earlier attempt inserted them."""
        if is_retry():
            present = await self._numbers(source)
            if all(value["digest"] in present for value in values):
                return [present[value["digest"]] for value in values]
        if len(values) == 1:
            return await self._database.run(lambda it: list(it.scalars(_INSERT, values)))
        async with self._database.session() as session:
            return list(await session.scalars(_INSERT, values))

    def _encode(self, exchanges: Sequence[Exchange]) -> HalfVectors | None:
        """Encode each exchange as a weighted sum of its question's and answer's vectors."""
        if self._encoder is None:
            return None
        questions = [exchange.question for exchange in exchanges]
        answers = [exchange.answer[:ANSWER_CHARACTERS] for exchange in exchanges]
        both = self._encoder.encode(questions + answers)
        vectors = both[: len(questions)] + ANSWER_WEIGHT * both[len(questions) :]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float16)

    async def _encode_old_rows(self) -> None:
        """Encode rows that were stored without an encoder or with another one."""
        if self._encoder is None:
            return
        while await self._encode_some(self._encoder.name):
            pass

    @retry_when_unavailable
    async def _encode_some(self, encoder: str) -> bool:
        """Encode a batch of such rows in one transaction; False when none are left."""
        stale = select(EntryRow).where(EntryRow.encoder != encoder).limit(BATCH)
        async with self._database.session() as session:
            rows = list(await session.scalars(stale))
            exchanges = [Exchange(row.question, row.answer) for row in rows]
            vectors = await asyncio.to_thread(self._encode, exchanges) if rows else None
            if vectors is None:
                return False
            for row, vector in zip(rows, vectors, strict=True):
                row.vector, row.encoder = vector.tobytes(), encoder
        return True


def ranked(query: str, rows: Iterable[tuple[Entry, float, float]], limit: int) -> list[Match]:
    """Rank rows of (entry, centred cosine, cosine), the spelling breaking ties; best first."""
    spelt = trigrams(query)
    matches = [
        Match(*entry, score + SPELLING_WEIGHT * likeness(spelt, trigrams(entry.question)), cosine)
        for entry, score, cosine in rows
    ]
    matches.sort(key=lambda match: -match.score)
    return matches[:limit]


def _digest(exchange: Exchange) -> bytes:
    joined = f"{exchange.question}\0{exchange.answer}".encode()
    return hashlib.blake2b(joined, digest_size=16).digest()
