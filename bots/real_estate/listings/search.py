"""Finding listings by slots, and telling what stands in the way when there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from bots.real_estate.listings.plain import plain
from bots.real_estate.listings.store import Listing, ListingStore, listings, to_listing
from bots.real_estate.listings.text import HasWords
from bots.real_estate.request import Slots
from bots.real_estate.understanding.gazetteer import load_gazetteer
from services.storage.database import retry_when_unavailable

Sort = Literal["price", "price_per_metre", "discount"]
PAGE = 5
_RENOVATED = ("с ремонтом", "косметический", "евро", "дизайнерский")


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition with the slots that make it."""

    slots: tuple[str, ...]
    clause: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Blocker:
    """A filter without which something would be found: how many, and the cheapest of them."""

    slots: tuple[str, ...]
    count: int
    cheapest: float


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A part of what was found; `blockers` only when nothing was."""

    total: int
    listings: tuple[Listing, ...]
    blockers: tuple[Blocker, ...] = ()


@retry_when_unavailable
async def search(
    store: ListingStore, slots: Slots, *, sort: Sort = "price", offset: int = 0, limit: int = PAGE
) -> SearchPage:
    """The flats that fit, `limit` of them from `offset` on."""
    filters = build_filters(slots)
    where = and_(listings.c.price > 0, *(item.clause for item in filters))
    async with store.database.session() as session:
        total = int(
            await session.scalar(select(func.count()).select_from(listings).where(where)) or 0
        )
        if total == 0:
            return SearchPage(0, (), await _blockers(session, filters, slots))
        query = select(listings).where(where).order_by(*_order(sort), listings.c.id)
        rows = (await session.execute(query.limit(limit).offset(offset))).mappings().all()
    return SearchPage(total, tuple(to_listing(row) for row in rows))


def search_query(slots: Slots, newer_than: int) -> Select[Any]:
    """The listings that fit and came after the listing `newer_than`."""
    clauses = [item.clause for item in build_filters(slots)]
    return select(listings).where(listings.c.id > newer_than, *clauses).order_by(listings.c.price)


def build_filters(slots: Slots) -> list[Filter]:
    """What a listing must be, a filter for each thing that was said."""
    field = listings.c
    said = slots.said()
    filters = [
        Filter((name,), getattr(field, f"{name}_key") == plain(said[name]))
        for name in ("city", "metro")
        if name in said
    ]
    if slots.district:
        wanted = plain(slots.district)
        filters.append(
            # «На Озерках» may be the district or the station of that name.
            Filter(
                ("district",),
                or_(
                    field.district_key == wanted,
                    field.okrug_key == wanted,
                    field.metro_key == wanted,
                ),
            )
        )
    if slots.rooms:
        filters.append(Filter(("rooms",), field.rooms.in_(slots.rooms)))
    for name, amount in (("price", field.price), ("area", field.total_area)):
        low, high = said.get(f"{name}_min"), said.get(f"{name}_max")
        if low is not None:
            filters.append(Filter((f"{name}_min",), amount >= low))
        if high is not None:
            filters.append(Filter((f"{name}_max",), amount <= high))
    return [*filters, *_floor_filters(slots), *_quality_filters(slots)]


def _floor_filters(slots: Slots) -> list[Filter]:
    floor, storeys = listings.c.floor, listings.c.floors_total
    tests: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "floor": lambda value: floor == value,
        "floors_total": lambda value: storeys == value,
        "floor_min": lambda value: floor >= value,
        "floor_max": lambda value: floor <= value,
        "not_first_floor": lambda _: floor > 1,
        "not_last_floor": lambda _: floor < storeys,
    }
    said = slots.said()
    return [Filter((name,), test(said[name])) for name, test in tests.items() if said.get(name)]


def _quality_filters(slots: Slots) -> list[Filter]:
    field = listings.c
    filters = []
    if slots.house_type:
        # Without the first letter, for no database folds the case of Cyrillic in LIKE alike.
        built = field.house_type.like(f"%{slots.house_type[1:]}%")
        filters.append(Filter(("house_type",), built))
    if slots.renovation:
        kinds: Sequence[str] = (slots.renovation,)
        if slots.renovation == "с ремонтом":
            kinds = _RENOVATED
        filters.append(Filter(("renovation",), field.renovation_key.in_(kinds)))
    if slots.market:
        filters.append(Filter(("market",), field.market_key.startswith(slots.market[:7])))
    if slots.metro_minutes:
        filters.append(Filter(("metro_minutes",), field.metro_min <= slots.metro_minutes))
    if stems := [stem for word in (slots.words or "").split() if (stem := _stem(word))]:
        filters.append(Filter(("words",), HasWords(*stems)))
    return filters


def _stem(word: str) -> str:
    """The part of a word that its endings leave alone; FTS5 has no Russian stemming."""
    letters = "".join(letter for letter in word.lower().replace("ё", "е") if letter.isalnum())
    return letters[: max(3, len(letters) - 2)] if len(letters) > 4 else letters


def city_of(metro: str | None, district: str | None) -> str | None:
    """The one city that has this station or district; None where several or none have."""
    for name, kinds in ((metro, ("metro",)), (district, ("district", "okrug"))):
        if name:
            readings = load_gazetteer().readings(plain(name) or "")
            cities = {found.place.city for found in readings if found.place.kind in kinds}
            if len(cities) == 1:
                return cities.pop() or None
    return None


def _order(sort: Sort) -> tuple[Any, ...]:
    field = listings.c
    if sort == "price_per_metre":
        return (field.price / field.total_area,)
    if sort == "discount":
        return (func.coalesce(field.price / field.estimate, 9e9),)
    return (field.price,)


async def _blockers(session: Any, filters: list[Filter], slots: Slots) -> tuple[Blocker, ...]:
    """For each filter, what there would be without it; the one that gives most comes first.

    Without the metro or the district one still means their city.
    """
    if not filters:
        return ()
    # Bit n of `failed` is set where a flat doesn't pass filter n.
    bits = {1 << number: item.slots for number, item in enumerate(filters)}
    tests = zip(bits, filters, strict=True)
    failed = sum((case((item.clause, 0), else_=bit) for bit, item in tests), literal(0))
    where = [listings.c.price > 0]
    if slots.city is None and (city := city_of(slots.metro, slots.district)):
        where.append(or_(listings.c.city_key == plain(city), listings.c.city_key.is_(None)))
    flats = select(failed.label("failed"), listings.c.price).where(*where).subquery()
    found = await session.execute(
        select(flats.c.failed, func.count(), func.min(flats.c.price))
        .where(flats.c.failed.in_(bits))
        .group_by(flats.c.failed)
    )
    blockers = [Blocker(bits[bit], count, cheapest) for bit, count, cheapest in found]
    return tuple(sorted(blockers, key=lambda blocker: -blocker.count))
