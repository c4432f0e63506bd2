"""Run again what a crash or a dead replica left unfinished."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiogram import Bot
from aiogram.types import Update

from bots.common.coordination import Coordination
from bots.common.intake.journal import Journal

logger = logging.getLogger(__name__)

RECOVERY_INTERVAL = 15.0  # seconds between looks for unfinished updates
PURGE_EVERY = 240  # looks, so about once an hour

Replay = Callable[[Update], None]


class Recovery:
    """Looks for unfinished updates at the start and every few seconds after it."""

    def __init__(self, journal: Journal, coordination: Coordination) -> None:
        self._journal = journal
        self._coordination = coordination
        self._task: asyncio.Task[None] | None = None

    async def start(self, bot: Bot, replay: Replay) -> None:
        """Hand unfinished updates to `replay`, oldest first, now and from time to time."""
        await self._look(bot, replay)
        self._task = asyncio.create_task(self._keep_looking(bot, replay))

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_looking(self, bot: Bot, replay: Replay) -> None:
        looks = 0
        while True:
            if looks % PURGE_EVERY == 0:
                await self._journal.purge()
            looks += 1
            await asyncio.sleep(RECOVERY_INTERVAL)
            await self._look(bot, replay)

    async def _look(self, bot: Bot, replay: Replay) -> None:
        others = await self._coordination.others()
        if others is None:  # not known yet: what looks abandoned may be in another's work
            return
        for body in await self._journal.take_interrupted(others):
            update = Update.model_validate_json(body, context={"bot": bot})
            logger.info("update %d was interrupted: running it again", update.update_id)
            self._journal.take([update.update_id])
            replay(update)
