from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.gigachat import GigaChatModel
from tests.fakes.gigachat import GigaChatServer


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    """Both versions of the chat API, one after the other."""
    value: str = request.param
    return value


@pytest.fixture
async def server() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        yield server


@pytest.fixture
async def model(server: GigaChatServer) -> AsyncIterator[GigaChatModel]:
    async with GigaChatModel(server.settings()) as model:
        yield model
