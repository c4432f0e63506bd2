"""The outermost middleware: what happens to one update before and after its handler."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.types import TelegramObject, Update

from bots.common.coordination import Coordination
from bots.common.editing import Editing
from bots.common.intake.albums import Albums
from bots.common.intake.holding import HeldCalls
from bots.common.intake.journal import Journal
from bots.common.intake.pastes import Pastes
from bots.common.intake.polling import JournalledPolling
from bots.common.intake.recovery import Recovery
from bots.common.metrics import UPDATES
from bots.common.middlewares import Handler
from bots.common.turns import Interrupted, Interruption

logger = logging.getLogger(__name__)


class Intake(BaseMiddleware):
    """Feeds updates to the dispatcher and marks them in the journal when they are handled.

    An update that a shutdown interrupts stays unfinished, so that it is run again.
    """

    def __init__(
        self, journal: Journal, pastes: Pastes, editing: Editing, coordination: Coordination
    ) -> None:
        self.journal = journal
        self._pastes = pastes
        self._albums = Albums(journal)
        self._editing = editing
        self._coordination = coordination
        self._recovery = Recovery(journal, coordination)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, bot: Bot, dispatcher: Dispatcher) -> None:
        """Begin to record polled updates, and run unfinished ones again."""
        bot.session.middleware(HeldCalls())
        bot.session.middleware(JournalledPolling(self.journal, self._coordination))
        await self._recovery.start(
            bot, lambda update: self.feed(bot, dispatcher, update, replayed=True)
        )

    async def close(self, timeout: float) -> None:
        """Accept nothing more; let what is in work come to its end."""
        await self._recovery.stop()
        await self.journal.close(timeout)

    def feed(
        self, bot: Bot, dispatcher: Dispatcher, update: Update, *, replayed: bool = False
    ) -> None:
        """Hand a recorded update to the dispatcher, in the background."""
        task = asyncio.create_task(dispatcher.feed_update(bot, update, replayed=replayed))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)  # noqa: S101  (registered on updates)
        known = self.journal.is_in_work(event.update_id)
        if not known and not await self.journal.record(event):
            return None
        UPDATES.labels(event.event_type).inc()
        event = await self._editing.as_question(event, replayed=data.get("replayed", False))
        if await self._pastes.join(event, unlimited=data.get("replayed", False)):
            return None
        if self._albums.join(event):
            return None
        update_ids = [event.update_id]
        result = None
        try:
            with (
                self._pastes.opened(event, update_ids),
                self._albums.opened(event, update_ids) as album,
            ):
                result = await handler(event, {**data, "album": album})
        except Interrupted as error:
            if error.reason is Interruption.SHUTDOWN:
                self.journal.release(*update_ids)
                return None
        except Exception:
            await self.journal.finish(*update_ids)
            raise
        await self.journal.finish(*update_ids)
        return result

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("an update failed: %s", type(error).__name__, exc_info=error)
