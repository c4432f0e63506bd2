"""One answer at a time per conversation, and a way to interrupt it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, TypeVar

from bots.common.coordination import Coordination, SingleProcess
from bots.common.metrics import TURNS
from bots.common.slots import without_slot
from services.budgets import asked_in, payer
from services.errors import Busy
from services.loading import LoadingStatus, held_while_loading
from services.storage import ConversationKey

MAX_WAITING = 5  # messages of one conversation that may wait for their turn
MAX_OF_ONE = 3  # of these in a group, so that nobody keeps others from being answered

T = TypeVar("T")


class Interruption(Enum):
    """Why an answer was interrupted."""

    STOPPED = "stopped"  # the user said /stop
    SHUTDOWN = "shutdown"  # the bot is being restarted
    EDITED = "edited"  # the question reads otherwise now


class Interrupted(Exception):
    """The turn ended before its answer was complete; `reason` says why."""

    def __init__(self, reason: Interruption) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(eq=False, slots=True)
class Turn:
    """The right to answer in one conversation, until something interrupts it."""

    interruption: Interruption | None = None
    person: int | None = field(default_factory=payer.get)  # whose message it answers
    update: str = field(default_factory=asked_in.get)  # that message's
    loading: LoadingStatus = field(default_factory=LoadingStatus)
    _work: asyncio.Task[Any] | None = None

    @property
    def stopped(self) -> bool:
        """Whether the user said /stop."""
        return self.interruption is Interruption.STOPPED

    def interrupt(self, reason: Interruption) -> None:
        self.interruption = self.interruption or reason
        if self._work:
            self._work.cancel()

    async def run(
        self,
        work: Coroutine[Any, Any, T],
        *,
        show: Callable[[], Awaitable[float]] | None = None,
        show_after: float | None = None,
    ) -> T:
        """Return the result of `work`; raise Interrupted when /stop or a shutdown cancels it.

        Everything of an answer that takes time runs here. After `show_after` seconds `show`
        is called to show progress, and again whenever as many seconds pass as it returned.
        """
        self._work = task = asyncio.create_task(work)
        if self.interruption:
            task.cancel()
        pause = show_after if show else None
        try:
            while not (await asyncio.wait({task}, timeout=pause))[0]:
                if show:
                    pause = await show()
        finally:
            self._work = None
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if task.cancelled():
            raise Interrupted(self.interruption or Interruption.SHUTDOWN)
        return task.result()


@dataclass(eq=False, slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    turns: set[Turn] = field(default_factory=set)

    def is_full_for(self, person: int | None) -> bool:
        """Whether a person has as many turns as one may have in a group."""
        return person is not None and sum(it.person == person for it in self.turns) >= MAX_OF_ONE


class Turns:
    """Per-conversation queues: one answer runs, the others wait."""

    def __init__(self, coordination: Coordination | None = None) -> None:
        self._coordination = coordination or SingleProcess()
        self._queues: defaultdict[ConversationKey, _Queue] = defaultdict(_Queue)
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def turn(self, key: ConversationKey) -> AsyncIterator[Turn]:
        """Wait for the conversation's turn.

        Raises Busy when too many wait already, Interrupted when stopped while waiting. What
        is asked of a model inside the block waits for the model to load.
        """
        queue = self._queues[key]
        turn = Turn(Interruption.SHUTDOWN if self._closing else None)
        if len(queue.turns) > MAX_WAITING or (key.chat_id < 0 and queue.is_full_for(turn.person)):
            raise Busy("too many messages wait in this conversation")
        queue.turns.add(turn)
        TURNS.inc()
        self._idle.clear()
        lost = partial(turn.interrupt, Interruption.SHUTDOWN)
        try:
            async with AsyncExitStack() as stack:
                async with without_slot():
                    await stack.enter_async_context(queue.lock)
                    await stack.enter_async_context(self._coordination.lock(key, lost))
                if turn.interruption:
                    raise Interrupted(turn.interruption)
                with held_while_loading() as turn.loading:
                    yield turn
        finally:
            queue.turns.discard(turn)
            TURNS.dec()
            if not queue.turns:
                self._queues.pop(key, None)
            if not self._queues:
                self._idle.set()

    async def stop(self, key: ConversationKey, person: int | None = None) -> bool:
        """Interrupt the running answer and those that wait; False when there is none.

        With `person` only the answers to that person.
        """
        here = self.stop_here(key, person)
        elsewhere = await self._coordination.stop_elsewhere(key, person)
        return here or elsewhere

    def stop_here(self, key: ConversationKey, person: int | None = None) -> bool:
        """Like `stop`, in this process only."""
        turns = self._queues[key].turns if key in self._queues else set()
        stopped = [turn for turn in turns if person in (None, turn.person)]
        for turn in stopped:
            turn.interrupt(Interruption.STOPPED)
        return bool(stopped)

    def stop_person(self, person_id: int) -> None:
        """Interrupt this process's answers to one person, wherever they asked."""
        for queue in self._queues.values():
            for turn in queue.turns:
                if turn.person == person_id:
                    turn.interrupt(Interruption.STOPPED)

    def interrupt(self, update: str, reason: Interruption) -> None:
        """Interrupt this process's answer to one update."""
        for queue in self._queues.values():
            for turn in queue.turns:
                if turn.update == update:
                    turn.interrupt(reason)

    async def drain(self, timeout: float) -> None:
        """Let running answers finish within `timeout` seconds, then interrupt them."""
        self._closing = True
        if await self._all_ended(timeout):
            return
        for queue in self._queues.values():
            for turn in queue.turns:
                turn.interrupt(Interruption.SHUTDOWN)
        await self._all_ended(timeout)

    async def _all_ended(self, timeout: float) -> bool:
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
        except TimeoutError:
            return False
        return True
