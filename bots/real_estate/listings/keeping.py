"""What users keep: favourites, and searches that tell them of new flats."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from bots.real_estate.flat import FLAT_FIELDS
from bots.real_estate.listings.search import search_query
from bots.real_estate.listings.store import Listing, ListingStore, to_listing
from bots.real_estate.request import Slots, slots_from_json
from services.storage import Base
from services.storage.database import retry_when_unavailable

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


@dataclass(frozen=True, slots=True)
class SavedSearch:
    id: int
    slots: Slots


@dataclass(frozen=True, slots=True)
class Alert:
    """New flats for one saved search: how many, and the cheapest of them."""

    chat_id: int
    slots: Slots
    total: int
    listings: tuple[Listing, ...]
    search_id: int = 0


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
                    owner_id=owner_id, chat_id=chat_id, slots=slots.said(), seen_id=newest
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

    @retry_when_unavailable
    async def take_alerts(self) -> list[Alert]:
        """What is new for each saved search; what was taken once is not given again.

        The mark moves before the alert is sent: one that is lost beats one sent twice.
        """
        alerts = []
        newest = await self._store.newest_id()
        async with self._database.session() as session:
            for row in list(await session.scalars(select(SavedSearchRow))):
                slots = slots_from_json(row.slots)
                query = search_query(slots, row.seen_id)
                found = [
                    to_listing(item) for item in (await session.execute(query)).mappings().all()
                ]
                # Not through the row: it may be deleted by /forget at this moment.
                moved = update(SavedSearchRow).where(SavedSearchRow.id == row.id)
                await session.execute(
                    moved.values(seen_id=newest).execution_options(synchronize_session=False)
                )
                if found:
                    first = tuple(found[:ALERT_SIZE])
                    alerts.append(Alert(row.chat_id, slots, len(found), first, row.id))
        return alerts

    @retry_when_unavailable
    async def is_watched(self, search_id: int) -> bool:
        """Whether the saved search is there still."""
        async with self._database.session() as session:
            return await session.get(SavedSearchRow, search_id) is not None

    @retry_when_unavailable
    async def forget(self, owner_id: int) -> None:
        async with self._database.session() as session:
            for table in (FavouriteRow, SavedSearchRow):
                await session.execute(delete(table).filter_by(owner_id=owner_id))


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
