"""Back-pressure: how many handlers may run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.types import TelegramObject

from bots.common.middlewares import Handler

MAX_CONCURRENT = 200  # handlers

_held: ContextVar[asyncio.Semaphore | None] = ContextVar("held_slot", default=None)


class SlotMiddleware(BaseMiddleware):
    """Runs each handler in a slot; handlers with the flag `free` need none."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if get_flag(data, "free"):
            return await handler(event, data)
        async with self._slots:
            token = _held.set(self._slots)
            try:
                return await handler(event, data)
            finally:
                _held.reset(token)


class OneEach:
    """Heavy work of a person, one piece at a time, in however many talks and groups they ask.

    What it needs is shared by all (a recogniser, processes that read files), and waits here
    rather than in its queue.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def of(self, person_id: int) -> asyncio.Lock:
        return self._locks.setdefault(person_id, asyncio.Lock())


@asynccontextmanager
async def without_slot() -> AsyncIterator[None]:
    """Lend this handler's slot to others while it waits inside the block."""
    slots = _held.get()
    if slots is None:
        yield
        return
    slots.release()
    try:
        yield
    finally:
        await slots.acquire()
