"""Whose buttons are whose, and what data they may carry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.types import CallbackQuery, Message, TelegramObject
from pydantic import Field

from bots.common import texts
from bots.common.conversation import author_of, is_private

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

MAX_ID = 2**63 - 1  # what the databases keep
Number = Annotated[int, Field(ge=0, le=10_000)]  # a place in a list
Id = Annotated[int, Field(ge=1, le=MAX_ID)]  # a row or a message


class OwnerMiddleware(BaseMiddleware):
    """In a group a button answers only the person whose message it was sent in reply to.

    Handlers with the flag `anyone` take everybody's taps.
    """

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, CallbackQuery)  # noqa: S101  (registered on callbacks)
        owner = owner_of(event)
        if owner is None or owner == event.from_user.id or get_flag(data, "anyone"):
            return await handler(event, data)
        await event.answer(texts.NOT_YOUR_BUTTON)
        return None


def owner_of(callback: CallbackQuery) -> int | None:
    """Whom the buttons were shown to; None in private chats and where it isn't known."""
    message = callback.message
    if not isinstance(message, Message) or is_private(message):
        return None
    asked = message.reply_to_message
    if asked is None or (asked.from_user and asked.from_user.is_bot and not asked.sender_chat):
        return None
    return author_of(asked).id
