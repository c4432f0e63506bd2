"""Made-up flats, and a model fitted on them once for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.real_estate.flat import Flat, flat_from_strings
from bots.real_estate.listings import Listing, ListingStore
from bots.real_estate.valuation.model import ValuationModel
from cli.make_sample_listings import make_flats
from services.storage import Database, StorageSettings


@pytest.fixture(scope="session")
def flats() -> list[Flat]:
    rows = make_flats(900, seed=7)
    return [flat_from_strings({k: str(v) for k, v in row.items()}) for row in rows]


@pytest.fixture(scope="session")
def model(flats: list[Flat]) -> ValuationModel:
    return ValuationModel(flats[:600])


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        yield database


@pytest.fixture
async def store(database: Database, flats: list[Flat]) -> ListingStore:
    store = ListingStore(database)
    await store.upsert(Listing(flat, demo=True) for flat in flats[:300])
    return store
