"""Dialogue index with its vectors in PostgreSQL, for more dialogues than memory should hold.

Needs PostgreSQL 14 and no extension. A scan of a narrow table finds the rows whose vectors
differ from the query's in the fewest signs; those few are compared exactly here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ForeignKey, String, func, select, text
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import Mapped, mapped_column

from services.errors import ConfigError
from services.retrieval.encoder import Encoder, Vectors
from services.retrieval.index import (
    BATCH,
    CANDIDATES,
    ENTRIES,
    DialogueIndex,
    Entry,
    Match,
    ranked,
)
from services.retrieval.vectors import SHORTLIST, HalfVectors, centred
from services.storage import Base, Database
from services.storage.database import retry_when_unavailable

SIGNS = 512  # dimensions of a vector
SAMPLE = 2000  # rows from which the mean vector is estimated


class SignsRow(Base):
    """Signs of a row's vector, in a narrow table of their own so that a scan stays short."""

    __tablename__ = "retrieval_signs"

    entry_id: Mapped[int] = mapped_column(
        ForeignKey("retrieval_entries.id", ondelete="CASCADE"), primary_key=True
    )
    signs: Mapped[str] = mapped_column(String().with_variant(BIT(SIGNS), "postgresql"))


_PUT = text(
    "INSERT INTO retrieval_signs (entry_id, signs) "
    "SELECT id, CAST(signs AS bit(512)) "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:signs AS text[])) AS new (id, signs) "
    "ON CONFLICT DO NOTHING"
)
_STALE = text(
    "DELETE FROM retrieval_signs USING retrieval_entries entry "
    "WHERE entry.id = entry_id AND entry.encoder <> :encoder"
)
_WITHOUT_SIGNS = text(
    "SELECT id, vector FROM retrieval_entries entry WHERE vector IS NOT NULL "
    "AND NOT EXISTS (SELECT FROM retrieval_signs WHERE entry_id = entry.id) LIMIT :most"
)
_NEAREST = text(
    "SELECT id, source, question, answer, vector FROM retrieval_entries WHERE id = ANY(ARRAY("
    "SELECT entry_id FROM retrieval_signs "
    "ORDER BY bit_count(signs # CAST(CAST(:signs AS text) AS bit(512))) LIMIT :most))"
)
_NEAREST_OF_SOURCE = text(
    "SELECT id, source, question, answer, vector FROM retrieval_entries "
    "JOIN retrieval_signs ON entry_id = id WHERE source = :source "
    "ORDER BY bit_count(signs # CAST(CAST(:signs AS text) AS bit(512))) LIMIT :most"
)


class PostgresIndex(DialogueIndex):
    """`DialogueIndex` in PostgreSQL; keeps only the mean vector in memory.

    Rows that any process wrote can be found at once by all.
    """

    def __init__(self, database: Database, encoder: Encoder) -> None:
        super().__init__(database, encoder)
        if database.engine.dialect.name != "postgresql":
            raise ConfigError("RETRIEVAL_STORE=postgresql: задай в DATABASE_URL адрес PostgreSQL")
        if encoder.dimensions != SIGNS:
            raise ConfigError(f"RETRIEVAL_STORE=postgresql: векторы должны быть из {SIGNS} чисел")
        self._meaning = encoder
        self._mean: Vectors = np.zeros(SIGNS, np.float32)

    async def open(self) -> None:
        async with self._database.session() as session:
            await session.execute(_STALE, {"encoder": self._meaning.name})
        await self._encode_old_rows()
        while await self._add_missing_signs():
            pass
        await self._settle()

    @retry_when_unavailable
    async def find(self, query: str, limit: int = 3, *, source: str | None = None) -> list[Match]:
        if not query.strip():
            return []
        vector = (await asyncio.to_thread(self._meaning.encode, [query]))[0]
        asked: dict[str, Any] = {"signs": _bits(vector), "most": SHORTLIST}
        if source is not None:
            asked["source"] = source
        nearest = _NEAREST if source is None else _NEAREST_OF_SOURCE
        async with self._database.session() as session:
            rows = (await session.execute(nearest, asked)).all()
        return await asyncio.to_thread(self._ranked, query, vector, rows, limit) if rows else []

    def _ranked(self, query: str, vector: Vectors, rows: Sequence[Any], limit: int) -> list[Match]:
        vectors = _read([row.vector for row in rows])
        cosines = vectors @ vector
        scores = centred(cosines, vectors @ self._mean, vector, self._mean)
        best = np.argsort(-scores)[:CANDIDATES].tolist()
        found = [(Entry(*rows[at][:4]), float(scores[at]), float(cosines[at])) for at in best]
        return ranked(query, found, limit)

    @retry_when_unavailable
    async def count(self, source: str | None = None) -> int:
        query = select(func.count()).select_from(ENTRIES)
        if source is not None:
            query = query.where(ENTRIES.c.source == source)
        async with self._database.session() as session:
            return await session.scalar(query) or 0

    async def _take_in(self, entries: Sequence[Entry], vectors: HalfVectors | None) -> None:
        assert vectors is not None  # noqa: S101  (there is an encoder)
        await self._put([entry.id for entry in entries], vectors.astype(np.float32))

    async def _let_go(self, keys: Sequence[int]) -> None:
        """Nothing to do: the database deletes the signs with the rows."""

    @retry_when_unavailable
    async def _put(self, ids: Sequence[int], vectors: Vectors) -> None:
        signs = [_bits(vector) for vector in vectors]
        async with self._database.session() as session:
            await session.execute(_PUT, {"ids": list(ids), "signs": signs})

    @retry_when_unavailable
    async def _add_missing_signs(self) -> int:
        """Add the signs of rows that `MemoryIndex` or `move-database` wrote; return how many."""
        async with self._database.session() as session:
            rows = (await session.execute(_WITHOUT_SIGNS, {"most": BATCH})).all()
        if rows:
            await self._put([row.id for row in rows], _read([row.vector for row in rows]))
        return len(rows)

    @retry_when_unavailable
    async def _settle(self) -> None:
        query = select(ENTRIES.c.vector).where(ENTRIES.c.vector.is_not(None))
        async with self._database.session() as session:
            vectors = list(await session.scalars(query.order_by(ENTRIES.c.id).limit(SAMPLE)))
        if vectors:
            # As in `VectorMatrix.center`: the mean of a few rows describes only those rows.
            self._mean = _read(vectors).mean(axis=0) * (len(vectors) / (len(vectors) + 200))


def _bits(vector: Vectors) -> str:
    return ((vector > 0) + np.uint8(ord("0"))).tobytes().decode()


def _read(vectors: Sequence[bytes]) -> Vectors:
    return np.frombuffer(b"".join(vectors), np.float16).reshape(len(vectors), -1).astype(np.float32)
