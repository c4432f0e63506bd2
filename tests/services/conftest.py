"""Every store, and the index, is tested on both engines; every client of models on a server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.storage import Database, StorageSettings
from tests.fakes.openai_server import OpenAIServer


@pytest.fixture
async def database(storage: StorageSettings) -> AsyncIterator[Database]:
    async with Database.open(storage) as database:
        yield database


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer().running() as server:
        yield server
