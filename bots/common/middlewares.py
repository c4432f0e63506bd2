"""Middlewares between filters and handlers: access lists and the rate limit."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.types import (
    CallbackQuery,
    InaccessibleMessage,
    Message,
    MessageReactionUpdated,
    TelegramObject,
)

from bots.common import texts
from bots.common.config import BotSettings
from bots.common.conversation import author_of, is_private
from bots.common.coordination import Coordination
from bots.common.notices import send_aside
from services.budgets import asked_in, payer
from services.texts import wait_text

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class AccessMiddleware(BaseMiddleware):
    """Lets in admins and the users and groups on the allow-lists; empty lists let everybody in.

    What the model answers is charged to the user who is let in.
    """

    NOTICE_EVERY = 3600.0  # seconds
    MAX_TOLD = 10_000

    def __init__(self, settings: BotSettings) -> None:
        self._settings = settings
        self._told: dict[int, float] = {}

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user_id = _user_id(event)
        if self._settings.allows(user_id, _chat_id(event)):
            payer.set(user_id)
            asked_in.set(str(data["event_update"].update_id) if "event_update" in data else "")
            return await handler(event, data)
        notice = texts.NOT_ALLOWED.format(user_id=user_id)
        if isinstance(event, CallbackQuery):
            await event.answer(notice[:200], show_alert=True)
        elif isinstance(event, Message) and is_private(event) and self._due(user_id):
            await event.answer(notice)
        return None

    def _due(self, user_id: int) -> bool:
        now = time.monotonic()
        if len(self._told) > self.MAX_TOLD:
            self._told.clear()
        due = now - self._told.get(user_id, -self.NOTICE_EVERY) >= self.NOTICE_EVERY
        if due:
            self._told[user_id] = now
        return due


class ThrottleMiddleware(BaseMiddleware):
    """Limits the messages per minute of one user; says so once, then stays silent.

    Handlers with the flag `free` (such as /stop) and replayed updates aren't limited, nor is
    what was counted before its handler was chosen (`paced`).
    """

    def __init__(self, coordination: Coordination, per_minute: int) -> None:
        self._coordination = coordination
        self._per_minute = per_minute

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if get_flag(data, "free") or data.get("replayed") or data.get("paced"):
            return await handler(event, data)
        pace = await self._coordination.consume_quota(_user_id(event), self._per_minute)
        if not pace.wait:
            return await handler(event, data)
        notice = texts.TOO_FAST.format(wait=wait_text(pace.wait))
        if isinstance(event, CallbackQuery):
            await event.answer(notice)
        elif isinstance(event, Message) and pace.tell:
            await send_aside(event, notice)
        return None


def _user_id(event: TelegramObject) -> int:
    if isinstance(event, Message):
        return author_of(event).id
    user = getattr(event, "from_user", None) or getattr(event, "user", None)
    user = user or getattr(event, "actor_chat", None)
    return user.id if user else 0


def _chat_id(event: TelegramObject) -> int:
    message = event.message if isinstance(event, CallbackQuery) else event
    placed = (Message, InaccessibleMessage, MessageReactionUpdated)
    return message.chat.id if isinstance(message, placed) else 0
