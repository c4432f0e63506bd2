"""Middleware that refuses requests which another site's page made the browser send.

Three things are checked: Host (DNS rebinding), Origin and Sec-Fetch-Site (requests across
sites), and for the page's own actions a header that no foreign page can send without a
preflight, which is never granted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE_HEADER = "X-Playground"
_OWN_SITES = ("same-origin", "none")  # "none": typed into the address bar
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_UNKNOWN_HOST = "По этому имени страница не открывается: открой http://127.0.0.1 с её портом."


class Guard:
    """Checks requests for a server that listens on `host`."""

    def __init__(self, host: str) -> None:
        self._host = host.lower()

    @web.middleware
    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._check(request)
        response = await handler(request)
        if not response.prepared and not request.path.startswith("/bot"):
            response.headers["Content-Security-Policy"] = _CONTENT_POLICY
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
            response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response

    def _check(self, request: web.Request) -> None:
        host = request.headers.get("Host", "")
        if not self._is_own(host):
            raise web.HTTPForbidden(text=_UNKNOWN_HOST)
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise web.HTTPForbidden(text="foreign Origin")
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site not in _OWN_SITES and not _opens_the_page(request):
            raise web.HTTPForbidden(text="foreign site")
        acts = request.method == "POST" and request.path.startswith("/api/")
        if acts and PAGE_HEADER not in request.headers:
            raise web.HTTPForbidden(text=f"{PAGE_HEADER} expected")

    def _is_own(self, host: str) -> bool:
        """Whether a Host header can only mean this server: an address, localhost, our name."""
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").lower()
        if not name:
            return False
        if name in ("localhost", self._host):
            return True
        try:
            return not ipaddress.ip_address(name).is_unspecified
        except ValueError:
            return False


def _opens_the_page(request: web.Request) -> bool:
    """Whether a link somewhere was followed to the page, in a tab of its own."""
    is_page = request.method == "GET" and request.path == "/"
    return is_page and request.headers.get("Sec-Fetch-Dest") == "document"
