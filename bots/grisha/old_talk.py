"""What people said long ago, found again by meaning.

Every row belongs to a person and to the chat where they said it, in a private chat to the talk
there (`talk_id`, 0 for the first one and in groups): a search reads the rows of one person in one
talk, through the index of its unique key, and nobody else's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Row,
    Select,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from bots.grisha.facts.kinds import stems_of
from services.retrieval import Encoder
from services.retrieval.lexical import stems
from services.retrieval.spelling import likeness, trigrams
from services.storage import Base, Database
from services.storage.database import is_retry, retry_when_unavailable

MAX_SAID = 5000  # of one person in one talk; the oldest make room
MAX_CHARACTERS = 500  # kept of a message
MIN_WORDS = 2  # that carry a meaning; «ага, спасибо» is nothing to recall
CANDIDATES = 12  # nearest by meaning, and as many newest with a word of the question
SPELLING = 0.15  # weight of the likeness of spelling
WORDS = 0.4  # weight of the share of the question's words, the rarer the more
MAX_HELD = 8  # people whose vectors stay in memory, 2.5 MB each at most
MAX_ASKED = 20  # words of a question that are looked for
EQUAL = 0.02  # scores that differ by less are equal: the newer goes first
BEARS_FROM = 0.45  # score of what is worth its place in a prompt
# Numbers of a unit vector of 512 stay far below a quarter: a byte each is enough.
_SCALE = 512.0
_BLOCK = 256  # rows


class SaidRow(Base):
    __tablename__ = "grisha_said"
    __table_args__ = (
        UniqueConstraint("person_id", "chat_id", "talk_id", "message_id"),
        {"sqlite_autoincrement": True},  # ids are never reused: a higher one is a newer row
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int]
    chat_id: Mapped[int]
    talk_id: Mapped[int]
    message_id: Mapped[int]
    said_at: Mapped[datetime]
    text: Mapped[str]
    stems: Mapped[str]
    vector: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class Recalled:
    """A message that somebody wrote long ago."""

    message_id: int
    said_at: datetime
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class _Held:
    """Vectors of one person in one talk, up to the row `last`, a byte a number."""

    last: int
    numbers: NDArray[np.int64]
    matrix: NDArray[np.int8]


_NOTHING = _Held(0, np.empty(0, np.int64), np.empty((0, 0), np.int8))
_OWN = (
    SaidRow.person_id == bindparam("person"),
    SaidRow.chat_id == bindparam("chat"),
    SaidRow.talk_id == bindparam("talk"),
)


def vectors_of_person() -> Select[Any]:
    """The query of a search: what one person said in one talk after a row."""
    return (
        select(SaidRow.id, SaidRow.message_id, SaidRow.vector)
        .where(*_OWN, SaidRow.id > bindparam("after"))
        .order_by(SaidRow.id)
    )


_VECTORS = vectors_of_person()
_VERSION = select(func.count(), func.max(SaidRow.id)).select_from(SaidRow).where(*_OWN)


class OldTalk:
    """Messages of people over an encoder; without one nothing is kept and nothing found."""

    def __init__(self, database: Database, encoder: Encoder | None) -> None:
        self._database = database
        self._encoder = encoder
        self._held: dict[tuple[int, int, int], _Held] = {}  # the longest unused first

    async def keep(
        self,
        person_id: int,
        chat_id: int,
        message_id: int,
        text: str,
        said_at: datetime,
        talk_id: int = 0,
    ) -> None:
        """Keep a message; an edited one replaces what it said before."""
        if self._encoder is None:
            return
        text = text.strip()[:MAX_CHARACTERS]
        if len(stems_of(text)) < MIN_WORDS:
            await self.delete(person_id, chat_id, [message_id])
            return
        vectors = await asyncio.to_thread(self._encoder.encode, [text])
        values = {
            "person_id": person_id,
            "chat_id": chat_id,
            "talk_id": talk_id,
            "message_id": message_id,
            "said_at": said_at,
            "text": text.replace("\x00", ""),  # PostgreSQL refuses it
            "stems": f" {' '.join(sorted(set(stems(text))))} ",
            "vector": _packed(vectors[0]),
        }
        await self._put(values)

    async def find(
        self,
        person_id: int,
        chat_id: int,
        query: str,
        limit: int,
        but: Collection[int] = (),
        talk_id: int = 0,
    ) -> Sequence[Recalled]:
        """The messages of a person in a talk that are nearest in meaning, best first.

        `but` are ids of messages to leave out.
        """
        if self._encoder is None:
            return ()
        vectors = await asyncio.to_thread(self._encoder.encode, [query])
        asked = frozenset(stems(query)[:MAX_ASKED])
        owner = {"person": person_id, "chat": chat_id, "talk": talk_id}
        found = await self._rows(owner, vectors[0], asked, limit + len(but))
        rest = [row for row in found if row.message_id not in but]
        ranked = _ranked(query, asked, rest, vectors[0])
        return ranked[:limit]

    async def delete(self, person_id: int, chat_id: int, message_ids: Sequence[int]) -> None:
        if message_ids:
            await self._delete(
                SaidRow.person_id == person_id,
                SaidRow.chat_id == chat_id,
                SaidRow.message_id.in_(message_ids),
            )

    async def clear(self, chat_id: int, person_ids: Sequence[int], talk_id: int = 0) -> None:
        """Delete what these people said in a talk."""
        await self._delete(
            SaidRow.chat_id == chat_id,
            SaidRow.talk_id == talk_id,
            SaidRow.person_id.in_(person_ids),
        )

    async def forget(self, person_id: int) -> None:
        for key in [key for key in self._held if key[0] == person_id]:
            del self._held[key]
        await self._delete(SaidRow.person_id == person_id)

    @retry_when_unavailable
    async def _delete(self, *which: object) -> None:
        async with self._database.session() as session:
            await session.execute(delete(SaidRow).where(*which))  # type: ignore[arg-type]

    @retry_when_unavailable
    async def _put(self, values: dict[str, object]) -> None:
        insert, text = self._database.insert(SaidRow).values(values), values["text"]
        own = (
            SaidRow.person_id == values["person_id"],
            SaidRow.chat_id == values["chat_id"],
            SaidRow.talk_id == values["talk_id"],
        )
        surplus = (
            select(SaidRow.message_id)
            .where(*own)
            .order_by(SaidRow.message_id.desc())
            .offset(MAX_SAID)
            .limit(1)
        )
        this = (*own, SaidRow.message_id == values["message_id"])
        edited = delete(SaidRow).where(*this)
        async with self._database.session() as session:
            if is_retry() and await session.scalar(select(SaidRow.text).where(*this)) == text:
                return
            await session.execute(edited)  # a new row gets a new id: other replicas see it
            await session.execute(insert.on_conflict_do_nothing())
            oldest = await session.scalar(surplus)
            if oldest is not None:
                await session.execute(delete(SaidRow).where(*own, SaidRow.message_id <= oldest))

    async def _rows(
        self,
        owner: dict[str, int],
        query: NDArray[np.float32],
        asked: frozenset[str],
        count: int,
    ) -> Sequence[Row[Any]]:
        """The rows nearest to a vector, and the newest with a word that is asked."""
        held = await self._held_of(owner)
        if not len(held.numbers):
            return ()
        cosines = await asyncio.to_thread(_cosines, held.matrix, query)
        near = [int(held.numbers[at]) for at in _nearest(cosines, count + CANDIDATES)]
        own = (
            SaidRow.person_id == owner["person"],
            SaidRow.chat_id == owner["chat"],
            SaidRow.talk_id == owner["talk"],
        )
        spelt = select(SaidRow.message_id).where(
            *own, or_(*(SaidRow.stems.contains(f" {stem} ", autoescape=True) for stem in asked))
        )
        spelt = spelt.order_by(SaidRow.message_id.desc()).limit(count + CANDIDATES)
        same = [row.message_id for row in await self._read(spelt, {})] if asked else []
        columns = (SaidRow.message_id, SaidRow.said_at, SaidRow.text, SaidRow.vector)
        wanted = select(*columns).where(*own, SaidRow.message_id.in_({*near, *same}))
        return await self._read(wanted, {})

    async def _held_of(self, owner: dict[str, int]) -> _Held:
        """The vectors of one person in one talk: those in memory, with the rows since then."""
        key = (owner["person"], owner["chat"], owner["talk"])
        count, last = (await self._read(_VERSION, owner))[0]
        held = self._held.pop(key, _NOTHING)
        if (len(held.numbers), held.last) != (count, last or 0):
            held = await self._newer(owner, held, count)
        self._held[key] = held
        while len(self._held) > MAX_HELD:
            self._held.pop(next(iter(self._held)))
        return held

    async def _newer(self, owner: dict[str, int], held: _Held, count: int) -> _Held:
        for start in (held, _NOTHING):
            rows = await self._read(_VECTORS, {**owner, "after": start.last})
            if len(start.numbers) + len(rows) == count or start is _NOTHING:
                return _joined(start, rows)
        return _NOTHING

    @retry_when_unavailable
    async def _read(self, query: Select[Any], values: dict[str, int]) -> Sequence[Row[Any]]:
        return await self._database.run(lambda it: it.execute(query, values).all())


def _joined(held: _Held, rows: Sequence[Row[Any]]) -> _Held:
    if not rows:
        return held
    matrix = _matrix([row.vector for row in rows])
    numbers = np.array([row.message_id for row in rows], np.int64)
    return _Held(
        rows[-1].id,
        np.concatenate([held.numbers, numbers]),
        np.concatenate([held.matrix, matrix]) if len(held.numbers) else matrix,
    )


def _ranked(
    query: str, asked: frozenset[str], rows: Sequence[Row[Any]], vector: NDArray[np.float32]
) -> list[Recalled]:
    """Rows by meaning, spelling and rare words; newest first among equals."""
    if not rows:
        return []
    spelt = trigrams(query)
    cosines = _cosines(_matrix([row.vector for row in rows]), vector)
    told = [asked.intersection(stems(row.text)) for row in rows]
    counts = Counter(stem for each in told for stem in each)
    rarity = {stem: 1 / (1 + counts[stem]) for stem in asked}
    whole = sum(rarity.values()) or 1.0
    ranked = [
        Recalled(
            row.message_id,
            row.said_at,
            row.text,
            float(cosine)
            + SPELLING * likeness(spelt, trigrams(row.text))
            + WORDS * sum(rarity[stem] for stem in each) / whole,
        )
        for row, cosine, each in zip(rows, cosines, told, strict=True)
    ]
    ranked.sort(key=lambda each: (-round(each.score / EQUAL), -each.message_id))
    return ranked


def _packed(vector: NDArray[np.float32]) -> bytes:
    return bytes(np.clip(np.rint(vector * _SCALE), -127, 127).astype(np.int8).data)


def _matrix(packed: Sequence[bytes]) -> NDArray[np.int8]:
    return np.frombuffer(b"".join(packed), np.int8).reshape(len(packed), -1)


def _cosines(matrix: NDArray[np.int8], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Block by block: a block of floats stays in the processor's cache."""
    found = np.empty(len(matrix), np.float32)
    for start in range(0, len(matrix), _BLOCK):
        block = matrix[start : start + _BLOCK].astype(np.float32)
        found[start : start + len(block)] = block @ query
    return found / np.float32(_SCALE)


def _nearest(cosines: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    if len(cosines) <= count:
        return np.argsort(-cosines)
    best = np.argpartition(-cosines, count)[:count]
    return best[np.argsort(-cosines[best])]
