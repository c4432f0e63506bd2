"""Pages of other sites in a real browser: whatever they try, the playground doesn't notice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from playground import Playground, RateLimits
from tests.playground.browser import FOREIGN_HOST, chromium, in_chromium, one_loop

pytestmark = in_chromium

# Everything that a page can send without being asked; the attacker even knows the token.
ATTACK = """
async ([base, token, person, chat]) => {
  const bot = `${base}/bot${token}`;
  const message = JSON.stringify({ chat, person, text: "взлом" });
  const wait = (node, start) => new Promise((done) => {
    node.onload = node.onerror = () => done();
    setTimeout(done, 2500);
    start(node);
  });
  const image = (src) => wait(new Image(), (node) => { node.src = src; });
  const loaded = (tag, address) => wait(document.createElement(tag), (node) => {
    node[tag === "link" ? "href" : "src"] = address;
    if (tag === "link") node.rel = "stylesheet";
    document.body.append(node);
  });
  const form = (action, enctype, fields) => wait(document.createElement("iframe"), (frame) => {
    frame.name = `f${Math.random()}`;
    const node = Object.assign(document.createElement("form"), { action, enctype, method: "POST", target: frame.name });
    for (const [name, value] of Object.entries(fields)) node.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(frame, node);
    node.submit();
  });
  const open = (stream) => new Promise((done) => {
    stream.onopen = () => done("open");
    stream.onerror = () => done("refused");
    setTimeout(() => done("silent"), 2500);
  });
  const text = { method: "POST", mode: "no-cors", headers: { "Content-Type": "text/plain" }, body: message };
  const multipart = new FormData();
  multipart.append("body", message);
  multipart.append("document", new File(["x"], "x.txt"));
  const attempts = [
    image(`${bot}/setWebhook?url=https://evil.example/`),
    image(`${bot}/sendMessage?chat_id=${person}&text=взлом`),
    image(`${bot}/getUpdates?offset=-1`),
    image(`${base}/api/send?chat=${chat}&person=${person}&text=взлом`),
    loaded("script", `${bot}/deleteWebhook?drop_pending_updates=true`),
    loaded("link", `${bot}/sendMessage?chat_id=${person}&text=взлом`),
    loaded("iframe", `${base}/`),
    form(`${bot}/sendMessage`, "application/x-www-form-urlencoded", { chat_id: person, text: "взлом" }),
    form(`${base}/api/send`, "multipart/form-data", { body: message }),
    form(`${base}/api/send`, "text/plain", { [message.slice(0, -1) + ',"x":"']: '"}' }),
    fetch(`${bot}/sendMessage`, { ...text, body: new URLSearchParams({ chat_id: person, text: "взлом" }) }).catch(() => 0),
    fetch(`${bot}/getMe`, { method: "HEAD", mode: "no-cors" }).catch(() => 0),
    fetch(`${base}/api/send`, text).catch(() => 0),
    fetch(`${base}/api/send`, { method: "POST", mode: "no-cors", body: multipart }).catch(() => 0),
    fetch(`${base}/api/send`, { method: "POST", headers: { "Content-Type": "application/json" }, body: message }).catch(() => 0),
    fetch(`${base}/api/clear`, { ...text, body: "{}" }).catch(() => 0),
  ];
  navigator.sendBeacon(`${base}/api/send`, multipart);
  const read = await fetch(`${base}/api/state`).then((answer) => answer.text(), () => "");
  const streams = await Promise.all([
    open(new EventSource(`${base}/api/events`)),
    open(new WebSocket(`${base.replace("http", "ws")}/api/events`)),
  ]);
  await Promise.all(attempts);
  const framed = [...document.querySelectorAll("iframe")].filter((frame) => { try { return frame.contentDocument?.title === "Playground"; } catch { return false; } });
  return { read, streams, framed: framed.length };
}
"""


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
