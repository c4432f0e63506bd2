"""One answer at a time per conversation, and a way to interrupt it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from bots.common.coordination import Coordination, SingleProcess
from bots.common.metrics import TURNS
from services.budgets import payer
from services.errors import Busy
from services.storage import ConversationKey

MAX_WAITING = 5  # messages of one conversation that may wait for their turn


class Interruption(Enum):
    """Why an answer was broken off."""

    STOPPED = "stopped"  # the user said /stop
    SHUTDOWN = "shutdown"  # the bot is being restarted


class Interrupted(Exception):
    """The turn ended before its answer was whole; `reason` says why."""

    def __init__(self, reason: Interruption) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(eq=False, slots=True)
class Turn:
    """The right to answer in one conversation; its work can be interrupted from outside."""

    interruption: Interruption | None = None
    person: int | None = field(default_factory=payer.get)  # whose message it answers
    _work: asyncio.Task[Any] | None = None

    def interrupt(self, reason: Interruption) -> None:
        self.interruption = self.interruption or reason
        if self._work:
            self._work.cancel()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as the part of the turn that an interruption cancels."""
        self._work = task = asyncio.create_task(work)
        if self.interruption:
            task.cancel()
        return task


@dataclass(eq=False, slots=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    turns: set[Turn] = field(default_factory=set)


class Turns:
    """The lines of talk of one bot: who answers now, who waits."""

    def __init__(self, coordination: Coordination | None = None) -> None:
        self._coordination = coordination or SingleProcess()
        self._lines: defaultdict[ConversationKey, _Line] = defaultdict(_Line)
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def turn(self, key: ConversationKey) -> AsyncIterator[Turn]:
        """Wait for the conversation's turn; raise Busy when too many wait already.

        Raises Interrupted when that happened while it waited.
        """
        line = self._lines[key]
        if len(line.turns) > MAX_WAITING:
            raise Busy("too many messages wait in this conversation")
        turn = Turn(Interruption.SHUTDOWN if self._closing else None)
        line.turns.add(turn)
        TURNS.inc()
        self._idle.clear()
        lost = partial(turn.interrupt, Interruption.SHUTDOWN)
        try:
            async with line.lock, self._coordination.lock(key, lost):
                if turn.interruption:
                    raise Interrupted(turn.interruption)
                yield turn
        finally:
            line.turns.discard(turn)
            TURNS.dec()
            if not line.turns:
                self._lines.pop(key, None)
            if not self._lines:
                self._idle.set()

    async def stop(self, key: ConversationKey) -> bool:
        """Interrupt the running answer and those that wait; False when there is none."""
        here = self.stop_here(key)
        elsewhere = await self._coordination.stop_elsewhere(key)
        return here or elsewhere

    def stop_here(self, key: ConversationKey) -> bool:
        """`stop` for this process alone."""
        turns = self._lines[key].turns if key in self._lines else set()
        for turn in turns:
            turn.interrupt(Interruption.STOPPED)
        return bool(turns)

    def stop_person(self, person_id: int) -> None:
        """Interrupt this process's answers to one person, wherever they asked."""
        for line in self._lines.values():
            for turn in line.turns:
                if turn.person == person_id:
                    turn.interrupt(Interruption.STOPPED)

    async def drain(self, timeout: float) -> None:
        """Let running answers finish within `timeout` seconds, then interrupt them."""
        self._closing = True
        if await self._all_ended(timeout):
            return
        for line in self._lines.values():
            for turn in line.turns:
                turn.interrupt(Interruption.SHUTDOWN)
        await self._all_ended(timeout)

    async def _all_ended(self, timeout: float) -> bool:
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        return True
