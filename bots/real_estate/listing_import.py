"""Bring a file of listings in: show what it holds, store it, retrain, tell who waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bots.real_estate.listings import ListingStore
from bots.real_estate.listings.importing import ImportPreview, read_untrusted
from bots.real_estate.listings.keeping import Alert, SavedItems
from bots.real_estate.listings.store import Upserted
from bots.real_estate.valuation.appraiser import Appraiser


class ListingImport:
    """The import as an admin does it: preview, then accept."""

    def __init__(self, store: ListingStore, appraiser: Appraiser, saved_items: SavedItems) -> None:
        self._store = store
        self._appraiser = appraiser
        self._saved_items = saved_items

    async def preview(self, name: str, content: bytes) -> ImportPreview:
        """What the file holds; nothing is stored. Raises ImportRefused."""
        return await read_untrusted(name, content)

    async def accept(self, name: str, content: bytes) -> Upserted:
        """Store the file's listings and retrain the valuation in the background."""
        preview = await read_untrusted(name, content)
        stored = await self._store.upsert(preview.listings)
        self._appraiser.train_in_background()
        return stored

    async def alerts(self) -> AsyncIterator[Alert]:
        """What saved searches are to be told, each once; nothing for one deleted meanwhile.

        Any replica may go through it at any time: it also finds what a crash left unsent, and
        what an import from the terminal has brought.
        """
        await self._saved_items.queue_alerts()
        while alert := await self._saved_items.take_alert():
            if await self._saved_items.is_watched(alert.search_id):
                yield alert
