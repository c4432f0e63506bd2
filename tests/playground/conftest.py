"""A playground for each test, and bots that know nothing of it: stock aiogram over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiogram import Bot, Dispatcher, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from playground import Playground, RateLimits


def connect(playground: Playground) -> Bot:
    """A bot of today's aiogram; only the server's address is not Telegram's."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(playground.api_url))
    return Bot(playground.token, session=session)


@asynccontextmanager
async def polling(bot: Bot, *routers: Router, **options: Any) -> AsyncIterator[Dispatcher]:
    """Run a bot by long polling for as long as the block lasts."""
    dispatcher = Dispatcher()
    dispatcher.include_routers(*routers)
    task = asyncio.create_task(
        dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False, **options)
    )
    try:
        yield dispatcher
    finally:
        while not task.done():
            try:
                await dispatcher.stop_polling()
                break
            except RuntimeError:  # it hasn't begun yet
                await asyncio.sleep(0.01)
        await asyncio.wait_for(task, 5)


class Api:
    """Raw calls, for what aiogram would never send."""

    def __init__(self, session: aiohttp.ClientSession, playground: Playground) -> None:
        self._session = session
        self._base = f"{playground.api_url}/bot{playground.token}"

    async def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        async with self._session.post(f"{self._base}/{method}", json=params) as response:
            body = await response.json()
            assert body["ok"] == (response.status == 200)
            return dict(body)

    async def error(self, method: str, **params: Any) -> str:
        body = await self(method, **params)
        assert not body["ok"], body
        return str(body["description"])

    async def result(self, method: str, **params: Any) -> Any:
        body = await self(method, **params)
        assert body["ok"], body
        return body["result"]


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    """A fresh playground without rate limits; tests of the limits make their own."""
    limits = RateLimits(enabled=False)
    async with Playground(bot_username="test_bot", limits=limits) as server:
        yield server


@pytest.fixture
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    async with connect(playground) as connected:
        yield connected


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def api(http: aiohttp.ClientSession, playground: Playground) -> Api:
    return Api(http, playground)
