"""Make calls to Telegram get through: wait out flood limits, retry passing failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

from aiogram import Bot
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    EditMessageReplyMarkup,
    EditMessageText,
    GetUpdates,
    Response,
    TelegramMethod,
)
from aiogram.methods.base import TelegramType

from bots.common.metrics import FLOOD_WAITS

logger = logging.getLogger(__name__)

ATTEMPTS = 6  # over about 30 s of a server's or the network's failures
FIRST_PAUSE = 1.0
LONGEST_WAIT = 15 * 60.0  # Telegram's waits may grow to hours; a late answer helps nobody

_best_effort: ContextVar[bool] = ContextVar("best_effort", default=False)


@contextmanager
def best_effort() -> Iterator[None]:
    """Try the calls inside once only: a preview that comes late is of no use."""
    token = _best_effort.set(True)
    try:
        yield
    finally:
        _best_effort.reset(token)


class RetryMiddleware(BaseRequestMiddleware):
    """Repeats a call after a flood wait, a server error or a broken connection."""

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        if isinstance(method, GetUpdates) or _best_effort.get():
            return await _attempt(make_request, bot, method)
        waited, failures = 0.0, 0
        while True:
            try:
                return await _attempt(make_request, bot, method)
            except TelegramBadRequest as error:
                if not _already_done(method, error):
                    raise
                return cast("Response[TelegramType]", True)
            except TelegramRetryAfter as error:
                pause = float(error.retry_after)
                if waited + pause > LONGEST_WAIT:
                    raise
            except (TelegramServerError, TelegramNetworkError, ClientDecodeError):
                failures += 1
                if failures == ATTEMPTS:
                    raise
                pause = FIRST_PAUSE * 2 ** (failures - 1)
            logger.warning("%s waits for %.0f s", type(method).__name__, pause)
            waited += pause
            await asyncio.sleep(pause)


async def _attempt(
    make_request: NextRequestMiddlewareType[TelegramType],
    bot: Bot,
    method: TelegramMethod[TelegramType],
) -> Response[TelegramType]:
    _answer_type(method.__returning__)
    try:
        return await make_request(bot, method)
    except TelegramRetryAfter:
        FLOOD_WAITS.inc()
        raise


def _already_done(method: TelegramMethod[Any], error: TelegramBadRequest) -> bool:
    """Whether the refusal leaves nothing to do: a replayed update or a second tap gets these."""
    if isinstance(method, AnswerCallbackQuery):
        return "query is too old" in error.message
    if isinstance(method, (EditMessageText, EditMessageReplyMarkup)):
        return "message is not modified" in error.message
    return False


@cache
def _answer_type(returned: Any) -> Any:
    """Keep a reference to the type that aiogram parses an answer with.

    pydantic holds it weakly: without this it is collected and its schema built again,
    which takes some 10 ms, after every few answers.
    """
    return Response[returned]
