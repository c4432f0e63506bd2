"""What happens to an update before its handler: written down, let in, slowed, gathered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.types import CallbackQuery, Message, TelegramObject, Update

from bots.common import texts
from bots.common.conversation import author_of, is_private
from bots.common.formatting import TEXT_LIMIT
from bots.common.turns import Interrupted, Interruption
from services.storage import Inbox
from services.texts import wait_text

logger = logging.getLogger(__name__)

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class InboxMiddleware(BaseMiddleware):
    """Handles every update once, and again after a restart that interrupted it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)  # noqa: S101  (registered on updates)
        if not data.get("replayed"):
            body = event.model_dump_json(exclude_none=True)
            if not await self._inbox.receive(event.update_id, body):
                logger.info("update %d came twice", event.update_id)
                return None
        try:
            result = await handler(event, data)
        except Interrupted as error:
            if error.reason is Interruption.SHUTDOWN:
                return None
            result = None
        except Exception:
            await self._inbox.finish(event.update_id)
            raise
        await self._inbox.finish(event.update_id)
        return result


class AccessMiddleware(BaseMiddleware):
    """Lets in only the users of ALLOWED_USER_IDS; an empty list lets everybody in."""

    NOTICE_EVERY = 3600.0  # seconds

    def __init__(self, allowed: frozenset[int]) -> None:
        self._allowed = allowed
        self._told: dict[int, float] = {}

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user_id = _user_id(event)
        if not self._allowed or user_id in self._allowed:
            return await handler(event, data)
        notice = texts.NOT_ALLOWED.format(user_id=user_id)
        if isinstance(event, CallbackQuery):
            await event.answer(notice[:200], show_alert=True)
        elif isinstance(event, Message) and is_private(event) and self._due(user_id):
            await event.answer(notice)
        return None

    def _due(self, user_id: int) -> bool:
        now = time.monotonic()
        due = now - self._told.get(user_id, -self.NOTICE_EVERY) >= self.NOTICE_EVERY
        if due:
            self._told[user_id] = now
        return due


@dataclass(slots=True)
class _Bucket:
    tokens: float
    updated: float
    told: bool = False


class ThrottleMiddleware(BaseMiddleware):
    """Bounds the messages a minute of one user; says so once, then stays silent.

    Handlers with the flag `free` (such as /stop) are never slowed.
    """

    def __init__(self, per_minute: int) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._buckets: dict[int, _Bucket] = {}

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if get_flag(data, "free"):
            return await handler(event, data)
        bucket = self._bucket(_user_id(event))
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.told = False
            return await handler(event, data)
        notice = texts.TOO_FAST.format(wait=wait_text((1 - bucket.tokens) / self._per_second))
        if isinstance(event, CallbackQuery):
            await event.answer(notice)
        elif isinstance(event, Message) and not bucket.told:
            bucket.told = True
            await event.reply(notice)
        return None

    def _bucket(self, user_id: int) -> _Bucket:
        now = time.monotonic()
        if len(self._buckets) > 10_000:  # forget those that are full again
            self._buckets = {
                user: bucket
                for user, bucket in self._buckets.items()
                if now - bucket.updated < self._capacity / self._per_second
            }
        bucket = self._buckets.setdefault(user_id, _Bucket(self._capacity, now))
        refill = (now - bucket.updated) * self._per_second
        bucket.tokens = min(self._capacity, bucket.tokens + refill)
        bucket.updated = now
        return bucket


@dataclass(slots=True)
class _Paste:
    parts: list[str]
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        """The parts as one text; clients cut a long paste at exactly the limit."""
        joined = ""
        for part in self.parts:
            joined += part if len(part) == TEXT_LIMIT else f"{part}\n"
        return joined.strip()

    async def add(self, part: str) -> None:
        """Join the paste, and wait until it is answered."""
        self.parts.append(part)
        self.arrived.set()
        await self.answered.wait()


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
        paste = self._open.get(_paste_key(event))
        if paste is None or not event.text or event.text.startswith("/"):
            return await handler(event, data)
        await paste.add(event.text)
        return None

    async def gather(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        if not get_flag(data, "gather"):
            return await handler(event, data)
        text, key = event.text or event.caption or "", _paste_key(event)
        if key in self._open:  # opened while this part was on its way here
            await self._open[key].add(text)
            return None
        self._open[key] = paste = _Paste([text])
        try:
            await self._until_quiet(paste)
        finally:
            del self._open[key]
        try:
            return await handler(event, {**data, "text": paste.text})
        finally:
            paste.answered.set()

    async def _until_quiet(self, paste: _Paste) -> None:
        while True:
            long = len(paste.parts[-1]) >= self.LONG
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
    return user.id if user else 0
