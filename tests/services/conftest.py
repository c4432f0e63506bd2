"""Every store, and the index, is tested on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.storage import Database, StorageSettings


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "sqlite":
        return StorageSettings(data_dir=tmp_path)
    return StorageSettings(
        data_dir=tmp_path, database_url=request.getfixturevalue("postgres_database")
    )


@pytest.fixture
async def database(storage: StorageSettings) -> AsyncIterator[Database]:
    async with Database.open(storage) as database:
        yield database
