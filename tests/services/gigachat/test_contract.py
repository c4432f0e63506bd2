from collections.abc import AsyncIterator

import pytest

from services.gigachat import GigaChatModel
from tests.fakes.gigachat import GigaChatServer
from tests.services.chat_model_contract import ChatModelContract


class TestGigaChatModel(ChatModelContract):
    """The fixture `model` talks to the loopback server, by both versions of the API."""

    @pytest.fixture
    async def model(self, server: GigaChatServer, version: str) -> AsyncIterator[GigaChatModel]:
        async with GigaChatModel(server.settings(api_version=version)) as model:
            yield model
