"""How updates come in: each is written down before Telegram may forget it, and handled once.

Telegram forgets what it sent when the next getUpdates names a higher offset, or when the
webhook is answered. So a batch goes into the inbox, in one transaction, between Telegram's
answer and the dispatcher; what a crash interrupts after that is found there and runs again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.methods import GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import TelegramObject, Update

from bots.common.coordination import Coordination
from bots.common.metrics import QUEUE, REPEATED, UPDATES
from bots.common.middlewares import Handler
from bots.common.turns import Interrupted, Interruption
from services.storage import Inbox

logger = logging.getLogger(__name__)

MAX_CONCURRENT = 200  # updates that are handled side by side
MAX_TAKEN = 1000  # updates in work; more wait at Telegram's
RECOVERY_INTERVAL = 15.0  # seconds between looks for updates that nobody handles
LOOKS_PER_PURGE = 240


class Intake(BaseMiddleware):
    """Takes updates from polling, a webhook and the inbox to the dispatcher.

    As the outermost middleware of updates it marks in the inbox what is handled.
    """

    def __init__(self, inbox: Inbox, coordination: Coordination) -> None:
        self._inbox = inbox
        self._coordination = coordination
        self._room = asyncio.Semaphore(MAX_CONCURRENT)
        self._in_work: set[int] = set()
        self._arriving: Counter[int] = Counter()
        self._not_full = asyncio.Event()
        self._not_full.set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._recovery: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    async def start(self, bot: Bot, dispatcher: Dispatcher) -> None:
        """Take up what was interrupted, now and whenever another replica dies."""
        bot.session.middleware(JournalledPolling(self, self._coordination))
        await self._recover(bot, dispatcher)
        self._recovery = asyncio.create_task(self._keep_recovering(bot, dispatcher))

    async def close(self, timeout: float) -> None:
        """Take nothing more up; let what is in work come to its end."""
        self._closing = True
        if self._recovery:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)

    @property
    def full(self) -> bool:
        return self._closing or not self._not_full.is_set()

    async def room(self) -> None:
        """Wait until not too many updates are in work."""
        await self._not_full.wait()

    async def write_down(self, updates: Sequence[Update]) -> Sequence[Update]:
        """Put updates into the inbox in one transaction; return those to be handled here."""
        bodies = {update.update_id: update.model_dump_json(exclude_none=True) for update in updates}
        with self._written_down(bodies):
            fresh = await self._inbox.receive_all(bodies)
            self._take(*fresh)
        REPEATED.inc(len(updates) - len(fresh))
        return [update for update in updates if update.update_id in fresh]

    async def write_down_one(self, update: Update) -> bool:
        """The same for one of many that come side by side; False when it came before."""
        body = update.model_dump_json(exclude_none=True)
        with self._written_down([update.update_id]):
            fresh = await self._inbox.receive(update.update_id, body)
            if fresh:
                self._take(update.update_id)
        REPEATED.inc(not fresh)
        return fresh

    def handle(self, bot: Bot, dispatcher: Dispatcher, update: Update) -> None:
        """Give an update that is written down to the dispatcher, in the background."""
        task = asyncio.create_task(dispatcher.feed_update(bot, update))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)  # noqa: S101  (registered on updates)
        if event.update_id not in self._in_work and not await self.write_down_one(event):
            return None
        UPDATES.labels(event.event_type).inc()
        try:
            if _must_get_through(event):
                result = await handler(event, data)
            else:
                async with self._room:
                    result = await handler(event, data)
        except Interrupted as error:
            if error.reason is Interruption.SHUTDOWN:
                self._drop(event.update_id)
                return None
            result = None
        except Exception:
            await self._finish(event.update_id)
            raise
        await self._finish(event.update_id)
        return result

    @contextmanager
    def _written_down(self, update_ids: Iterable[int]) -> Iterator[None]:
        """Updates that are in the inbox before this process knows: they weren't interrupted."""
        arriving = Counter(list(update_ids))  # a mapping's values would be taken for counts
        self._arriving += arriving
        try:
            yield
        finally:
            self._arriving -= arriving

    def _is_at_work(self, update_id: int) -> bool:
        return update_id in self._in_work or update_id in self._arriving

    def _take(self, *update_ids: int) -> None:
        self._in_work.update(update_ids)
        self._count()

    def _drop(self, update_id: int) -> None:
        self._in_work.discard(update_id)
        self._count()

    def _count(self) -> None:
        QUEUE.set(len(self._in_work))
        _set(self._idle, not self._in_work)
        _set(self._not_full, len(self._in_work) < MAX_TAKEN)

    async def _finish(self, update_id: int) -> None:
        await self._inbox.finish(update_id)
        self._drop(update_id)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("an update failed: %s", type(error).__name__, exc_info=error)

    async def _keep_recovering(self, bot: Bot, dispatcher: Dispatcher) -> None:
        look = 0
        while True:
            if look % LOOKS_PER_PURGE == 0:
                await self._inbox.forget_old()
            look += 1
            await asyncio.sleep(RECOVERY_INTERVAL)
            await self._recover(bot, dispatcher)

    async def _recover(self, bot: Bot, dispatcher: Dispatcher) -> None:
        others = await self._coordination.others()
        if others is None:
            return
        for body in await self._inbox.interrupted(self._is_at_work, others):
            update = Update.model_validate_json(body, context={"bot": bot})
            logger.info("update %d was interrupted, once more", update.update_id)
            self._take(update.update_id)
            self.handle(bot, dispatcher, update)


class JournalledPolling(BaseRequestMiddleware):
    """Writes down what getUpdates brings before the dispatcher, and the next call, see it."""

    def __init__(self, intake: Intake, coordination: Coordination) -> None:
        self._intake = intake
        self._coordination = coordination

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        if not isinstance(method, GetUpdates):
            return await make_request(bot, method)
        await self._intake.room()
        await self._coordination.wait_for_leadership()
        # aiogram's annotation says Response, what comes is its result.
        updates = cast("list[Update]", await make_request(bot, cast("Any", method)))
        fresh = await self._intake.write_down(updates)
        if updates:
            method.offset = updates[-1].update_id + 1
        return cast("Response[TelegramType]", fresh)


def _set(event: asyncio.Event, value: bool) -> None:
    if value:
        event.set()
    else:
        event.clear()


def _must_get_through(update: Update) -> bool:
    """Whether the update ends others' work rather than adding its own."""
    text = update.message.text if update.message else None
    return bool(update.stopped_message_generation or (text and text.startswith("/stop")))
