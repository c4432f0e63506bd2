"""One place where failures become words for users and lines for the log."""

from __future__ import annotations

import logging

from aiogram import Router
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import ExceptionTypeFilter
from aiogram.types import CallbackQuery, ErrorEvent, Message

from bots.common import texts
from bots.common.notices import send_aside
from services.errors import BudgetSpent, Busy, ModelLoading, ServiceError
from services.metrics import ERRORS
from services.texts import describe_error

logger = logging.getLogger(__name__)


def create_router() -> Router:
    router = Router(name="errors")
    router.errors.register(on_forbidden, ExceptionTypeFilter(TelegramForbiddenError))
    router.errors.register(on_service_error, ExceptionTypeFilter(ServiceError))
    router.errors.register(on_unexpected)
    return router


async def on_forbidden(event: ErrorEvent) -> None:
    """The user blocked the bot, or it was removed from the chat: nobody to tell."""
    logger.info("update %d: the bot may not write there", event.update.update_id)


async def on_service_error(event: ErrorEvent) -> None:
    error = event.exception
    assert isinstance(error, ServiceError)  # noqa: S101  (filtered by type)
    usual = isinstance(error, (Busy, BudgetSpent, ModelLoading))
    level = logging.INFO if usual else logging.ERROR
    logger.log(level, "update %d: %s: %s", event.update.update_id, type(error).__name__, error)
    await _tell(event, describe_error(error))


async def on_unexpected(event: ErrorEvent) -> None:
    ERRORS.labels(type(event.exception).__name__).inc()
    logger.error(
        "update %d: %s", event.update.update_id, type(event.exception).__name__,
        exc_info=event.exception,
    )  # fmt: skip
    await _tell(event, texts.INTERNAL_ERROR)


async def _tell(event: ErrorEvent, text: str) -> None:
    update = event.update
    source = update.message or update.edited_message or update.callback_query
    try:
        if isinstance(source, CallbackQuery):
            await source.answer(text[:200], show_alert=True)
        elif isinstance(source, Message):
            await send_aside(source, text)
    except (TelegramBadRequest, TelegramForbiddenError) as error:
        logger.info("update %d: not told: %s", event.update.update_id, error.message)
