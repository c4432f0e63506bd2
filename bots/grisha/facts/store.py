"""The table of facts: each belongs to a person and to the chat where it was said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, UniqueConstraint, bindparam, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from services.storage import Base, Database
from services.storage.database import retry_when_unavailable

MAX_FACTS = 400  # of one person in one chat; the oldest make room


class FactRow(Base):
    __tablename__ = "grisha_facts"
    __table_args__ = (UniqueConstraint("person_id", "chat_id", "message_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int]
    chat_id: Mapped[int]
    message_id: Mapped[int]
    said_at: Mapped[datetime]
    text: Mapped[str]
    context: Mapped[str]
    kinds: Mapped[str]
    relations: Mapped[str]
    about_others: Mapped[bool]
    vector: Mapped[bytes | None]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact in a person's own words; a message tells at most one.

    `context` is the talk that it answers, `vector` its meaning. `about_others` marks what only
    a relative does.
    """

    person_id: int
    chat_id: int
    message_id: int
    said_at: datetime
    text: str
    kinds: frozenset[str]
    context: str = ""
    relations: frozenset[str] = frozenset()
    about_others: bool = False
    vector: NDArray[np.float16] | NDArray[np.float32] | None = None
    id: int = 0


# The fields of Fact; loading ORM objects would cost several times as much.
_COLUMNS = (
    FactRow.person_id,
    FactRow.chat_id,
    FactRow.message_id,
    FactRow.said_at,
    FactRow.text,
    FactRow.kinds,
    FactRow.context,
    FactRow.relations,
    FactRow.about_others,
    FactRow.vector,
    FactRow.id,
)


def facts_of_person() -> Select[Any]:
    """The query for what a person said in a chat, oldest first."""
    return (
        select(*_COLUMNS)
        .where(FactRow.person_id == bindparam("person"), FactRow.chat_id == bindparam("chat"))
        .order_by(FactRow.said_at, FactRow.id)
    )


_OF_PERSON = facts_of_person()


class FactStore:
    """Facts by person and chat; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_when_unavailable
    async def of(self, person_id: int, chat_id: int) -> Sequence[Fact]:
        """What a person said in a chat, oldest first."""
        asked = {"person": person_id, "chat": chat_id}
        rows = await self._database.run(lambda it: it.execute(_OF_PERSON, asked).all())
        return [_fact(row) for row in rows]

    @retry_when_unavailable
    async def everything(self, person_id: int | None = None, words: str = "") -> Sequence[Fact]:
        """All facts, or those of one person or with these words; oldest first."""
        query = select(*_COLUMNS).order_by(FactRow.person_id, FactRow.said_at, FactRow.id)
        if person_id is not None:
            query = query.filter_by(person_id=person_id)
        rows = await self._database.run(lambda it: it.execute(query).all())
        facts = [_fact(row) for row in rows]
        return [fact for fact in facts if words.lower() in fact.text.lower()]

    @retry_when_unavailable
    async def put(self, facts: Sequence[Fact], delete_ids: Collection[int] = ()) -> None:
        """Keep facts, replacing what the same messages told; delete those of `delete_ids`."""
        async with self._database.session() as session:
            if delete_ids:
                await session.execute(delete(FactRow).where(FactRow.id.in_(delete_ids)))
            for fact in facts:
                values = _values(fact)
                keys = [FactRow.person_id, FactRow.chat_id, FactRow.message_id]
                insert = self._database.insert(FactRow).values(values)
                await session.execute(
                    insert.on_conflict_do_update(index_elements=keys, set_=values)
                )
            for person_id, chat_id in {(fact.person_id, fact.chat_id) for fact in facts}:
                surplus = (
                    select(FactRow.id)
                    .filter_by(person_id=person_id, chat_id=chat_id)
                    .order_by(FactRow.said_at.desc(), FactRow.id.desc())
                    .offset(MAX_FACTS)
                )
                if ids := list(await session.scalars(surplus)):
                    await session.execute(delete(FactRow).where(FactRow.id.in_(ids)))

    @retry_when_unavailable
    async def describe(self, fact: Fact, kinds: frozenset[str]) -> None:
        """Say what a fact is about; nothing happens if it was changed or deleted meanwhile."""
        same = (FactRow.id == fact.id, FactRow.text == fact.text)
        async with self._database.session() as session:
            await session.execute(
                update(FactRow).where(*same).values(kinds=" ".join(sorted(kinds)))
            )

    @retry_when_unavailable
    async def delete(self, person_id: int, fact_id: int) -> None:
        """Delete one of a person's facts."""
        async with self._database.session() as session:
            await session.execute(delete(FactRow).filter_by(person_id=person_id, id=fact_id))

    @retry_when_unavailable
    async def forget(self, person_id: int) -> None:
        async with self._database.session() as session:
            await session.execute(delete(FactRow).filter_by(person_id=person_id))

    @retry_when_unavailable
    async def count(self) -> int:
        async with self._database.session() as session:
            return await session.scalar(select(func.count()).select_from(FactRow)) or 0


def _values(fact: Fact) -> dict[str, object]:
    return {
        "person_id": fact.person_id,
        "chat_id": fact.chat_id,
        "message_id": fact.message_id,
        "said_at": fact.said_at,
        "text": fact.text.replace("\x00", ""),  # PostgreSQL refuses it
        "context": fact.context.replace("\x00", ""),
        "kinds": " ".join(sorted(fact.kinds)),
        "relations": " ".join(sorted(fact.relations)),
        "about_others": fact.about_others,
        "vector": None if fact.vector is None else fact.vector.astype(np.float16).tobytes(),
    }


def _fact(row: Row[Any]) -> Fact:
    person, chat, message, said_at, text, kinds, context, relations, others, packed, number = row
    vector = None if packed is None else np.frombuffer(packed, np.float16)
    return Fact(
        person, chat, message, said_at, text, _names(kinds), context, _names(relations), others,
        vector, number,
    )  # fmt: skip


@lru_cache(1024)
def _names(stored: str) -> frozenset[str]:
    """Many facts are of the same kinds."""
    return frozenset(stored.split())
