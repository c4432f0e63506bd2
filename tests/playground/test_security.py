"""Other sites' pages can neither read nor act, and what people write is never markup."""

from __future__ import annotations

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


async def test_a_form_is_not_an_action(playground: Playground, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{playground.api_url}/api/clear", data={"x": "1"}) as response:
        assert response.status == 415


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
