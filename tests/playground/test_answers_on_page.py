"""The golden set of answers as rich messages on the page: every letter is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiogram import Bot
from playwright.async_api import Browser, Page

from bots.common.formatting import RichPart, rich_parts
from playground import Playground, RateLimits
from tests.bots.common.model_answers import MARKDOWN_ANSWERS
from tests.bots.common.test_rich_messages import letters, lost
from tests.playground.browser import chromium, in_chromium, one_loop
from tests.playground.conftest import connect

pytestmark = in_chromium

# What a row shows in the order of reading: texts, addresses of links, numbers and ticks of items.
READ = """ids => {
  const language = (name) => (name === "код" ? "" : name);
  const read = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.tagName === "HEADER") return language(node.firstChild.data);
    if (node.tagName === "INPUT") return node.checked ? "x" : "";
    const inner = [...node.childNodes].map(read).join("");
    if (node.tagName === "LI" && node.hasAttribute("value")) return node.value + inner;
    return node.tagName === "A" && !/^https?:/.test(inner) ? inner + node.href : inner;
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


async def send(bot: Bot, chat_id: int, parts: Sequence[RichPart]) -> list[int]:
    sent = [await bot.send_rich_message(chat_id, part.content()) for part in parts]
    return [message.message_id for message in sent]


async def test_the_page_shows_every_letter(page: Page, playground: Playground) -> None:
    chat_id, wrong = playground.person("Аня").id, {}
    async with connect(playground) as bot:
        for name, markdown in MARKDOWN_ANSWERS.items():
            ids = await send(bot, chat_id, rich_parts(markdown, long=True))
            await page.wait_for_selector(f"[data-id='{ids[-1]}']")
            found = letters(await page.evaluate(READ, ids))
            if problem := lost(name, found, classic=False):
                wrong[name] = problem
    assert wrong == {}
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await page.evaluate("document.getElementById('feed').scrollWidth") <= 360
