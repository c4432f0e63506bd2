"""A speech synthesis server on loopback, in OpenAI's form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

OPUS = (Path(__file__).parents[1] / "recordings" / "s01.ogg").read_bytes()


@dataclass(slots=True)
class SpeechCalls:
    """What the server answers and what it was asked."""

    url: str = ""
    content: bytes = OPUS
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        if self.status != 200:
            return web.json_response({"error": {"message": "refused"}}, status=self.status)
        return web.Response(body=self.content, content_type="audio/ogg")


@asynccontextmanager
async def synthesis_server() -> AsyncIterator[SpeechCalls]:
    calls = SpeechCalls()
    app = web.Application()
    app.router.add_post("/v1/audio/speech", calls.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    calls.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield calls
    finally:
        await runner.cleanup()
