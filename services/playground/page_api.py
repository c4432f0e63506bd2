"""The page's side of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from services.playground.server import Playground


class PageApi:
    """Stub for now."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground

    def add_routes(self, app: web.Application) -> None:
        pass

    def close(self) -> None:
        pass
