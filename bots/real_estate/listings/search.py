"""Finding listings by slots, and telling what stands in the way when there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    TableValuedAlias,
    and_,
    case,
    func,
    literal,
    or_,
    select,
)

from bots.real_estate.listings.plain import plain
from bots.real_estate.listings.rides import ride_table
from bots.real_estate.listings.store import Listing, ListingStore, listings, to_listing
from bots.real_estate.listings.text import HasWords
from bots.real_estate.metro.travel import way_of
from bots.real_estate.request import TRAVEL, Slots
from bots.real_estate.understanding.gazetteer import load_gazetteer
from services.storage.database import retry_when_unavailable

Sort = Literal["price", "price_per_metre", "discount", "travel"]
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
    ride = _rides(slots)
    filters = build_filters(slots, ride)
    where = and_(listings.c.price > 0, *(item.clause for item in filters))
    source = _joined(ride)
    async with store.database.session() as session:
        total = int(
            await session.scalar(select(func.count()).select_from(source).where(where)) or 0
        )
        if total == 0:
            return SearchPage(0, (), await _blockers(session, filters, slots, ride))
        query = select(listings.c.id).select_from(source).where(where)
        query = query.order_by(*_order(sort, ride), listings.c.id).limit(limit).offset(offset)
        # Numbers are sorted, then five rows read: whole rows are long.
        ids = (await session.scalars(query)).all()
        rows = await session.execute(select(listings).where(listings.c.id.in_(ids)))
        found = {row["id"]: to_listing(row) for row in rows.mappings()}
    return SearchPage(total, tuple(found[number] for number in ids))


def search_query(slots: Slots, newer_than: int) -> Select[Any]:
    """The listings that fit and came after the listing `newer_than`."""
    ride = _rides(slots)
    clauses = [item.clause for item in build_filters(slots, ride)]
    query = select(listings).select_from(_joined(ride))
    return query.where(listings.c.id > newer_than, *clauses).order_by(listings.c.price)


def build_filters(slots: Slots, ride: TableValuedAlias | None = None) -> list[Filter]:
    """What a listing must be, a filter for each thing that was said; `ride` is joined to it."""
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
    if ride is not None:
        walk = slots.travel_minutes - ride.c.minutes + 0.5  # whole minutes are shown
        filters.append(Filter(TRAVEL, field.metro_min < walk))
    return [*filters, *_floor_filters(slots), *_quality_filters(slots)]


def _rides(slots: Slots) -> TableValuedAlias | None:
    """The minutes of the ride from each station to where a request's way leads."""
    way = way_of(slots)
    if way is None or slots.travel_minutes is None:
        return None
    return ride_table(
        (target.city, name, minutes)
        for target in way.targets
        for name, minutes in target.rides.items()
        if minutes <= slots.travel_minutes
    )


def _joined(ride: TableValuedAlias | None, *, outer: bool = False) -> FromClause:
    """The listings, each with its ride where a way is told."""
    if ride is None:
        return listings
    field = listings.c
    # The city stands in an expression, so that SQLite goes by the station's index, not the city's.
    city = func.coalesce(field.city_key, "")
    here = and_(field.metro_key == ride.c.station, city == ride.c.city)
    return listings.outerjoin(ride, here) if outer else ride.join(listings, here)


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


def _order(sort: Sort, ride: TableValuedAlias | None) -> tuple[Any, ...]:
    field = listings.c
    if sort == "travel" and ride is not None:
        return (field.metro_min + ride.c.minutes, field.price)
    if sort == "price_per_metre":
        return (field.price / field.total_area,)
    if sort == "discount":
        return (func.coalesce(field.price / field.estimate, 9e9),)
    return (field.price,)


async def _blockers(
    session: Any, filters: list[Filter], slots: Slots, ride: TableValuedAlias | None
) -> tuple[Blocker, ...]:
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
    source = _joined(ride, outer=True)
    query = select(failed.label("failed"), listings.c.price).select_from(source).where(*where)
    flats = query.subquery()
    found = await session.execute(
        select(flats.c.failed, func.count(), func.min(flats.c.price))
        .where(flats.c.failed.in_(bits))
        .group_by(flats.c.failed)
    )
    blockers = [Blocker(bits[bit], count, cheapest) for bit, count, cheapest in found]
    return tuple(sorted(blockers, key=lambda blocker: -blocker.count))
