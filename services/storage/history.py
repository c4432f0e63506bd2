"""The messages of each conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Index,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from services.storage.database import (
    Base,
    Database,
    is_retry,
    retry_when_unavailable,
    utc_now,
)
from services.storage.group_commit import GroupCommit


class ConversationKey(NamedTuple):
    """A conversation of a bot: a chat, or a thread in it (0 where there are no threads)."""

    bot: str
    chat_id: int
    thread_id: int = 0


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it was sent.

    `source_id` is the id of the user's message: on the user's turn its own, on the
    assistant's the one that it answers.
    """

    role: Literal["user", "assistant"]
    content: str
    author_id: int | None = None
    author_name: str | None = None
    source_id: int | None = None
    created_at: datetime | None = None


class MessageRow(Base):
    __tablename__ = "messages"
    __table_args__ = (
        Index("messages_by_conversation", "bot", "chat_id", "thread_id", "id"),
        Index("messages_by_author", "bot", "author_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bot: Mapped[str]
    chat_id: Mapped[int]
    thread_id: Mapped[int]
    role: Mapped[str]
    content: Mapped[str]
    author_id: Mapped[int | None]
    author_name: Mapped[str | None]
    source_id: Mapped[int | None]
    created_at: Mapped[datetime]


# The fields of StoredMessage, in order; loading ORM objects would cost several times as much.
_COLUMNS = (
    MessageRow.role,
    MessageRow.content,
    MessageRow.author_id,
    MessageRow.author_name,
    MessageRow.source_id,
    MessageRow.created_at,
)
# Built once, as every message needs them.
_RECENT = (
    select(*_COLUMNS)
    .filter_by(**{name: bindparam(name) for name in ConversationKey._fields})
    .order_by(MessageRow.id.desc())
    .limit(bindparam("most"))
)
_APPEND = insert(MessageRow)


class HistoryStore:
    """The dialogue of each conversation, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._append = GroupCommit(self._append_each)

    async def append(self, key: ConversationKey, *messages: StoredMessage) -> None:
        """Store turns in one transaction: an exchange is kept whole or not at all."""
        await self._append((key, messages))

    @retry_when_unavailable
    async def recent(self, key: ConversationKey, limit: int) -> Sequence[StoredMessage]:
        """The last `limit` turns, oldest first."""
        asked = {**key._asdict(), "most": limit}
        rows = await self._database.run(lambda it: it.execute(_RECENT, asked).all())
        return [StoredMessage(*row) for row in reversed(rows)]

    @retry_when_unavailable
    async def answer_to(self, key: ConversationKey, source_id: int) -> str | None:
        """The answer already given to the user's message `source_id`, if there is one."""
        query = (
            select(MessageRow.content)
            .filter_by(**key._asdict(), role="assistant", source_id=source_id)
            .order_by(MessageRow.id.desc())
        )
        async with self._database.session() as session:
            answer: str | None = await session.scalar(query.limit(1))
        return answer

    @retry_when_unavailable
    async def last_question(self, bot: str, chat_id: int, person_id: int) -> StoredMessage | None:
        """The last message of a person that was answered in a chat."""
        query = (
            select(*_COLUMNS)
            .filter_by(bot=bot, chat_id=chat_id, author_id=person_id, role="user")
            .order_by(MessageRow.id.desc())
            .limit(1)
        )
        async with self._database.session() as session:
            row = (await session.execute(query)).first()
        return StoredMessage(*row) if row else None

    @retry_when_unavailable
    async def thread_of(self, bot: str, chat_id: int, source_id: int) -> int | None:
        """The thread of a chat in which a person's message was answered, if it is kept."""
        query = select(MessageRow.thread_id).filter_by(
            bot=bot, chat_id=chat_id, source_id=source_id, role="user"
        )
        async with self._database.session() as session:
            thread: int | None = await session.scalar(query.limit(1))
        return thread

    @retry_when_unavailable
    async def take_out(self, bot: str, chat_id: int, source_id: int) -> None:
        """Delete a message and its answer, wherever in the chat they were said."""
        exchange = delete(MessageRow).filter_by(bot=bot, chat_id=chat_id, source_id=source_id)
        async with self._database.session() as session:
            await session.execute(exchange)

    @retry_when_unavailable
    async def authors(self, key: ConversationKey) -> Sequence[int]:
        """Who has written in a conversation."""
        query = select(MessageRow.author_id).filter_by(**key._asdict()).distinct()
        async with self._database.session() as session:
            return [author for author in await session.scalars(query) if author is not None]

    @retry_when_unavailable
    async def thread_of_words(
        self, key: ConversationKey, author_id: int, content: str
    ) -> int | None:
        """Where a person asked something in these words: in this thread, else in another one."""
        query = (
            select(MessageRow.thread_id)
            .filter_by(bot=key.bot, chat_id=key.chat_id, role="user", author_id=author_id)
            .where(MessageRow.content == content)
            .order_by(MessageRow.thread_id != key.thread_id, MessageRow.id.desc())
        )
        async with self._database.session() as session:
            thread: int | None = await session.scalar(query.limit(1))
        return thread

    @retry_when_unavailable
    async def withdraw(self, key: ConversationKey, author_id: int, content: str) -> None:
        """Delete the last question of an author with these words, and its answer."""
        asked = dict(key._asdict(), role="user", author_id=author_id, content=content)
        question = select(MessageRow.source_id).filter_by(**asked)
        async with self._database.session() as session:
            found = await session.scalar(question.order_by(MessageRow.id.desc()).limit(1))
            if found is not None:
                rows = delete(MessageRow).filter_by(**key._asdict(), source_id=found)
                await session.execute(rows)

    @retry_when_unavailable
    async def clear(self, key: ConversationKey) -> int:
        """Forget a conversation; return how many turns there were."""
        async with self._database.session() as session:
            removed = await session.scalars(
                delete(MessageRow).filter_by(**key._asdict()).returning(MessageRow.id)
            )
            return len(removed.all())

    @retry_when_unavailable
    async def conversations(self, bot: str, person_id: int) -> Sequence[ConversationKey]:
        """Where the person's words may be stored: their private chat, and where they spoke."""
        columns = (MessageRow.bot, MessageRow.chat_id, MessageRow.thread_id)
        query = select(*columns).where(_of_person(bot, person_id)).distinct()
        async with self._database.session() as session:
            rows = (await session.execute(query)).all()
        return [ConversationKey(*row) for row in rows]

    @retry_when_unavailable
    async def forget(self, bot: str, person_id: int) -> None:
        """Delete a person's messages and private chat, and every answer given after they spoke.

        A later answer, to whomever, may repeat what the model heard from them.
        """
        spoken = aliased(MessageRow)
        after = exists().where(
            spoken.bot == MessageRow.bot,
            spoken.chat_id == MessageRow.chat_id,
            spoken.thread_id == MessageRow.thread_id,
            spoken.author_id == person_id,
            spoken.id < MessageRow.id,
        )
        repeated = and_(MessageRow.bot == bot, MessageRow.role == "assistant", after)
        async with self._database.session() as session:
            for rows in (repeated, _of_person(bot, person_id)):
                await session.execute(
                    delete(MessageRow).where(rows).execution_options(synchronize_session=False)
                )

    async def _append_each(
        self, exchanges: Sequence[tuple[ConversationKey, Sequence[StoredMessage]]]
    ) -> Sequence[None]:
        await self._insert([_to_row(*each) for each in _flatten(exchanges)])
        return [None] * len(exchanges)

    @retry_when_unavailable
    async def _insert(self, rows: Sequence[dict[str, Any]]) -> None:
        """Store rows, all of them or none; a retry finds them by conversation and time."""
        if is_retry() and rows:
            stored = select(MessageRow.id).filter_by(**rows[0]).limit(1)
            if await self._database.run(lambda it: it.scalar(stored)) is not None:
                return
        await self._database.run(lambda it: it.execute(_APPEND, rows))


def _flatten(
    exchanges: Sequence[tuple[ConversationKey, Sequence[StoredMessage]]],
) -> Iterator[tuple[ConversationKey, StoredMessage]]:
    return ((key, message) for key, messages in exchanges for message in messages)


def _of_person(bot: str, person_id: int) -> ColumnElement[bool]:
    return and_(
        MessageRow.bot == bot,
        or_(MessageRow.author_id == person_id, MessageRow.chat_id == person_id),
    )


def _to_row(key: ConversationKey, message: StoredMessage) -> dict[str, Any]:
    return {
        **key._asdict(),
        "role": message.role,
        "content": message.content.replace("\x00", ""),  # PostgreSQL refuses it
        "author_id": message.author_id,
        "author_name": message.author_name,
        "source_id": message.source_id,
        "created_at": message.created_at or utc_now(),
    }
