"""Whether an answer may go out as a rich message: the operator, the server and the person say.

A server that doesn't know the method (an own Bot API server of an older version) is asked
once and then left alone for a day.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

from aiogram import BaseMiddleware
from aiogram.exceptions import TelegramBadRequest, TelegramNotFound
from aiogram.types import TelegramObject
from sqlalchemy.exc import SQLAlchemyError

from services.budgets import payer
from services.storage import PreferenceStore

logger = logging.getLogger(__name__)

PREFERENCE = "rich"  # a person's choice: false is "no rich messages"
ASK_AGAIN = 24 * 3600.0  # seconds until an old server is tried again
LOOK_UP = 1.0  # seconds that a person's choice may take to read

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
T = TypeVar("T")

_current: ContextVar[RichMessages | None] = ContextVar("rich_messages", default=None)


class RichRefused(Exception):
    """Telegram takes no rich message here; a classic one says the same."""


class RichMessages(BaseMiddleware):
    """Knows where rich messages work; as a middleware it lets the answers to updates ask."""

    def __init__(
        self,
        mode: Literal["auto", "never"],
        preferences: PreferenceStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mode = mode
        self._preferences = preferences
        self._clock = clock
        self._unknown_until = 0.0

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        _current.set(self)
        return await handler(event, data)

    async def allowed(self, person_id: int | None) -> bool:
        """Whether to try; in doubt, such as when the database doesn't answer, not."""
        if self._mode == "never" or self._clock() < self._unknown_until:
            return False
        try:
            async with asyncio.timeout(LOOK_UP):
                return bool(await self._preferences.get(person_id or 0, PREFERENCE, True))
        except (OSError, SQLAlchemyError) as error:  # a timeout is an OSError
            logger.info("rich messages: choice not read: %s", type(error).__name__)
            return False

    async def attempt(self, call: Awaitable[T]) -> T:
        """Make a call with a rich message; raise RichRefused when the server can't take it."""
        try:
            return await call
        except (TelegramNotFound, TelegramBadRequest) as error:
            if "not modified" in error.message:
                raise
            if isinstance(error, TelegramNotFound) or "method not found" in error.message.lower():
                logger.info("the Bot API server knows no rich messages")
                self._unknown_until = self._clock() + ASK_AGAIN
            else:
                logger.warning("rich message refused, sent plain: %s", error.message)
            raise RichRefused from error


class RichAnswer:
    """One answer's use of rich messages: allowed until refused."""

    def __init__(self) -> None:
        self._messages = _current.get()
        self._person = payer.get()
        self._allowed: bool | None = None if self._messages else False

    async def allowed(self) -> bool:
        if self._allowed is None:
            assert self._messages is not None  # noqa: S101  (False without them)
            self._allowed = await self._messages.allowed(self._person)
        return self._allowed

    async def attempt(self, call: Awaitable[T]) -> T:
        assert self._messages is not None  # noqa: S101  (allowed)
        try:
            return await self._messages.attempt(call)
        except RichRefused:
            self._allowed = False
            raise
