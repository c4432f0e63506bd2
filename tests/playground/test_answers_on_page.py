"""Answers on the page: every letter of the golden set is shown; topics are talks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiogram import Bot
from playwright.async_api import Browser, Page, expect

from bots.common.formatting import classic_parts, rich_parts
from playground import Playground, RateLimits
from tests.bots import talker
from tests.bots.common.model_answers import MARKDOWN_ANSWERS
from tests.bots.common.test_rich_messages import letters, lost
from tests.bots.harness import running_bot
from tests.playground.browser import chromium, in_chromium, one_loop
from tests.playground.conftest import connect

pytestmark = in_chromium

# What a row shows in the order of reading: texts, addresses of links, numbers and ticks of items.
READ = """ids => {
  const language = (name) => (name === "код" ? "" : name);
  const read = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replaceAll("☑", "x");
    if (node.tagName === "HEADER") return language(node.firstChild.data);
    if (node.tagName === "INPUT") return node.checked ? "x" : "";
    const inner = [...node.childNodes].map(read).join("");
    if (node.tagName === "LI" && node.hasAttribute("value")) return node.value + inner;
    const shown = /^https?:/.test(inner) || node.href?.endsWith(inner); // with or without mailto:
    return node.tagName === "A" && !shown ? inner + node.href : inner;
  };
  return ids.map((id) => read(document.querySelector(`[data-id="${id}"] .text`))).join("\\n");
}"""


@one_loop(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@one_loop()
async def playground() -> AsyncIterator[Playground]:
    async with Playground(bot_username="test_bot", limits=RateLimits(enabled=False)) as server:
        yield server


@one_loop()
async def page(playground: Playground, browser: Browser) -> AsyncIterator[Page]:
    async with opened(playground, browser) as page:
        yield page


@asynccontextmanager
async def opened(playground: Playground, browser: Browser) -> AsyncIterator[Page]:
    """The page of a playground, as wide as a telephone."""
    context = await browser.new_context(viewport={"width": 1200, "height": 800})
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(playground.page_url)
    await page.wait_for_selector("body[data-ready]")
    await page.click("#start")
    await page.set_viewport_size({"width": 360, "height": 640})
    yield page
    assert problems == []
    await context.close()


async def send_rich(bot: Bot, chat_id: int, markdown: str) -> list[int]:
    parts = rich_parts(markdown, long=True)
    sent = [await bot.send_rich_message(chat_id, part.content()) for part in parts]
    return [message.message_id for message in sent]


async def send_classic(bot: Bot, chat_id: int, markdown: str) -> list[int]:
    parts = classic_parts(markdown)
    sent = [
        await bot.send_message(chat_id, part.text, entities=list(part.entities)) for part in parts
    ]
    return [message.message_id for message in sent]


@pytest.mark.parametrize("send", [send_rich, send_classic])
async def test_the_page_shows_every_letter(
    page: Page, playground: Playground, send: Callable[[Bot, int, str], Awaitable[list[int]]]
) -> None:
    chat_id, wrong = playground.person("Аня").id, {}
    async with connect(playground) as bot:
        for name, markdown in MARKDOWN_ANSWERS.items():
            ids = await send(bot, chat_id, markdown)
            await page.wait_for_selector(f"[data-id='{ids[-1]}']")
            found = letters(await page.evaluate(READ, ids))
            if problem := lost(name, found, classic=send is send_classic):
                wrong[name] = problem
    assert wrong == {}
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await page.evaluate("document.getElementById('feed').scrollWidth") <= 360


async def test_each_topic_of_a_private_chat_is_a_talk_with_a_name(
    browser: Browser, tmp_path: Path
) -> None:
    async with (
        Playground(
            bot_username="grisha_bot", limits=RateLimits(enabled=False), private_topics=True
        ) as playground,
        running_bot(talker.create_dispatcher, tmp_path, playground=playground) as bot,
        opened(playground, browser) as page,
    ):
        for number, question in enumerate(("Почему небо голубое?", "Как сварить гречку?"), 1):
            await page.get_by_title("Новая тема").click()
            await page.get_by_label("Сообщение", exact=True).fill(question)
            await page.keyboard.press("Enter")
            await page.get_by_role("tab", name=question).wait_for()
            rows = page.locator(".row", has_text=bot.model.default)
            await expect(rows).to_have_count(1)
            assert len(bot.model.history) == number
        asked = [each.content for each in bot.model.history[-1][0]]
        assert not [text for text in asked if "небо" in text]
        await page.get_by_role("tab", name="Почему небо голубое?").click()
        await expect(page.locator(".row", has_text="гречку")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
