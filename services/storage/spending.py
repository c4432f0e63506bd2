"""What each user spent a day: requests to the model and their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from services.storage.database import Base, Database, retry_when_unavailable, utc_now

NOBODY = 0  # the account of people who were forgotten


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
    """The account of one bot's users."""

    def __init__(self, database: Database, bot: str) -> None:
        self._database = database
        self._bot = bot
        insert = database.insert(SpendingRow)
        added = {column.name: column + insert.excluded[column.name] for column in _COUNTED}
        self._add = insert.on_conflict_do_update(index_elements=_KEY, set_=added)

    @retry_when_unavailable
    async def add(self, spent: Mapping[int, Spending]) -> None:
        """Add to the day's accounts what users spent."""
        day = utc_now().date()
        rows = [
            {
                "bot": self._bot,
                "user_id": user_id,
                "day": day,
                "requests": spending.requests,
                "prompt_tokens": spending.prompt_tokens,
                "completion_tokens": spending.completion_tokens,
            }
            for user_id, spending in sorted(spent.items())  # one order: no deadlock
        ]
        await self._database.run(lambda it: it.execute(self._add, rows))

    @retry_when_unavailable
    async def today(self, user_id: int) -> Spending:
        asked = {"bot": self._bot, "user_id": user_id, "day": utc_now().date()}
        row = await self._database.run(lambda it: it.execute(_OF_DAY, asked).first())
        return Spending(*row) if row else Spending()

    @retry_when_unavailable
    async def forget(self, user_id: int) -> None:
        """Delete a user's account; what they spent stays in the totals, under nobody."""
        columns = [SpendingRow.day, *_COUNTED]
        gone = delete(SpendingRow).filter_by(bot=self._bot, user_id=user_id).returning(*columns)
        async with self._database.session() as session:
            rows = [
                dict(zip(_KEY + _NAMES, (self._bot, NOBODY, *row), strict=True))
                for row in (await session.execute(gone)).all()
            ]
            if rows:
                await session.execute(self._add, rows)

    @retry_when_unavailable
    async def since(self, day: date) -> Sequence[tuple[int, Spending]]:
        """Users with what they spent from `day` on, who spent most tokens first."""
        sums = [func.sum(column) for column in _COUNTED]
        query = (
            select(SpendingRow.user_id, *sums)
            .where(SpendingRow.bot == self._bot, SpendingRow.day >= day)
            .group_by(SpendingRow.user_id)
            .order_by((sums[1] + sums[2]).desc(), sums[0].desc())
        )
        async with self._database.session() as session:
            rows = (await session.execute(query)).all()
        return [(user, Spending(*(int(value) for value in values))) for user, *values in rows]
