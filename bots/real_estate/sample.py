"""The made-up listings that an empty base starts with, so that the bot can be tried at once."""

from __future__ import annotations

import asyncio

from bots.real_estate.listings import ListingStore
from bots.real_estate.listings.importing import read_listings
from services.env import SHIPPED_DATA

SAMPLE = SHIPPED_DATA / "real_estate" / "sample.csv"
SOURCE = "ДЕМО"


async def load_sample(store: ListingStore) -> None:
    """Store the sample; each of its cards says that it is made up."""
    preview = await asyncio.to_thread(
        read_listings, SAMPLE.name, SAMPLE.read_bytes(), source=SOURCE, demo=True
    )
    await store.upsert(preview.listings)
