"""Server-sent events, sent to every open page."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from playground.errors import Json

_MAX_WAITING = 2000  # events for a page that doesn't read: then it must load anew
_HEARTBEAT_SECONDS = 15.0


class EventStream:
    """Sends each event to all pages that listen."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[str | None]] = set()

    def __bool__(self) -> bool:
        """Whether any page listens."""
        return bool(self._pages)

    def send(self, event: Json) -> None:
        if not self._pages:
            return
        encoded = f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
        for page in self._pages:
            if page.qsize() < _MAX_WAITING:
                page.put_nowait(encoded)
            elif page.qsize() == _MAX_WAITING:
                page.put_nowait(None)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a page's request with events until either side ends it."""
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        page: asyncio.Queue[str | None] = asyncio.Queue(_MAX_WAITING + 1)
        self._pages.add(page)
        try:
            await response.prepare(request)
            await response.write(b"retry: 1000\n\n")
            while (event := await _next_event(page)) is not None:
                await response.write(event.encode("utf-8", "surrogatepass"))
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._pages.discard(page)
        return response

    def close(self) -> None:
        """End the streams, so that the server can stop."""
        for page in self._pages:
            page.put_nowait(None)


async def _next_event(page: asyncio.Queue[str | None]) -> str | None:
    try:
        return await asyncio.wait_for(page.get(), _HEARTBEAT_SECONDS)
    except TimeoutError:
        return ": alive\n\n"
