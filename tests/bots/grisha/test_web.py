"""/web and addresses in questions, with the real GigaChat client on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.grisha import bot as grisha_bot
from services.gigachat import GigaChatModel
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.gigachat import GigaChatServer

WAIT = 20
PAGES = {"2": {"url": "https://kzn.ru/news", "title": "Новости Казани"}}


@pytest.fixture
async def server() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        yield server


@pytest.fixture
async def running(server: GigaChatServer, tmp_path: Path) -> AsyncIterator[RunningBot]:
    model = GigaChatModel(server.settings(model="GigaChat-3-Ultra"))
    async with running_bot(grisha_bot.create_dispatcher, tmp_path / "var", model=model) as running:
        yield running


async def test_a_search_shows_numbered_links(running: RunningBot, server: GigaChatServer) -> None:
    text = {"text": "В Казани открыли мост [sources=[2]]."}
    server.enqueue({"content": [text, {"inline_data": {"sources": PAGES}}]})
    running.chat.send("/web что нового в Казани?")
    answer = await running.chat.wait_for("открыли мост [1].", WAIT)
    assert answer.text is not None
    assert answer.text.endswith("Источники:\n\n1. Новости Казани")
    links = [entity.url for entity in answer.entities or [] if entity.type == "text_link"]
    assert links == ["https://kzn.ru/news"]
    request = server.requests[-1]
    assert request["tool_config"] == {"mode": "forced", "tool_name": "web_search"}
    assert request["messages"][-1]["content"] == [{"text": "что нового в Казани?"}]
    running.chat.send("и что там ещё было?")
    await running.chat.wait_for("Ты спрашиваешь", WAIT)
    said = [message["content"][0]["text"] for message in server.requests[-1]["messages"]]
    assert any("открыли мост" in text for text in said), "he remembers what he found"
    assert "tools" not in server.requests[-1]


async def test_an_empty_search_asks_what_to_look_for(running: RunningBot) -> None:
    running.chat.send("/web")
    await running.chat.wait_for("Что найти?", WAIT)


async def test_a_page_that_is_named_is_read(running: RunningBot, server: GigaChatServer) -> None:
    running.chat.send("перескажи статью https://kzn.ru/news/5 коротко")
    await running.chat.wait_for("Ты спрашиваешь", WAIT)
    assert server.requests[-1]["tools"] == [{"url_content_extraction": {}}]


async def test_another_model_says_what_is_missing(bot: RunningBot) -> None:
    bot.chat.send("/web что нового?")
    await bot.chat.wait_for("Искать в интернете я могу только с GigaChat", WAIT)
    assert not bot.model.history
