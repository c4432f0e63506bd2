"""Bring a file of listings in: show what it holds, store it, retrain, tell who waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from bots.real_estate.listings import ListingStore
from bots.real_estate.listings.importing import ImportPreview, read_untrusted
from bots.real_estate.listings.keeping import Alert, SavedItems
from bots.real_estate.listings.store import Upserted
from bots.real_estate.valuation.appraiser import Appraiser


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an import changed, and whom to tell; each alert is given once."""

    stored: Upserted
    alerts: list[Alert]


class ListingImport:
    """The import as an admin does it: preview, then accept."""

    def __init__(self, store: ListingStore, appraiser: Appraiser, saved_items: SavedItems) -> None:
        self._store = store
        self._appraiser = appraiser
        self._saved_items = saved_items

    async def preview(self, name: str, content: bytes) -> ImportPreview:
        """What the file holds; nothing is stored. Raises ImportRefused."""
        return await read_untrusted(name, content)

    async def accept(self, name: str, content: bytes) -> Accepted:
        """Store the file's listings, retrain the valuation in the background, take the alerts."""
        preview = await read_untrusted(name, content)
        stored = await self._store.upsert(preview.listings)
        self._appraiser.train_in_background()
        return Accepted(stored, await self._saved_items.take_alerts())
