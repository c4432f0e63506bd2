"""Other sites' pages can neither read nor act, and what people write is never markup."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from playground import Playground, Upload

EVIL = "evil.example"


@pytest.mark.parametrize(
    "path", ["/", "/api/state", "/api/events", "/bot1:x/getMe", "/page/app.js"]
)
async def test_a_foreign_host_is_refused(
    playground: Playground, http: aiohttp.ClientSession, path: str
) -> None:
    async with http.get(playground.api_url + path, headers={"Host": EVIL}) as response:
        assert response.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "192.168.1.5"])
async def test_an_address_is_not_foreign(
    playground: Playground, http: aiohttp.ClientSession, host: str
) -> None:
    port = URL(playground.page_url).port
    async with http.get(playground.page_url, headers={"Host": f"{host}:{port}"}) as response:
        assert response.status == 200


@pytest.mark.parametrize("origin", [f"https://{EVIL}", "null", "http://127.0.0.1:1"])
async def test_a_foreign_origin_is_refused(
    playground: Playground, http: aiohttp.ClientSession, origin: str
) -> None:
    for path in ("/api/clear", f"/bot{playground.token}/sendMessage"):
        async with http.post(
            playground.api_url + path, json={}, headers={"Origin": origin}
        ) as response:
            assert response.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "odd"])
async def test_a_request_across_sites_is_refused(
    playground: Playground, http: aiohttp.ClientSession, site: str
) -> None:
    headers = {"Sec-Fetch-Site": site}
    for path in ("/", "/api/state", f"/bot{playground.token}/getMe", "/page/app.js"):
        async with http.get(playground.api_url + path, headers=headers) as response:
            assert response.status == 403


async def test_a_form_is_not_an_action(playground: Playground, http: aiohttp.ClientSession) -> None:
    url = f"{playground.api_url}/api/clear"
    async with http.post(url, data={"x": "1"}, headers={"X-Playground": "page"}) as response:
        assert response.status == 415


async def test_an_action_without_the_pages_header_is_refused(
    playground: Playground, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{playground.api_url}/api/clear", json={}) as response:
        assert response.status == 403


@pytest.mark.parametrize("method", ["setWebhook", "sendMessage", "getUpdates", "deleteMyCommands"])
async def test_get_changes_nothing(
    playground: Playground, http: aiohttp.ClientSession, method: str
) -> None:
    chat = playground.person("Аня").private
    chat.send("привет")
    query = {"url": "https://evil.example", "chat_id": str(chat.chat.id), "text": "x"}
    url = f"{playground.api_url}/bot{playground.token}/{method}"
    async with http.get(url, params=query) as response:
        assert response.status == 405
        assert (await response.json())["ok"] is False
    async with http.head(url, params=query) as response:
        assert response.status == 405
    assert playground.webhook.target is None
    assert len(chat.messages) == 1


async def test_the_token_cannot_be_guessed(tmp_path: Path) -> None:
    """It is random, the same at the next start, and nobody else's to read."""
    tokens = []
    for folder in (tmp_path, tmp_path, tmp_path / "other", None, None):
        async with Playground(bot_username="test_bot", state_dir=folder) as playground:
            tokens.append(playground.token)
    first, again, *others = tokens
    assert first == again
    assert len({first, *others}) == 4
    assert re.fullmatch(r"\d+:[A-Za-z0-9]{35}", first)
    assert stat.S_IMODE((tmp_path / "playground-token").stat().st_mode) == 0o600


async def test_a_broken_token_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "playground-token").write_bytes(b"\xff short")
    async with Playground(state_dir=tmp_path) as playground:
        assert len(playground.token.partition(":")[2]) == 35


async def test_the_page_may_run_only_its_own_scripts(
    playground: Playground, http: aiohttp.ClientSession
) -> None:
    async with http.get(playground.page_url) as response:
        policy = response.headers["Content-Security-Policy"]
        page = await response.text()
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in page.replace("http-equiv", "")


async def test_an_uploaded_page_is_only_saved(
    playground: Playground, http: aiohttp.ClientSession
) -> None:
    upload = Upload("x.html", "text/html", b"<script>alert(1)</script>")
    message = playground.person("Аня").private.send(document=upload)
    assert message.document is not None
    async with http.get(f"{playground.api_url}/api/files/{message.document.file_id}") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["..%2fserver.py", "nothing.js", "page_api.py"])
async def test_only_the_pages_files_are_served(
    playground: Playground, http: aiohttp.ClientSession, name: str
) -> None:
    url = URL(f"{playground.api_url}/page/{name}", encoded=True)
    async with http.get(url) as response:
        assert response.status == 404
