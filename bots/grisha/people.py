"""Stores of users and of conversation summaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, delete, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from services.storage import PERSON, Base, ConversationKey, Database, StoredMessage
from services.storage.database import retry_when_unavailable, utc_now
from services.storage.history import MessageRow

BOT = "grisha"


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one user; `name` is what they called themselves."""

    id: int
    name: str | None
    first_seen: datetime
    last_seen: datetime
    chats: tuple[int, ...] = ()
    messages: int = 0


class UserRow(Base):
    __tablename__ = "grisha_users"

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, info={PERSON: True}
    )
    name: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class UserChatRow(Base):
    __tablename__ = "grisha_user_chats"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class SummaryRow(Base):
    __tablename__ = "grisha_summaries"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    thread_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    text: Mapped[str]
    until: Mapped[int]


class UserMemory:
    """People by their Telegram id; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_when_unavailable
    async def see(self, user_id: int, chat_id: int) -> None:
        """Note that the user wrote in the chat."""
        now = utc_now()
        user = self._database.insert(UserRow).values(id=user_id, first_seen=now, last_seen=now)
        user = user.on_conflict_do_update(index_elements=[UserRow.id], set_={"last_seen": now})
        chat = self._database.insert(UserChatRow).values(user_id=user_id, chat_id=chat_id)
        chat = chat.on_conflict_do_nothing()
        await self._database.run(lambda it: [it.execute(each) for each in (user, chat)])

    @retry_when_unavailable
    async def name_of(self, user_id: int) -> str | None:
        async with self._database.session() as session:
            user = await session.get(UserRow, user_id)
        return user.name if user else None

    @retry_when_unavailable
    async def set_name(
        self, user_id: int, name: str | None, seen: tuple[datetime, datetime] | None = None
    ) -> None:
        """Remember a name; `seen` (first, last) comes with imported users."""
        first, last = seen or (utc_now(), utc_now())
        async with self._database.session() as session:
            user = await session.get(UserRow, user_id)
            if user:
                user.name = name
            else:
                session.add(UserRow(id=user_id, name=name, first_seen=first, last_seen=last))

    @retry_when_unavailable
    async def note_chat(self, user_id: int, chat_id: int) -> None:
        async with self._database.session() as session:
            await session.merge(UserChatRow(user_id=user_id, chat_id=chat_id))

    @retry_when_unavailable
    async def names(self) -> frozenset[str]:
        """Every word of every known name, in lower case."""
        async with self._database.session() as session:
            names = await session.scalars(select(UserRow.name).where(UserRow.name.is_not(None)))
            return frozenset(word for name in names if name for word in name.lower().split())

    @retry_when_unavailable
    async def describe(self, user_id: int) -> Person | None:
        async with self._database.session() as session:
            user = await session.get(UserRow, user_id)
            if user is None:
                return None
            chats = await session.scalars(
                select(UserChatRow.chat_id).filter_by(user_id=user_id).order_by(UserChatRow.chat_id)
            )
            said = await session.scalar(
                select(func.count())
                .select_from(MessageRow)
                .filter_by(bot=BOT, role="user", author_id=user_id)
            )
            return Person(
                user.id, user.name, user.first_seen, user.last_seen, tuple(chats), said or 0
            )

    @retry_when_unavailable
    async def all(self) -> Sequence[Person]:
        async with self._database.session() as session:
            users = list(await session.scalars(select(UserRow.id).order_by(UserRow.last_seen)))
        described = [await self.describe(user) for user in users]
        return [person for person in described if person]

    @retry_when_unavailable
    async def count(self) -> int:
        async with self._database.session() as session:
            return await session.scalar(select(func.count()).select_from(UserRow)) or 0

    @retry_when_unavailable
    async def forget(self, user_id: int) -> None:
        """Delete the user, and the summaries of the chats where they were seen.

        What was said there is deleted by `HistoryStore.forget`.
        """
        async with self._database.session() as session:
            chats = select(UserChatRow.chat_id).filter_by(user_id=user_id)
            await session.execute(
                delete(SummaryRow).where(
                    or_(SummaryRow.chat_id.in_(chats), SummaryRow.chat_id == user_id)
                )
            )
            await session.execute(delete(UserChatRow).filter_by(user_id=user_id))
            await session.execute(delete(UserRow).filter_by(id=user_id))


class SummaryStore:
    """Summaries of the messages that no longer fit into the prompt."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_when_unavailable
    async def get(self, key: ConversationKey) -> str:
        async with self._database.session() as session:
            row = await session.get(SummaryRow, key[1:])
        return row.text if row else ""

    @retry_when_unavailable
    async def unsummarised(
        self, key: ConversationKey, keep: int
    ) -> tuple[Sequence[StoredMessage], int]:
        """The turns older than the last `keep` that no summary covers, and the last one's id."""
        async with self._database.session() as session:
            row = await session.get(SummaryRow, key[1:])
            query = (
                select(MessageRow)
                .filter_by(**key._asdict())
                .where(MessageRow.id > (row.until if row else 0))
                .order_by(MessageRow.id)
            )
            turns = list(await session.scalars(query))[:-keep]
        messages = [
            StoredMessage(
                "assistant" if turn.role == "assistant" else "user",
                turn.content,
                author_name=turn.author_name,
            )
            for turn in turns
        ]
        return messages, turns[-1].id if turns else 0

    @retry_when_unavailable
    async def put(self, key: ConversationKey, text: str, until: int) -> None:
        async with self._database.session() as session:
            await session.merge(
                SummaryRow(chat_id=key.chat_id, thread_id=key.thread_id, text=text, until=until)
            )

    @retry_when_unavailable
    async def clear(self, key: ConversationKey) -> None:
        async with self._database.session() as session:
            await session.execute(
                delete(SummaryRow).filter_by(chat_id=key.chat_id, thread_id=key.thread_id)
            )
