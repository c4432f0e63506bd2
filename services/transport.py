"""HTTP policy of every model client: Retry-After, back-off, retries, errors of statuses."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from services.errors import (
    AccessDenied,
    AuthError,
    BadRequest,
    BadResponse,
    ContextTooLong,
    ModelLoading,
    ModelNotFound,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    Timeout,
    Unavailable,
)

MAX_RETRY_WAIT = 10.0  # a longer wait is told to the user instead
MAX_RETRY_AFTER = 24 * 3600.0  # whatever a server asks for, nobody is told to wait for longer
MAX_HEADER = 64  # characters of a Retry-After; dates have 29

T = TypeVar("T")
logger = logging.getLogger(__name__)

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")

_BY_STATUS: dict[int, type[ServiceError]] = {
    401: AuthError,
    402: QuotaExceeded,
    403: AccessDenied,
    404: ModelNotFound,
    408: Timeout,
    413: ContextTooLong,
    429: RateLimited,
    504: Timeout,
}


def kind_of_status(status: int) -> type[ServiceError]:
    """The error that an HTTP status means, before anything is known of the reply's body."""
    if kind := _BY_STATUS.get(status):
        return kind
    if status >= 500:
        return Unavailable
    return BadRequest if status >= 400 else BadResponse


def make_error(
    kind: type[ServiceError], message: str, *, service: str, headers: Mapping[str, str] | None
) -> ServiceError:
    """Build an error; those that a wait may cure get the seconds of Retry-After."""
    if issubclass(kind, (RateLimited, Unavailable)) and kind is not ModelLoading:
        wait = parse_retry_after((headers or {}).get("Retry-After"))
        return kind(message, service=service, retry_after=wait)
    return kind(message, service=service)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a Retry-After in seconds or as an HTTP date.

    None when the header is absent or makes no sense; never more than a day, never below zero.
    """
    value = (value or "").strip()
    if not value or len(value) > MAX_HEADER:
        return None
    if _SECONDS.fullmatch(value):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
        # A date without a zone, or with "-0000", is in UTC (RFC 5322, 3.3).
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        wait = (date - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, wait), MAX_RETRY_AFTER)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is sent again, and after which pauses (in seconds).

    Only for requests of which no part of the answer has come: a stream that has begun
    is never repeated.
    """

    retries: int = 2
    first_pause: float = 0.5

    def delay(self, error: ServiceError, attempt: int) -> float | None:
        """Seconds before the next try; None when another try makes no sense.

        A server's Retry-After is kept, with up to a quarter more so that callers spread out.
        """
        if isinstance(error, ModelLoading) or not isinstance(error, (RateLimited, Unavailable)):
            return None  # loading takes minutes: the user is told instead
        if error.retry_after is not None:
            wait = error.retry_after
            return None if wait > MAX_RETRY_WAIT else wait * random.uniform(1.0, 1.25)
        pause = self.first_pause * 2.0 ** min(attempt, 30)
        return min(pause, MAX_RETRY_WAIT) * random.uniform(0.5, 1.0)

    async def run(self, send: Callable[[], Awaitable[T]]) -> T:
        """Return what `send` returns; call it again after errors that may pass."""
        for attempt in range(self.retries):
            try:
                return await send()
            except (RateLimited, Unavailable) as error:
                delay = self.delay(error, attempt)
                if delay is None:
                    raise
                logger.warning("%s; the next try is in %.1f s", error, delay)
            await asyncio.sleep(delay)
        return await send()


DEFAULT_RETRIES = RetryPolicy()
