from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.openai_server import OpenAIServer


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer().running() as server:
        yield server
