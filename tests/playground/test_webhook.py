"""Delivery to a webhook: the secret, order, retries, and replies that are calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, Router
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web
from aiohttp.test_utils import TestServer

from playground import Playground
from tests.playground.conftest import Api


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


class Receiver:
    """A webhook that keeps what it gets and answers what it is told to."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.secrets: set[str | None] = set()
        self.answers: list[web.Response] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.secrets.add(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        await self.got.put(await request.json())
        return self.answers.pop(0) if self.answers else web.Response()

    async def text(self) -> str:
        update = await asyncio.wait_for(self.got.get(), 5)
        return str(update["message"]["text"])


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app) as server:
        yield receiver, str(server.make_url("/hook"))


async def test_updates_are_delivered_in_order_with_the_secret(
    playground: Playground, api: Api, receiver: tuple[Receiver, str]
) -> None:
    hook, url = receiver
    chat = playground.person("Аня").private
    chat.send("ждало")
    assert await api.result("setWebhook", url=url, secret_token="s3cret") is True
    for number in range(20):
        chat.send(str(number))
    assert [await hook.text() for _ in range(21)] == ["ждало", *map(str, range(20))]
    assert hook.secrets == {"s3cret"}
    info = await api.result("getWebhookInfo")
    assert (info["url"], info["pending_update_count"]) == (url, 0)


async def test_a_refused_update_is_sent_again(
    playground: Playground, api: Api, receiver: tuple[Receiver, str]
) -> None:
    hook, url = receiver
    hook.answers = [web.Response(status=500)]
    await api.result("setWebhook", url=url)
    playground.person("Аня").private.send("раз")
    assert [await hook.text(), await hook.text()] == ["раз", "раз"]
    info = await api.result("getWebhookInfo")
    assert info["last_error_message"].startswith("Wrong response from the webhook: 500")


async def test_polling_and_a_webhook_exclude_each_other(
    api: Api, receiver: tuple[Receiver, str]
) -> None:
    poll = asyncio.create_task(api("getUpdates", timeout=20))
    await asyncio.sleep(0.05)
    await api.result("setWebhook", url=receiver[1])
    ended = await asyncio.wait_for(poll, 5)
    assert ended["description"] == "Conflict: terminated by setWebhook request"
    refused = await api("getUpdates")
    assert refused["error_code"] == 409
    assert "can't use getUpdates method while webhook is active" in refused["description"]
    assert await api.result("deleteWebhook") is True
    assert await api.result("getUpdates") == []


async def test_what_is_waiting_can_be_dropped(
    playground: Playground, api: Api, receiver: tuple[Receiver, str]
) -> None:
    hook, url = receiver
    chat = playground.person("Аня").private
    chat.send("старое")
    await api.result("setWebhook", url=url, drop_pending_updates=True)
    chat.send("новое")
    assert await hook.text() == "новое"


async def test_what_a_dead_webhook_did_not_take_comes_by_polling(
    playground: Playground, api: Api
) -> None:
    await api.result("setWebhook", url="http://127.0.0.1:9/hook")
    playground.person("Аня").private.send("раз")
    await until(lambda: bool(playground.webhook.last_error))
    await api.result("deleteWebhook")
    (update,) = await api.result("getUpdates")
    assert update["message"]["text"] == "раз"


@pytest.mark.parametrize("in_background", [False, True])
async def test_a_stock_bot_behind_a_webhook(
    playground: Playground, bot: Bot, api: Api, in_background: bool
) -> None:
    router = Router()

    @router.message()
    async def on_message(message: Message) -> Any:
        return message.reply(f"эхо: {message.text}")

    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    app = web.Application()
    handler = SimpleRequestHandler(
        dispatcher, bot, handle_in_background=in_background, secret_token="s"
    )
    handler.register(app, path="/hook")
    setup_application(app, dispatcher, bot=bot)
    async with TestServer(app) as server:
        await api.result("setWebhook", url=str(server.make_url("/hook")), secret_token="s")
        chat = playground.person("Аня").private
        chat.send("привет")
        assert (await chat.wait_for("эхо")).text == "эхо: привет"
        await api.result("deleteWebhook")
