"""Record what getUpdates returns before anything else sees it."""

from __future__ import annotations

from typing import Any, cast

from aiogram import Bot
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.methods import GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import Update

from bots.common.coordination import Coordination
from bots.common.intake.journal import Journal


class JournalledPolling(BaseRequestMiddleware):
    """Polls for one replica at a time, while there is room, and records each batch.

    The dispatcher gets the new updates only. It moves its offset by what it gets, so for a
    batch of repeated ones the offset is moved here, on the GetUpdates object that
    `Dispatcher._listen_updates` uses for all its calls. aiogram has no other place for it;
    `tests/bots/common/test_aiogram_internals.py` fails when this stops working.
    """

    def __init__(self, journal: Journal, coordination: Coordination) -> None:
        self._journal = journal
        self._coordination = coordination

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        if not isinstance(method, GetUpdates):
            return await make_request(bot, method)
        await self._journal.wait_for_room()
        await self._coordination.wait_for_leadership()
        # aiogram annotates a Response; it returns the result itself.
        updates = cast("list[Update]", await make_request(bot, cast("Any", method)))
        fresh = await self._journal.record_all(updates)
        if updates:
            method.offset = updates[-1].update_id + 1
        return cast("Response[TelegramType]", fresh)
