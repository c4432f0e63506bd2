"""Whose turn it is: llama.cpp's slots, and a fair queue before them."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services import metrics
from services.errors import Busy, Timeout
from services.local.background import SERVICE

USUAL_ANSWER = 10.0  # seconds, before any answer was timed
OWN_WORDS = 16  # tokens beyond a shared prefix by which a slot belongs to a conversation


@dataclass(slots=True)
class Slot:
    """A place in llama.cpp's cache; `tokens` is what it holds at least."""

    number: int
    tokens: Sequence[int] = ()
    used_at: float = 0.0


@dataclass(slots=True)
class _Waiter:
    tokens: Sequence[int]
    granted: asyncio.Future[Slot]


@dataclass(slots=True)
class Slots:
    """Hands slots out to requests; those who wait are served conversation by conversation.

    `prefixes` are the token sequences that can be restored into any slot.
    """

    count: int
    queue_size: int
    prefixes: list[tuple[int, ...]] = field(default_factory=list)
    answer_seconds: float = USUAL_ANSWER
    _free: list[Slot] = field(default_factory=list)
    _waiting: OrderedDict[Hashable, deque[_Waiter]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._free = [Slot(number) for number in range(self.count)]

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def take(
        self, owner: Hashable, tokens: Sequence[int], timeout: float
    ) -> AsyncIterator[Slot]:
        """A slot for a prompt. Raises Busy when the queue is full, Timeout after `timeout`."""
        slot = await self._acquire(owner, tokens, timeout)
        began = time.monotonic()
        try:
            with metrics.LOCAL_ANSWERING.track_inprogress():
                yield slot
        finally:
            self.answer_seconds += (time.monotonic() - began - self.answer_seconds) / 8
            self._release(slot)

    async def _acquire(self, owner: Hashable, tokens: Sequence[int], timeout: float) -> Slot:
        if self._free and not self._waiting:
            return self._choose(tokens)
        if self.waiting >= self.queue_size:
            wait = self.answer_seconds * (1 + self.waiting / self.count)
            raise Busy("the queue is full", service=SERVICE, retry_after=wait)
        waiter = _Waiter(tokens, asyncio.get_running_loop().create_future())
        queue = self._waiting.setdefault(owner, deque())
        queue.append(waiter)
        try:
            with metrics.LOCAL_WAITING.track_inprogress():
                async with asyncio.timeout(timeout):
                    return await waiter.granted
        except BaseException as error:
            self._give_up(owner, waiter)
            if isinstance(error, TimeoutError):
                raise Timeout("no turn came in time", service=SERVICE) from None
            raise

    def _give_up(self, owner: Hashable, waiter: _Waiter) -> None:
        if waiter.granted.done() and not waiter.granted.cancelled():
            self._release(waiter.granted.result())  # it came at the very moment
            return
        queue = self._waiting.get(owner)
        if queue and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._waiting[owner]

    def _release(self, slot: Slot) -> None:
        slot.used_at = time.monotonic()
        self._free.append(slot)
        while self._waiting:
            owner, queue = self._waiting.popitem(last=False)
            waiter = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # at the end: the others come first
            if not waiter.granted.done():
                waiter.granted.set_result(self._choose(waiter.tokens))
                return

    def _choose(self, tokens: Sequence[int]) -> Slot:
        """The free slot that remembers this conversation, else the one unused for longest."""
        shared = max(map(len, self.prefixes), default=0)
        best = max(self._free, key=lambda slot: common_length(slot.tokens, tokens))
        if common_length(best.tokens, tokens) < shared + OWN_WORDS:
            best = min(self._free, key=lambda slot: (slot.used_at, slot.number))
        self._free.remove(best)
        return best

    def missing_prefix(self, slot: Slot, tokens: Sequence[int]) -> tuple[int, ...] | None:
        """The prefix whose restoring spares the slot the most reading, if any."""
        known = common_length(slot.tokens, tokens)
        best = max(self.prefixes, key=lambda one: common_length(one, tokens), default=())
        return best if common_length(best, tokens) > known else None


def common_length(some: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    most = min(len(some), len(other))
    # The first length at which they differ; comparing slices beats a loop in Python.
    return bisect_left(range(most), True, key=lambda at: some[: at + 1] != other[: at + 1])
