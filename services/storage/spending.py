"""What each user spent a day, requests to the model and their tokens, and what is reserved.

A reservation counts against the day's budget until it is settled or released. Telegram's
message that it is made for stands in `question`: when a process dies and another one answers
the message anew, the new reservation replaces the old.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Index, and_, bindparam, case, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.storage.database import Base, Database, retry_when_unavailable, utc_now

NOBODY = 0  # the account of people who were forgotten
HOLD_LIFETIME = timedelta(hours=1)  # longer than any answer takes
_PSEUDONYMS = -(2**62)

Check = Callable[["Spending"], None]


class SpendingRow(Base):
    __tablename__ = "spending"

    bot: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    requests: Mapped[int]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]


_COUNTED = (SpendingRow.requests, SpendingRow.prompt_tokens, SpendingRow.completion_tokens)
_KEY = ("bot", "user_id", "day")
_NAMES = ("requests", "prompt_tokens", "completion_tokens")
_OF_DAY = select(*_COUNTED).filter_by(**{name: bindparam(name) for name in _KEY})


class HoldRow(Base):
    __tablename__ = "spending_holds"
    __table_args__ = (Index("spending_holds_by_user", "bot", "user_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    bot: Mapped[str]
    user_id: Mapped[int]
    question: Mapped[str]
    owner: Mapped[str]
    tokens: Mapped[int]
    until: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Spending:
    """Requests and tokens of one user, or of all, over some days (in UTC)."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


class SpendingStore:
    """The accounts of one bot's users.

    `key` keeps the day's account of a forgotten person without their id: it makes a number
    from the id and the day that nobody can turn back without the key.
    """

    def __init__(self, database: Database, bot: str, key: bytes = b"") -> None:
        self._database = database
        self._bot = bot
        self._key = key
        self._owner = secrets.token_hex(8)
        insert = database.insert(SpendingRow)
        added = {column.name: column + insert.excluded[column.name] for column in _COUNTED}
        self._add = insert.on_conflict_do_update(index_elements=_KEY, set_=added)

    @retry_when_unavailable
    async def add(self, spent: Mapping[int, Spending]) -> None:
        """Add to the day's accounts what users spent."""
        # One order: no deadlock.
        rows = [self._row(user_id, spending) for user_id, spending in sorted(spent.items())]
        async with self._database.session() as session:
            if rows and await self._database.is_new(session):
                await session.execute(self._add, rows)

    @retry_when_unavailable
    async def today(self, user_id: int) -> Spending:
        asked = {"bot": self._bot, "user_id": user_id, "day": utc_now().date()}
        row = await self._database.run(lambda it: it.execute(_OF_DAY, asked).first())
        return Spending(*row) if row else Spending()

    @retry_when_unavailable
    async def reserve(
        self, user_id: int, hold_id: str, tokens: int, question: str, check: Check
    ) -> None:
        """Reserve a request and its tokens under `hold_id`, if `check` passes what is used so far.

        One transaction, one at a time for a user: replicas can't both take the last request.
        """
        stale = delete(HoldRow).where(
            HoldRow.bot == self._bot,
            HoldRow.user_id == user_id,
            or_(
                HoldRow.id == hold_id,
                HoldRow.until < utc_now(),
                and_(
                    HoldRow.question == question,
                    HoldRow.question != "",
                    HoldRow.owner != self._owner,
                ),
            ),
        )
        held = select(func.count(), func.coalesce(func.sum(HoldRow.tokens), 0)).where(
            HoldRow.bot == self._bot, HoldRow.user_id == user_id
        )
        async with self._database.session() as session:
            await self._lock(session, user_id)
            await session.execute(stale)  # on SQLite this takes the write lock
            spent = await self._spent(session, user_id)
            requests, reserved = (await session.execute(held)).one()
            check(spent + Spending(requests, int(reserved)))
            session.add(
                HoldRow(
                    id=hold_id,
                    bot=self._bot,
                    user_id=user_id,
                    question=question,
                    owner=self._owner,
                    tokens=tokens,
                    until=utc_now() + HOLD_LIFETIME,
                )
            )

    @retry_when_unavailable
    async def settle(self, user_id: int, hold_id: str, spent: Spending | None) -> None:
        """Turn a reservation into what was spent; None releases it. A second call does nothing."""
        row = self._row(user_id, spent) if spent else None
        gone = delete(HoldRow).where(HoldRow.id == hold_id).returning(HoldRow.id)
        async with self._database.session() as session:
            await self._lock(session, user_id)  # `reserve` must see it as held or as spent
            if (await session.execute(gone)).all() and row:
                await session.execute(self._add, row)

    @retry_when_unavailable
    async def forget(self, user_id: int) -> None:
        """Delete a user's account; what they spent stays in the totals, under nobody's id.

        Today's part still counts against their budget: /forget buys no second one.
        """
        today = utc_now().date()
        columns = [SpendingRow.day, *_COUNTED]
        gone = delete(SpendingRow).filter_by(bot=self._bot, user_id=user_id).returning(*columns)
        async with self._database.session() as session:
            await session.execute(delete(HoldRow).filter_by(bot=self._bot, user_id=user_id))
            rows = [
                {
                    **self._row(self._pseudonym(user_id) if day == today else NOBODY, Spending()),
                    "day": day,
                    **dict(zip(_NAMES, counted, strict=True)),
                }
                for day, *counted in (await session.execute(gone)).all()
            ]
            if rows:
                await session.execute(self._add, rows)

    async def _spent(self, session: AsyncSession, user_id: int) -> Spending:
        """Today's account, with what was spent before a /forget."""
        sums = [func.coalesce(func.sum(column), 0) for column in _COUNTED]
        query = select(*sums).where(
            SpendingRow.bot == self._bot,
            SpendingRow.user_id.in_([user_id, self._pseudonym(user_id)]),
            SpendingRow.day == utc_now().date(),
        )
        return Spending(*(int(value) for value in (await session.execute(query)).one()))

    async def _lock(self, session: AsyncSession, user_id: int) -> None:
        if self._database.engine.dialect.name == "postgresql":
            name = f"spending:{self._bot}:{user_id}"
            await session.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))

    def _row(self, user_id: int, spent: Spending) -> dict[str, Any]:
        return {
            "bot": self._bot,
            "user_id": user_id,
            "day": utc_now().date(),
            "requests": spent.requests,
            "prompt_tokens": spent.prompt_tokens,
            "completion_tokens": spent.completion_tokens,
        }

    def _pseudonym(self, user_id: int) -> int:
        """A number below all of Telegram's ids, another one every day."""
        said = f"{self._bot}:{user_id}:{utc_now().date()}".encode()
        digest = hmac.digest(self._key, said, "sha256")
        return _PSEUDONYMS - int.from_bytes(digest[:7], "big")

    @retry_when_unavailable
    async def since(self, day: date) -> Sequence[tuple[int, Spending]]:
        """Users with what they spent from `day` on, who spent most tokens first."""
        sums = [func.sum(column) for column in _COUNTED]
        user = case((SpendingRow.user_id <= _PSEUDONYMS, NOBODY), else_=SpendingRow.user_id)
        query = (
            select(user.label("account"), *sums)
            .where(SpendingRow.bot == self._bot, SpendingRow.day >= day)
            .group_by("account")
            .order_by((sums[1] + sums[2]).desc(), sums[0].desc())
        )
        async with self._database.session() as session:
            rows = (await session.execute(query)).all()
        return [(user, Spending(*(int(value) for value in values))) for user, *values in rows]
