"""Pages of other sites in a real browser: whatever they try, the playground doesn't notice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from playground import Playground, RateLimits
from tests.playground.browser import FOREIGN_HOST, chromium, in_chromium, one_loop

pytestmark = in_chromium

ATTACK = (Path(__file__).parent / "attack.js").read_text("utf-8")


@one_loop(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(f"--host-resolver-rules=MAP {FOREIGN_HOST} 127.0.0.1") as browser:
        yield browser


@one_loop()
async def playground() -> AsyncIterator[Playground]:
    async with Playground(bot_username="test_bot", limits=RateLimits(enabled=False)) as server:
        yield server


@one_loop()
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


@one_loop()
async def foreign_port() -> AsyncIterator[int]:
    """Another server of this machine, with an empty page."""

    async def empty(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><body></body>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


# Another site, and another port of this machine, which browsers count as the same site.
@pytest.mark.parametrize("host", [FOREIGN_HOST, "127.0.0.1", "localhost"])
async def test_a_foreign_page_can_neither_act_nor_read(
    page: Page, playground: Playground, foreign_port: int, host: str
) -> None:
    chat = playground.person("Аня").private
    chat.send("своё")
    waiting = len(playground.world.updates)
    await page.goto(f"http://{host}:{foreign_port}/")
    target = [playground.api_url, playground.token, chat.chat.id, chat.chat.key]
    seen = await page.evaluate(ATTACK, target)
    assert seen == {"read": "", "streams": ["refused", "refused"], "framed": 0}
    assert playground.webhook.target is None
    assert [m.text for m in chat.messages] == ["своё"]
    assert len(playground.world.updates) == waiting
    assert playground.calls == []


async def test_a_name_that_leads_here_opens_nothing(page: Page, playground: Playground) -> None:
    """DNS rebinding: the foreign name resolves to this machine, so the origin is the same."""
    port = playground.page_url.split(":")[-1].strip("/")
    answer = await page.goto(f"http://{FOREIGN_HOST}:{port}/")
    assert answer is not None
    assert answer.status == 403
    state = await page.evaluate("fetch('/api/state').then((answer) => answer.status)")
    assert state == 403


async def test_a_link_from_another_page_opens_the_playground(
    page: Page, playground: Playground, foreign_port: int
) -> None:
    await page.goto(f"http://{FOREIGN_HOST}:{foreign_port}/")
    await page.evaluate(f"location.href = {playground.page_url!r}")
    await page.wait_for_selector("body[data-ready]")
