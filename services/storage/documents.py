"""The texts of documents that people sent into a talk, within bounds of age and size.

Only the text is kept, packed; the newest of a conversation, for a week, no more than MAX_OF_PERSON
bytes of one person and MAX_TOTAL in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Index,
    LargeBinary,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.storage.database import Base, Database, retry_when_unavailable, utc_now
from services.storage.history import ConversationKey

MAX_IN_TALK = 5
MAX_AGE = timedelta(days=7)
MAX_OF_PERSON = 12 * 2**20  # so that nobody pushes out what others sent
MAX_TOTAL = 64 * 2**20


class DocumentRow(Base):
    __tablename__ = "documents"
    __table_args__ = (
        Index("documents_by_conversation", "bot", "chat_id", "thread_id"),
        Index("documents_by_author", "bot", "author_id"),
        {"sqlite_autoincrement": True},  # a number is never used twice: caches go by it
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bot: Mapped[str]
    chat_id: Mapped[int]
    thread_id: Mapped[int]
    author_id: Mapped[int]
    source_id: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A packed document and its number; `source_id` is the message that brought it."""

    id: int
    source_id: int
    body: bytes


class DocumentStore:
    """The documents of each conversation of one bot, newest first."""

    def __init__(self, database: Database, bot: str) -> None:
        self._database = database
        self._bot = bot

    @retry_when_unavailable
    async def put(
        self, key: ConversationKey, author_id: int, source_id: int, bodies: Sequence[bytes]
    ) -> None:
        """Keep what one message brought, in place of what it brought before."""
        now = utc_now()
        rows = [
            {**key._asdict(), "author_id": author_id, "source_id": source_id, "body": body,
             "size": len(body), "created_at": now}
            for body in bodies
        ]  # fmt: skip
        async with self._database.session() as session:
            if not await self._database.is_new(session):
                return
            before = delete(DocumentRow).filter_by(**key._asdict(), source_id=source_id)
            await session.execute(before)
            await session.execute(insert(DocumentRow), rows)
            await self._trim(session, key, author_id)

    @retry_when_unavailable
    async def of(self, key: ConversationKey) -> Sequence[StoredDocument]:
        """The documents of a conversation."""
        columns = (DocumentRow.id, DocumentRow.source_id, DocumentRow.body)
        query = select(*columns).filter_by(**key._asdict()).order_by(DocumentRow.id.desc())
        recent = query.where(DocumentRow.created_at > utc_now() - MAX_AGE)
        rows = await self._database.run(lambda it: it.execute(recent).all())
        return [StoredDocument(*row) for row in rows]

    @retry_when_unavailable
    async def of_person(self, person_id: int) -> Sequence[StoredDocument]:
        """What a person sent, and all of their private chat: what `forget` deletes."""
        columns = (DocumentRow.id, DocumentRow.source_id, DocumentRow.body)
        query = select(*columns).where(self._theirs(person_id)).order_by(DocumentRow.id)
        rows = await self._database.run(lambda it: it.execute(query).all())
        return [StoredDocument(*row) for row in rows]

    @retry_when_unavailable
    async def clear(self, key: ConversationKey, author_id: int | None = None) -> None:
        """Delete the documents of a conversation, with an author only theirs."""
        rows = delete(DocumentRow).filter_by(**key._asdict())
        if author_id is not None:
            rows = rows.filter_by(author_id=author_id)
        async with self._database.session() as session:
            await session.execute(rows)

    @retry_when_unavailable
    async def forget(self, person_id: int) -> None:
        """Delete what a person sent, and all of their private chat."""
        async with self._database.session() as session:
            await session.execute(delete(DocumentRow).where(self._theirs(person_id)))

    def _theirs(self, person_id: int) -> ColumnElement[bool]:
        person = or_(DocumentRow.author_id == person_id, DocumentRow.chat_id == person_id)
        return and_(DocumentRow.bot == self._bot, person)

    async def _trim(self, session: AsyncSession, key: ConversationKey, author_id: int) -> None:
        """Drop what is old, and the oldest beyond each of the bounds."""
        await session.execute(
            delete(DocumentRow).where(DocumentRow.created_at < utc_now() - MAX_AGE)
        )
        newest = select(DocumentRow.id).filter_by(**key._asdict()).order_by(DocumentRow.id.desc())
        await self._drop(session, await session.scalars(newest.offset(MAX_IN_TALK)))
        theirs = DocumentRow.author_id == author_id
        for bound, rows in ((MAX_OF_PERSON, theirs), (MAX_TOTAL, true())):
            after = func.sum(DocumentRow.size).over(order_by=DocumentRow.id.desc())
            sums = select(DocumentRow.id, after.label("after")).where(rows).subquery()
            beyond = select(sums.c.id).where(sums.c.after > bound)
            await self._drop(session, await session.scalars(beyond))

    async def _drop(self, session: AsyncSession, numbers: Iterable[int]) -> None:
        if surplus := list(numbers):
            await session.execute(delete(DocumentRow).where(DocumentRow.id.in_(surplus)))
