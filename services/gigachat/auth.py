"""The access token, refreshed by one OAuth call for all concurrent requests.

The first request that finds the token missing, expired or refused starts the call; the others
wait for it. A refusal names its token, so that a late one, for a token that has been replaced
since, starts no second call.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from services.errors import AuthError, BadResponse, ServiceError

EARLY = 60.0  # seconds before its expiry at which a token is replaced
MIN_USE = 60.0  # seconds; so that with a wrong clock not every request needs an OAuth call
FAILURE_LIFE = 5.0  # seconds for which requests share the error of a failed OAuth call


class TokenRefused(AuthError):
    """The service refused its own token: it expired early or was revoked."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """An access token, good for `lifetime` seconds; two of them are never equal."""

    value: str = field(repr=False)
    lifetime: float


def parse_token(reply: Any, now: float) -> Token:
    """Read a reply of the OAuth service; `now` is the time in seconds since the epoch.

    The forms: `access_token` and `expires_at` in ms (documented) or in s; `tok` and `exp` in s.
    """
    if not isinstance(reply, dict):
        raise BadResponse("the OAuth reply is not an object", service="gigachat")
    value = reply.get("access_token") or reply.get("tok")
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
        raise BadResponse("the OAuth reply has no token", service="gigachat")
    expires = reply.get("expires_at", reply.get("exp"))
    if not isinstance(expires, (int, float)) or not 0 < expires < 1e15:
        return Token(value, lifetime=0.0)
    return Token(value, lifetime=(expires if expires < 1e11 else expires / 1000) - now)


class TokenSource:
    """Provides the current token; `fetch` makes one OAuth call and raises ServiceError."""

    def __init__(self, fetch: Callable[[], Awaitable[Token]]) -> None:
        self._fetch = fetch
        self._token: Token | None = None
        self._refresh_at = 0.0
        self._failure: ServiceError | None = None
        self._failure_ends = 0.0
        self._call: asyncio.Task[Token | ServiceError] | None = None

    async def get(self, refused: Token | None = None) -> Token:
        """The current token; a new one if it is `refused`."""
        now = asyncio.get_running_loop().time()
        if self._token is not None and self._token is not refused and now < self._refresh_at:
            return self._token
        if self._failure is not None and now < self._failure_ends:
            raise copy.copy(self._failure) from self._failure
        if self._call is None:
            self._call = asyncio.create_task(self._refresh())
        # Shielded: the cancellation of one caller must not cancel the call of all others.
        outcome = await asyncio.shield(self._call)
        if isinstance(outcome, ServiceError):
            raise copy.copy(outcome) from outcome
        return outcome

    async def _refresh(self) -> Token | ServiceError:
        """Fetch a token. Returns an error instead of raising: the task may have no waiter."""
        loop = asyncio.get_running_loop()
        self._failure = None
        try:
            self._token = await self._fetch()
            self._refresh_at = loop.time() + max(self._token.lifetime - EARLY, MIN_USE)
            return self._token
        except ServiceError as error:
            self._failure, self._failure_ends = error, loop.time() + FAILURE_LIFE
            return error
        finally:
            self._call = None

    def discard(self, token: Token) -> None:
        """Fetch a new token for the next request, unless `token` is replaced already."""
        if self._token is token:
            self._token = None

    async def aclose(self) -> None:
        if self._call is not None:
            self._call.cancel()
            await asyncio.wait({self._call})
