"""The market of a place: how many flats, the median price of a metre, and how it moves."""

from __future__ import annotations

import asyncio
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from sqlalchemy import and_, select

from bots.common.russian import plural
from bots.real_estate.listings import ListingStore
from bots.real_estate.listings.prices import PricePeriod, days_on_market, price_periods
from bots.real_estate.listings.search import build_filters
from bots.real_estate.listings.store import listings
from bots.real_estate.request import Slots
from bots.real_estate.wording import rooms_text, spaced, unbroken
from services import native
from services.storage.database import retry_when_unavailable

FEWEST = 5  # flats of which a median is told
MAX_MONTHS = 24
K = TypeVar("K", int, str)


@dataclass(frozen=True, slots=True)
class Group:
    """Flats of one kind or month: how many, and the median price of a metre."""

    count: int
    median: float


@dataclass(frozen=True, slots=True)
class Market:
    """A place's flats; months are "YYYY-MM", oldest first, without those of a few flats."""

    place: str
    whole: Group
    by_rooms: dict[int, Group]
    months: dict[str, Group]
    days: int
    demo: bool


@dataclass(frozen=True, slots=True)
class _Flat:
    rooms: int | None
    area: float
    price: float
    periods: tuple[PricePeriod, ...]
    demo: bool


@retry_when_unavailable
async def read_market(store: ListingStore, slots: Slots) -> Market | None:
    """The market of the place in `slots`; None where there are too few flats."""
    place = Slots(city=slots.city, district=slots.district, metro=slots.metro)
    field = listings.c
    clauses = (item.clause for item in build_filters(place))
    query = (
        select(
            field.id, field.rooms, field.total_area, field.price, field.demo,
            price_periods.c.day, price_periods.c.last_day,
            price_periods.c.price.label("then"),
        )
        .outerjoin(price_periods, price_periods.c.listing_id == field.id)
        .where(and_(field.price > 0, field.total_area > 0, *clauses))
        .order_by(field.id, price_periods.c.day)
    )  # fmt: skip
    async with store.database.session() as session:
        rows = (await session.execute(query)).all()
    flats = await asyncio.to_thread(_flats, rows)
    return await asyncio.to_thread(_market, slots.place or "", flats)


def _flats(rows: Iterable[Sequence[object]]) -> list[_Flat]:
    found: dict[object, tuple[Sequence[object], list[PricePeriod]]] = {}
    for row in rows:
        _, periods = found.setdefault(row[0], (row, []))
        if row[5] is not None:
            periods.append(PricePeriod(row[5], row[6], row[7]))  # type: ignore[arg-type]
    return [
        _Flat(row[1], row[2], row[3], tuple(periods), bool(row[4]))  # type: ignore[arg-type]
        for row, periods in found.values()
    ]


def _market(place: str, flats: Sequence[_Flat]) -> Market | None:
    if len(flats) < FEWEST:
        return None
    by_rooms: dict[int, list[float]] = defaultdict(list)
    by_month: dict[str, list[float]] = defaultdict(list)
    for flat in flats:
        if flat.rooms is not None:
            by_rooms[min(flat.rooms, 4)].append(flat.price / flat.area)
        for month, price in _monthly(flat.periods).items():
            by_month[month].append(price / flat.area)
    months = dict(sorted(_groups(by_month).items())[-MAX_MONTHS:])
    days = round(median(days_on_market(flat.periods) for flat in flats))
    whole = Group(len(flats), median(flat.price / flat.area for flat in flats))
    rooms = dict(sorted(_groups(by_rooms).items()))
    return Market(place, whole, rooms, months, days, any(flat.demo for flat in flats))


def _monthly(periods: Sequence[PricePeriod]) -> dict[str, float]:
    """The last price of each month that a flat was on sale in."""
    prices: dict[str, float] = {}
    for period in periods:
        year, month = int(period.day[:4]), int(period.day[5:7])
        last = period.last_day[:7]
        while (name := f"{year:04}-{month:02}") <= last:
            prices[name] = period.price
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return prices


def _groups(values: Mapping[K, Sequence[float]]) -> dict[K, Group]:
    return {
        name: Group(len(prices), median(prices))
        for name, prices in values.items()
        if len(prices) >= FEWEST
    }


def market_facts(market: Market) -> str:
    """The figures in short lines."""
    whole = market.whole
    flats = plural(whole.count, "объявление", "объявления", "объявлений")
    lines = [f"**Рынок: {market.place}**", f"{flats}, медиана {spaced(whole.median)} ₽/м²."]
    if moved := _moved(market.months):
        lines.append(moved)
    if market.days:
        lines.append(
            f"Половина квартир в продаже дольше {plural(market.days, 'дня', 'дней', 'дней')}."
        )
    for rooms, group in market.by_rooms.items():
        name = "4 и больше" if rooms == 4 else rooms_text(rooms)
        lines.append(f"• {name}: {spaced(group.median)} ₽/м² ({group.count})")
    if market.demo:
        lines.append("⚠️ ДЕМО, вымышлено")
    return unbroken("\n".join(lines))


def _moved(months: dict[str, Group]) -> str:
    """How the median moved from the first month to the last."""
    if len(months) < 2:
        return ""
    (first, before), *_, (last, now) = months.items()
    share = f"{100 * (now.median / before.median - 1):+.1f}".replace(".", ",").replace("-", "−")
    return f"Метр: {share} % с {_month(first)} по {_month(last)}."


def _month(name: str) -> str:
    return f"{name[5:]}.{name[:4]}"


def draw(market: Market) -> bytes | None:
    """A chart of the median by months as a PNG; None where there are no two months."""
    if len(market.months) < 2:
        return None
    with native.loading():  # half a second to import, and only /market needs it
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    names = [_month(name) for name in market.months]
    figure = Figure(figsize=(6, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([group.median / 1000 for group in market.months.values()], "o-")
    axes.set_xticks(range(len(names)), names)
    for number, group in enumerate(market.months.values()):
        axes.annotate(
            str(group.count), (number, group.median / 1000), xytext=(0, 7), ha="center", fontsize=8,
            textcoords="offset points",
        )  # fmt: skip
    axes.set_ylabel("медиана, тыс. ₽/м²")
    axes.set_title(f"{market.place}: цена метра (над точкой — сколько квартир)")
    axes.tick_params(axis="x", rotation=45)
    axes.grid(alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
