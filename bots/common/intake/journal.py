"""The journal of updates: written down when they arrive, marked when they are handled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from aiogram.types import Update

from bots.common.metrics import QUEUE, REPEATED
from services.storage import Inbox

MAX_IN_WORK = 1000  # updates; the rest stay queued at Telegram


class Journal:
    """Records updates in the inbox and knows which of them this process is working on."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._in_work: set[int] = set()
        self._waiting: set[int] = set()  # parts of pastes: they cost memory only
        self._arriving: Counter[int] = Counter()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether new updates should be left at Telegram for now."""
        return self._closed or not self._room.is_set()

    async def wait_for_room(self) -> None:
        await self._room.wait()

    async def close(self, timeout: float) -> None:
        """Accept no more updates; wait up to `timeout` seconds for those in work."""
        self._closed = True
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)

    async def record_all(self, updates: Sequence[Update]) -> Sequence[Update]:
        """Record a batch in one transaction; return the updates that are new."""
        bodies = {update.update_id: update.model_dump_json(exclude_none=True) for update in updates}
        with self._being_recorded(bodies):
            fresh = await self._inbox.receive_all(bodies)
            self.take(fresh)
        REPEATED.inc(len(updates) - len(fresh))
        return [update for update in updates if update.update_id in fresh]

    async def record(self, update: Update) -> bool:
        """Record one update, together with others that arrive now; False for a repeated one."""
        body = update.model_dump_json(exclude_none=True)
        with self._being_recorded([update.update_id]):
            fresh = await self._inbox.receive(update.update_id, body)
            if fresh:
                self.take([update.update_id])
        REPEATED.inc(not fresh)
        return fresh

    async def rewrite(self, update: Update) -> None:
        """Record an update anew, so that a replay begins with what is known by now."""
        await self._inbox.rewrite(update.update_id, update.model_dump_json(exclude_none=True))

    def take(self, update_ids: Iterable[int]) -> None:
        """Note that this process works on the updates."""
        self._in_work.update(update_ids)
        self._count()

    def set_aside(self, update_id: int) -> None:
        """Stop counting an update as work: it only waits for another one to end."""
        self._waiting.add(update_id)
        self._count()

    async def finish(self, *update_ids: int) -> None:
        """Mark updates as handled."""
        await asyncio.gather(*map(self._inbox.finish, update_ids))
        self.release(*update_ids)

    def release(self, *update_ids: int) -> None:
        """Stop working on updates; unless they are finished, they will be run again."""
        self._in_work.difference_update(update_ids)
        self._waiting.difference_update(update_ids)
        self._count()

    def is_in_work(self, update_id: int) -> bool:
        return update_id in self._in_work

    async def take_interrupted(self, others: Collection[str]) -> Sequence[str]:
        """Return the unfinished updates that neither this process nor `others` work on."""
        return await self._inbox.interrupted(self._is_known, others)

    async def purge(self) -> None:
        """Drop what Telegram can't send again any more."""
        await self._inbox.forget_old()

    @contextmanager
    def _being_recorded(self, update_ids: Iterable[int]) -> Iterator[None]:
        """Keep recovery from taking rows that are in the inbox before `take` is called."""
        arriving = Counter(list(update_ids))  # Counter would read a mapping as counts
        self._arriving += arriving
        try:
            yield
        finally:
            self._arriving -= arriving

    def _is_known(self, update_id: int) -> bool:
        return update_id in self._in_work or update_id in self._arriving

    def _count(self) -> None:
        QUEUE.set(len(self._in_work))
        _set(self._idle, not self._in_work)
        _set(self._room, len(self._in_work) - len(self._waiting) < MAX_IN_WORK)


def _set(event: asyncio.Event, value: bool) -> None:
    if value:
        event.set()
    else:
        event.clear()
