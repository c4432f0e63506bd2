"""What happens to an event before its handler: let in, slowed, gathered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
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
from bots.common.formatting import TEXT_LIMIT
from bots.common.turns import Interrupted, Interruption
from services.budgets import asked_in, payer
from services.texts import wait_text

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class AccessMiddleware(BaseMiddleware):
    """Lets in the users and groups of the allow-lists, and admins; empty lists let everybody in.

    Whoever is let in pays for the answers of the model.
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
    """Bounds the messages a minute of one user; says so once, then stays silent.

    Handlers with the flag `free` (such as /stop) are never slowed.
    """

    def __init__(self, coordination: Coordination, per_minute: int) -> None:
        self._coordination = coordination
        self._per_minute = per_minute

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if get_flag(data, "free"):
            return await handler(event, data)
        pace = await self._coordination.consume_quota(_user_id(event), self._per_minute)
        if not pace.wait:
            return await handler(event, data)
        notice = texts.TOO_FAST.format(wait=wait_text(pace.wait))
        if isinstance(event, CallbackQuery):
            await event.answer(notice)
        elif isinstance(event, Message) and pace.tell:
            await event.reply(notice)
        return None


@dataclass(eq=False, slots=True)
class _Paste:
    """A message and what may be its further parts; `settled` when it's known what they are."""

    parts: dict[int, str]  # by message id
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    gathered: bool = False
    interruption: Interruption | None = None

    @property
    def text(self) -> str:
        """The parts as one text; clients cut a long paste at exactly the limit."""
        joined = ""
        for _, part in sorted(self.parts.items()):
            joined += part if len(part) == TEXT_LIMIT else f"{part}\n"
        return joined.strip()


class PasteMiddleware:
    """Gathers a long paste, which clients split into several messages, into one text.

    `join` (outer) takes the later parts, whatever their filters would say; `gather`
    (inner) is on the handlers with the flag `gather`, which get the whole as `text`.
    A part's own update ends only when the whole is answered, so that none is lost.
    """

    QUIET = 0.3  # seconds without a further part
    QUIET_AFTER_LONG = 1.5
    LONG = 4000  # characters: more is likely to come

    def __init__(self) -> None:
        self._open: dict[tuple[int, int, int], _Paste] = {}

    async def join(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        text = event.text or event.caption or ""
        if text.startswith("/"):
            return await handler(event, data)
        key = _paste_key(event)
        while event.text and (paste := self._open.get(key)):
            paste.parts[event.message_id] = text
            paste.arrived.set()
            await paste.settled.wait()
            if paste.interruption:
                raise Interrupted(paste.interruption)
            if paste.gathered:
                return None
        # Open from here on: the next part may come while this one goes through filters.
        paste = self._open[key] = _Paste({event.message_id: text})
        try:
            return await handler(event, {**data, "paste": paste})
        except Interrupted as error:
            paste.interruption = error.reason
            raise
        except asyncio.CancelledError:
            paste.interruption = Interruption.SHUTDOWN
            raise
        finally:
            self._settle(key, paste)

    async def gather(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        paste, key = data.get("paste"), _paste_key(event)
        if not get_flag(data, "gather"):
            if paste:
                self._settle(key, paste)
            return await handler(event, data)
        if paste is None:
            return await handler(event, {**data, "text": event.text or event.caption or ""})
        paste.gathered = True
        await self._until_quiet(paste)
        self._close(key, paste)
        return await handler(event, {**data, "text": paste.text})

    def _settle(self, key: tuple[int, int, int], paste: _Paste) -> None:
        self._close(key, paste)
        paste.settled.set()

    def _close(self, key: tuple[int, int, int], paste: _Paste) -> None:
        if self._open.get(key) is paste:
            del self._open[key]

    async def _until_quiet(self, paste: _Paste) -> None:
        while True:
            long = len(paste.parts[max(paste.parts)]) >= self.LONG
            try:
                await asyncio.wait_for(
                    paste.arrived.wait(), self.QUIET_AFTER_LONG if long else self.QUIET
                )
            except asyncio.TimeoutError:
                return
            paste.arrived.clear()


def _paste_key(message: Message) -> tuple[int, int, int]:
    return message.chat.id, message.message_thread_id or 0, author_of(message).id


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
