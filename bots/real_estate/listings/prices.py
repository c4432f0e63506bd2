"""The history of each flat's price, from repeated imports.

A period is a price with the first and the last day that an import showed it on. So a flat's
history grows with its changes of price, not with the number of imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Column, Float, Integer, String, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.storage import Base

MONTH = 30  # days
SMALLEST_MOVE = 0.005  # of the price; less isn't told

price_periods = Table(
    "realty_prices",
    Base.metadata,
    Column("listing_id", Integer, primary_key=True, autoincrement=False),
    Column("day", String, primary_key=True),
    Column("last_day", String, nullable=False),
    Column("price", Float, nullable=False),
)
# One row for each time a flat became cheaper; saved searches mark how far they have told of them.
price_drops = Table(
    "realty_price_drops",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("listing_id", Integer, nullable=False),
    Column("old_price", Float, nullable=False),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True, order=True)
class PricePeriod:
    """A price from `day` to `last_day`, both "YYYY-MM-DD"."""

    day: str
    last_day: str
    price: float


@dataclass(frozen=True, slots=True)
class PriceMove:
    """By what share a price has moved over so many days; negative when it fell."""

    share: float
    days: int


Observation = tuple[str, float]  # the day, and the price on it


def full_day(text: str | None, today: date) -> str:
    """A listing's date as a day; a month is its first, no date is today."""
    if not text:
        return today.isoformat()
    return text if len(text) > len("2024-05") else f"{text}-01"


def with_observation(periods: Sequence[PricePeriod], day: str, price: float) -> list[PricePeriod]:
    """The history with one more price that was seen; a day's last import wins."""
    pieces: list[PricePeriod] = []
    for period in periods:
        if not period.day <= day <= period.last_day:
            pieces.append(period)
            continue
        if period.price == price:
            return list(periods)
        # It was seen at both ends, not every day between.
        ends = {period.day, period.last_day} - {day}
        pieces += [PricePeriod(end, end, period.price) for end in ends]
    return _merged(sorted([*pieces, PricePeriod(day, day, price)]))


def _merged(periods: Iterable[PricePeriod]) -> list[PricePeriod]:
    """Neighbours of one price as one period."""
    merged: list[PricePeriod] = []
    for period in periods:
        if merged and merged[-1].price == period.price:
            merged[-1] = PricePeriod(merged[-1].day, period.last_day, period.price)
        else:
            merged.append(period)
    return merged


def days_on_market(periods: Sequence[PricePeriod]) -> int:
    """From the first day that a flat was seen to the last."""
    return _days(periods[0].day, periods[-1].last_day) if periods else 0


def price_move(periods: Sequence[PricePeriod]) -> PriceMove | None:
    """How the price moved over the last month, else since the flat was first seen.

    None where it has never moved.
    """
    if len(periods) < 2:
        return None
    last = periods[-1]
    recent = [period for period in periods[:-1] if _days(period.last_day, last.last_day) <= MONTH]
    # What was asked a month ago: the period that reaches into the month the earliest.
    start = recent[0] if recent else periods[0]
    days = _days(start.day, last.last_day)
    if recent and days > MONTH:
        days = MONTH
    share = last.price / start.price - 1
    return PriceMove(share, days) if abs(share) >= SMALLEST_MOVE else None


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


async def load_periods(
    session: AsyncSession, listing_ids: Sequence[int]
) -> dict[int, list[PricePeriod]]:
    """The histories of these flats, each from its first day on."""
    query = (
        select(price_periods)
        .where(price_periods.c.listing_id.in_(listing_ids))
        .order_by(price_periods.c.listing_id, price_periods.c.day)
    )
    found: dict[int, list[PricePeriod]] = {}
    for row in (await session.execute(query)).mappings():
        period = PricePeriod(row["day"], row["last_day"], row["price"])
        found.setdefault(row["listing_id"], []).append(period)
    return found


async def record_prices(session: AsyncSession, seen: Mapping[int, Sequence[Observation]]) -> None:
    """Put what an import has shown into the histories; the same import twice changes nothing."""
    known = await load_periods(session, list(seen))
    changed: dict[int, list[PricePeriod]] = {}
    for listing_id, observations in seen.items():
        periods = before = known.get(listing_id, [])
        for day, price in observations:
            periods = with_observation(periods, day, price)
        if periods != before:
            changed[listing_id] = periods
    if not changed:
        return
    await session.execute(delete(price_periods).where(price_periods.c.listing_id.in_(changed)))
    rows = [
        {"listing_id": number, "day": item.day, "last_day": item.last_day, "price": item.price}
        for number, periods in changed.items()
        for item in periods
    ]
    await session.execute(price_periods.insert(), rows)


async def newest_drop(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.max(price_drops.c.id))) or 0)
