"""The table of listings and its full-text index.

A listing's `key` tells flats apart, so that a second import, or a relisting of the same
flat, updates the row that is there. `estimate` and its bounds come from the valuation
model, out of fold: a flat's own price had no say in them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    bindparam,
    func,
    select,
    update,
)

from bots.real_estate.flat import FLAT_FIELDS, TEXT_FIELDS, WHOLE_FIELDS, Flat
from bots.real_estate.listings.plain import plain
from bots.real_estate.listings.prices import (
    Observation,
    PricePeriod,
    full_day,
    load_periods,
    price_drops,
    record_prices,
)
from services.storage import Base, Database
from services.storage.database import retry_when_unavailable, utc_now

FILTERED = (
    *("city_key", "district_key", "okrug_key", "metro_key", "metro_min", "rooms", "total_area"),
    *("floor", "floors_total", "renovation_key", "market_key"),
)
KEYED = ("city", "okrug", "district", "metro", "market", "renovation")
_BATCH = 500


def _column(name: str) -> Column[Any]:
    if name in TEXT_FIELDS:
        return Column(name, String)
    return Column(name, Integer if name in WHOLE_FIELDS else Float)


listings = Table(
    "listings",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, unique=True, nullable=False),
    Column("source", String),
    Column("url", String),
    Column("photo", String),
    Column("description", String),
    Column("demo", Boolean, nullable=False, default=False),
    Column("previous_price", Float),
    Column("estimate", Float),
    Column("estimate_low", Float),
    Column("estimate_high", Float),
    *(_column(name) for name in FLAT_FIELDS),
    *(Column(f"{name}_key", String) for name in KEYED),
    Index("listings_by_place", "city_key", "rooms", "price"),
    # Searches read all that they filter by from here, not from the much longer rows.
    Index("listings_by_price", "price", *FILTERED),
    Index("listings_by_station", "metro_key", "metro_min", "city_key", "price", "rooms"),
    sqlite_autoincrement=True,
)
# Its full-text index, `listings_text` (SQLite: a table, kept by triggers), stands in migrations.


@dataclass(frozen=True, slots=True)
class Listing:
    """A flat on sale, with where it came from. `id` is 0 before it is stored."""

    flat: Flat
    id: int = 0
    source: str | None = None
    url: str | None = None
    photo: str | None = None
    description: str | None = None
    demo: bool = False
    previous_price: float | None = None
    estimate: float | None = None
    estimate_low: float | None = None
    estimate_high: float | None = None

    @property
    def key(self) -> str:
        """What makes it the same flat in another import: its address and its plan."""
        flat = self.flat
        plan = (flat.floor, flat.floors_total, flat.rooms, flat.total_area)
        address = [plain(flat.city), plain(flat.street), plain(flat.house_id)]
        if not (flat.street or flat.house_id):
            address += [plain(flat.district), plain(flat.metro), self.url]
        return hashlib.sha256(repr((address, plan)).encode()).hexdigest()[:32]

    @property
    def discount(self) -> float | None:
        """By how much the price is below the estimate, as a share; negative when above."""
        if not self.estimate or not self.flat.price:
            return None
        return 1 - self.flat.price / self.estimate


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many listings an import added, changed, and found as they were."""

    added: int = 0
    changed: int = 0
    same: int = 0


