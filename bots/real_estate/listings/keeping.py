"""What users keep: favourites, and searches that tell them of new flats."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bots.real_estate.flat import FLAT_FIELDS
from bots.real_estate.listings.prices import newest_drop, price_drops
from bots.real_estate.listings.search import search_query
from bots.real_estate.listings.store import Listing, ListingStore, listings
from bots.real_estate.request import Slots, slots_from_json
from services.storage import Base
from services.storage.database import retry_when_unavailable

AlertKind = Literal["new", "cheaper"]
MAX_FAVOURITES = 100
MAX_SEARCHES = 10
ALERT_SIZE = 5


class FavouriteRow(Base):
    __tablename__ = "realty_favourites"

    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    listing_id: Mapped[int] = mapped_column(primary_key=True)


class SavedSearchRow(Base):
    __tablename__ = "realty_searches"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(BigInteger, index=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    slots: Mapped[Any] = mapped_column(JSON)
    seen_id: Mapped[int]
    seen_drop: Mapped[int] = mapped_column(server_default="0")


class AlertRow(Base):
    """An alert that waits to be sent; whoever sends it deletes it first."""

    __tablename__ = "realty_alerts"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(BigInteger, index=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    search_id: Mapped[int]
    kind: Mapped[str]
    total: Mapped[int]
    listing_ids: Mapped[Any] = mapped_column(JSON)


@dataclass(frozen=True, slots=True)
class SavedSearch:
    id: int
    slots: Slots


@dataclass(frozen=True, slots=True)
class Alert:
    """New or cheaper flats for one saved search: how many, and the cheapest of them."""

    chat_id: int
    slots: Slots
    total: int
    listings: tuple[Listing, ...]
    search_id: int = 0
    kind: AlertKind = "new"


class SavedItems:
    """Favourites and saved searches by owner."""

    def __init__(self, store: ListingStore) -> None:
        self._store = store
        self._database = store.database

    @retry_when_unavailable
    async def toggle_favourite(self, owner_id: int, listing_id: int) -> bool:
        """Add the listing, or remove it; return whether it is a favourite now."""
        async with self._database.session() as session:
            row = await session.get(FavouriteRow, (owner_id, listing_id))
            if not await self._database.is_new(session):
                return row is not None
            if row:
                await session.delete(row)
                return False
            session.add(FavouriteRow(owner_id=owner_id, listing_id=listing_id))
        return True

    @retry_when_unavailable
    async def is_favourite(self, owner_id: int, listing_id: int) -> bool:
        async with self._database.session() as session:
            return await session.get(FavouriteRow, (owner_id, listing_id)) is not None

    @retry_when_unavailable
    async def favourites(self, owner_id: int) -> list[Listing]:
        query = select(FavouriteRow.listing_id).filter_by(owner_id=owner_id).limit(MAX_FAVOURITES)
        async with self._database.session() as session:
            ids = list(await session.scalars(query))
        return await self._store.get(ids)

    @retry_when_unavailable
    async def save_search(self, owner_id: int, chat_id: int, slots: Slots) -> bool:
        """Watch for flats that come from now on; False when there are too many searches."""
        newest = await self._store.newest_id()
        async with self._database.session() as session:
            if not await self._database.is_new(session):
                return True
            count = await session.scalar(
                select(func.count()).select_from(SavedSearchRow).filter_by(owner_id=owner_id)
            )
            if (count or 0) >= MAX_SEARCHES:
                await session.rollback()  # nothing was saved, a retry must not believe so
                return False
            session.add(
                SavedSearchRow(
                    owner_id=owner_id,
                    chat_id=chat_id,
                    slots=slots.said(),
                    seen_id=newest,
                    seen_drop=await newest_drop(session),
                )
            )
        return True

    @retry_when_unavailable
    async def searches(self, owner_id: int) -> list[SavedSearch]:
        query = select(SavedSearchRow).filter_by(owner_id=owner_id).order_by(SavedSearchRow.id)
        async with self._database.session() as session:
            return [
                SavedSearch(row.id, slots_from_json(row.slots))
                for row in await session.scalars(query)
            ]

    @retry_when_unavailable
    async def remove_search(self, owner_id: int, search_id: int) -> None:
        async with self._database.session() as session:
            await session.execute(delete(SavedSearchRow).filter_by(owner_id=owner_id, id=search_id))

    async def take_alerts(self) -> list[Alert]:
        """What is new or cheaper for each saved search, each once."""
        await self.queue_alerts()
        alerts = []
        while alert := await self.take_alert():
            alerts.append(alert)
        return alerts

    @retry_when_unavailable
    async def queue_alerts(self) -> None:
        """Write down what each saved search is to be told, and that it has been.

        Both in one transaction, so that a crash loses none; a search whose marks another
        replica has moved meanwhile is its affair.
        """
        newest = await self._store.newest_id()
        async with self._database.session() as session:
            drop = await newest_drop(session)
            behind = or_(SavedSearchRow.seen_id < newest, SavedSearchRow.seen_drop < drop)
            for row in list(await session.scalars(select(SavedSearchRow).where(behind))):
                # Not through the row: it may be deleted by /forget at this moment.
                moved = await session.execute(
                    update(SavedSearchRow)
                    .where(
                        SavedSearchRow.id == row.id,
                        SavedSearchRow.seen_id == row.seen_id,
                        SavedSearchRow.seen_drop == row.seen_drop,
                    )
                    .values(seen_id=newest, seen_drop=drop)
                    .returning(SavedSearchRow.id)
                    .execution_options(synchronize_session=False)
                )
                if moved.first() is not None:
                    session.add_all(await _alerts_of(session, row))

    @retry_when_unavailable
    async def take_alert(self) -> Alert | None:
        """The next alert to send; it is deleted before it is sent.

        One that is lost beats one that is sent twice: a crash loses the one being sent.
        """
        async with self._database.session() as session:
            first = select(func.min(AlertRow.id)).scalar_subquery()
            taken = await session.execute(
                delete(AlertRow).where(AlertRow.id == first).returning(
                    AlertRow.chat_id, AlertRow.search_id, AlertRow.kind, AlertRow.total,
                    AlertRow.listing_ids,
                )
            )  # fmt: skip
            alert = taken.first()
            if alert is None:
                return None
            search = await session.get(SavedSearchRow, alert.search_id)
            slots = slots_from_json(search.slots) if search else Slots()
        found = tuple(await self._store.get(alert.listing_ids))
        return Alert(alert.chat_id, slots, alert.total, found, alert.search_id, alert.kind)

    @retry_when_unavailable
    async def is_watched(self, search_id: int) -> bool:
        """Whether the saved search is there still."""
        async with self._database.session() as session:
            return await session.get(SavedSearchRow, search_id) is not None

    @retry_when_unavailable
    async def forget(self, owner_id: int) -> None:
        async with self._database.session() as session:
            for table in (FavouriteRow, SavedSearchRow, AlertRow):
                await session.execute(delete(table).filter_by(owner_id=owner_id))


async def _alerts_of(session: AsyncSession, row: SavedSearchRow) -> list[AlertRow]:
    """What a search is to be told: the flats that came, and those that became cheaper."""
    slots = slots_from_json(row.slots)
    new = await session.execute(search_query(slots, row.seen_id))
    drops = await session.execute(
        select(price_drops.c.listing_id, func.max(price_drops.c.old_price))
        .where(price_drops.c.id > row.seen_drop)
        .group_by(price_drops.c.listing_id)
    )
    before = {found[0]: found[1] for found in drops}
    known = search_query(slots, 0).where(listings.c.id <= row.seen_id, listings.c.id.in_(before))
    cheaper = (await session.execute(known)).mappings().all() if before else []
    kinds: dict[AlertKind, list[int]] = {
        "new": [item["id"] for item in new.mappings()],
        # It may have risen again since.
        "cheaper": [item["id"] for item in cheaper if item["price"] < before[item["id"]]],
    }
    return [
        AlertRow(
            owner_id=row.owner_id, chat_id=row.chat_id, search_id=row.id, kind=kind,
            total=len(ids), listing_ids=ids[:ALERT_SIZE],
        )
        for kind, ids in kinds.items()
        if ids
    ]  # fmt: skip


def to_csv(items: list[Listing]) -> bytes:
    """A table that Excel opens: UTF-8 with a mark, semicolons, no formulas from foreign text."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["id", *FLAT_FIELDS, "estimate", "url"])
    for item in items:
        values = [item.id, *(getattr(item.flat, name) for name in FLAT_FIELDS)]
        writer.writerow([_cell(value) for value in (*values, item.estimate, item.url)])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> object:
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@")
    return f"'{value}" if risky else value
