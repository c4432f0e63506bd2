"""A speech recognition server on loopback, in OpenAI's form."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MAX_REQUEST = 30 * 2**20


@dataclass(slots=True)
class TranscriptionCalls:
    """What the server answers and what it was asked."""

    url: str = ""
    texts: deque[str] = field(default_factory=deque)
    default: str = "какая завтра погода"
    status: int = 200
    hold: asyncio.Event | None = None  # answers wait for it
    forms: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        form: dict[str, Any] = {}
        for name, value in (await request.post()).items():
            form[name] = value if isinstance(value, str) else (value.filename, value.file.read())
        self.forms.append(form)
        self.headers.append(dict(request.headers))
        if self.hold:
            await self.hold.wait()
        if self.status != 200:
            error = {"error": {"message": "refused", "type": "error"}}
            return web.json_response(error, status=self.status)
        return web.json_response({"text": self.texts.popleft() if self.texts else self.default})


@asynccontextmanager
async def transcription_server() -> AsyncIterator[TranscriptionCalls]:
    calls = TranscriptionCalls()
    app = web.Application(client_max_size=MAX_REQUEST)
    app.router.add_post("/v1/audio/transcriptions", calls.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    calls.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield calls
    finally:
        if calls.hold:
            calls.hold.set()
        await runner.cleanup()