class ListingStore:
    """The listings of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def upsert(self, batch: Iterable[Listing]) -> Upserted:
        """Add listings or bring known ones up to date; the same batch twice changes nothing."""
        by_key, seen, repeated = await asyncio.to_thread(_latest_by_key, batch)
        result = Upserted(same=repeated)
        keys = list(by_key)
        # Two imports at once would each see the other's flats as they were before.
        async with self.database.exclusive("realty-import"):
            for start in range(0, len(keys), _BATCH):
                part = {key: by_key[key] for key in keys[start : start + _BATCH]}
                result = _sum(result, await self._upsert_part(part, seen))
        return result

    @retry_when_unavailable
    async def prices(self, listing_id: int) -> list[PricePeriod]:
        """A flat's history of prices, from its first day on."""
        async with self.database.session() as session:
            return (await load_periods(session, [listing_id])).get(listing_id, [])

    @retry_when_unavailable
    async def get(self, ids: Sequence[int]) -> list[Listing]:
        """Listings by id, in the order asked; unknown ids are left out."""
        query = select(listings).where(listings.c.id.in_(ids))
        async with self.database.session() as session:
            found = {
                row["id"]: to_listing(row) for row in (await session.execute(query)).mappings()
            }
        return [found[number] for number in ids if number in found]

    @retry_when_unavailable
    async def all_priced(self) -> list[Listing]:
        """Every listing that a valuation can learn from."""
        query = select(listings).where(
            listings.c.price > 0, listings.c.total_area > 0, listings.c.city.is_not(None)
        )
        async with self.database.session() as session:
            found = (await session.stream(query)).mappings()
            return [to_listing(row) async for rows in found.partitions(_BATCH) for row in rows]

    @retry_when_unavailable
    async def count(self) -> int:
        async with self.database.session() as session:
            return int(await session.scalar(select(func.count()).select_from(listings)) or 0)

    @retry_when_unavailable
    async def has_demo(self) -> bool:
        """Whether made-up listings are among the rest."""
        query = select(listings.c.id).where(listings.c.demo).limit(1)
        async with self.database.session() as session:
            return await session.scalar(query) is not None

    @retry_when_unavailable
    async def newest_id(self) -> int:
        async with self.database.session() as session:
            return int(await session.scalar(select(func.max(listings.c.id))) or 0)

    @retry_when_unavailable
    async def set_estimates(
        self, estimates: Mapping[int, tuple[float, float, float] | None]
    ) -> None:
        """Keep each listing's estimate and the bounds of its range; None takes them away."""
        statement = (
            update(listings)
            .where(listings.c.id == bindparam("row"))
            .values(
                estimate=bindparam("point"),
                estimate_low=bindparam("low"),
                estimate_high=bindparam("high"),
            )
        )
        rows = [
            {"row": number, "point": point, "low": low, "high": high}
            for number, estimate in estimates.items()
            for point, low, high in [estimate or (None, None, None)]
        ]
        async with self.database.session() as session:
            if rows:
                await (await session.connection()).execute(statement, rows)

    @retry_when_unavailable
    async def _upsert_part(
        self, part: Mapping[str, Listing], seen: Mapping[str, Sequence[Observation]]
    ) -> Upserted:
        async with self.database.session() as session:
            query = select(listings).where(listings.c.key.in_(part))
            known = {
                row["key"]: to_listing(row) for row in (await session.execute(query)).mappings()
            }
            changed = {
                key: _with_history(part[key], old)
                for key, old in known.items()
                if _newer(part[key], old) and _facts(part[key]) != _facts(old)
            }
            added = {key: listing for key, listing in part.items() if key not in known}
            if added:
                insert = self.database.insert(listings).on_conflict_do_nothing()
                await session.execute(insert, [_values(item) for item in added.values()])
            for key, listing in changed.items():
                await session.execute(
                    update(listings).where(listings.c.key == key).values(_values(listing))
                )
            ids = await session.execute(
                select(listings.c.id, listings.c.key).where(listings.c.key.in_(part))
            )
            await record_prices(session, {number: seen.get(key, ()) for number, key in ids})
            if drops := [
                {"listing_id": old.id, "old_price": old.flat.price}
                for key, old in known.items()
                if key in changed and _is_cheaper(changed[key], old)
            ]:
                await session.execute(price_drops.insert(), drops)
        return Upserted(len(added), len(changed), len(part) - len(added) - len(changed))


def _latest_by_key(
    batch: Iterable[Listing],
) -> tuple[dict[str, Listing], dict[str, list[Observation]], int]:
    """Each flat's latest listing, all its prices by day, and how many were repeated."""
    by_key: dict[str, Listing] = {}
    seen: dict[str, list[Observation]] = defaultdict(list)
    repeated, today = 0, utc_now().date()
    for listing in batch:
        key = listing.key
        known = by_key.get(key)
        repeated += known is not None
        if listing.flat.price:
            seen[key].append((full_day(listing.flat.date, today), listing.flat.price))
        if known is None or _newer(listing, known):
            by_key[key] = listing
    return by_key, dict(seen), repeated


def _is_cheaper(listing: Listing, old: Listing) -> bool:
    price, before = listing.flat.price, old.flat.price
    return price is not None and before is not None and price < before


def to_listing(row: RowMapping) -> Listing:
    flat = Flat(**{name: row[name] for name in FLAT_FIELDS})
    rest = ("id", "source", "url", "photo", "description", "demo", "previous_price")
    estimate = ("estimate", "estimate_low", "estimate_high")
    return Listing(flat, **{name: row[name] for name in (*rest, *estimate)})


def _values(listing: Listing) -> dict[str, Any]:
    flat = listing.flat
    values = {name: getattr(flat, name) for name in FLAT_FIELDS}
    values |= {f"{name}_key": plain(getattr(flat, name)) for name in KEYED}
    for name in ("source", "url", "photo", "description", "demo", "previous_price"):
        values[name] = getattr(listing, name)
    return {**values, "key": listing.key}


def _facts(listing: Listing) -> dict[str, Any]:
    return {**asdict(listing.flat), "url": listing.url, "description": listing.description}


def _newer(listing: Listing, old: Listing) -> bool:
    return (listing.flat.date or "") >= (old.flat.date or "")


def _with_history(listing: Listing, old: Listing) -> Listing:
    """A relisting keeps the price it had before."""
    moved = old.flat.price != listing.flat.price
    return replace(listing, previous_price=old.flat.price if moved else old.previous_price)


def _sum(left: Upserted, right: Upserted) -> Upserted:
    return Upserted(left.added + right.added, left.changed + right.changed, left.same + right.same)
