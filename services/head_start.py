"""An answer that begins before its question is known to be complete.

A message may turn out to be the beginning of a longer text. Its answer begins at once all the
same, and is taken back when more comes. Until the question is settled nothing of the answer may
last: whoever shows, stores or charges something waits for `settled()` first, or hands it to
`once_settled`. Outside of a head start both go on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

Effect = Callable[[], Awaitable[object]]


class TakenBack(Exception):
    """More of the question came: what was begun is undone."""


class HeadStart:
    """Work that is either settled or taken back, whichever comes first."""

    def __init__(self) -> None:
        self._decision: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._effects: list[Effect] = []
        self._applying = asyncio.Lock()
        self._task: asyncio.Task[object] | None = None

    @property
    def is_settled(self) -> bool:
        return self._decision.done() and not self._decision.cancelled()

    @property
    def taken_back(self) -> bool:
        return self._decision.cancelled()

    def settle(self) -> None:
        """The question is complete: what waits goes on."""
        if not self._decision.done():
            self._decision.set_result(None)

    def take_back(self) -> None:
        """Cancel the work, unless it is settled."""
        if not self._decision.done():
            self._decision.cancel()
            if self._task:
                self._task.cancel()

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `work` once it is settled; raise TakenBack when it is taken back.

        Its errors wait as well: an incomplete question's are dropped.
        """
        self._task = task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine runs in a task)
        cancelled_before = task.cancelling()
        token = _current.set(self)
        try:
            try:
                result = await work()
            except Exception:
                await self.settled()
                raise
            await self.settled()
            return result
        except asyncio.CancelledError:
            if self.taken_back and task.uncancel() <= cancelled_before:
                raise TakenBack from None
            raise
        finally:
            self._task = None
            _current.reset(token)

    async def settled(self) -> None:
        """Wait until the question is complete and what was put off is done."""
        await asyncio.shield(self._decision)
        if self._effects or self._applying.locked():
            async with self._applying:
                while self._effects:
                    await self._effects.pop(0)()

    async def decided(self) -> bool:
        """Wait for the decision; return whether the work stands."""
        await asyncio.wait((self._decision,))
        return not self.taken_back

    def put_off(self, effect: Effect) -> None:
        self._effects.append(effect)


_current: ContextVar[HeadStart | None] = ContextVar("head_start", default=None)


async def settled() -> None:
    """Wait until what is done here is sure to last."""
    if head_start := _current.get():
        await head_start.settled()


async def once_settled(effect: Effect) -> None:
    """Put something lasting off until the question is settled, before anything is shown."""
    head_start = _current.get()
    if head_start and not head_start.is_settled:
        head_start.put_off(effect)
    else:
        await effect()


async def stands() -> bool:
    """Wait for the decision on what is done here; False when it is taken back."""
    head_start = _current.get()
    return head_start is None or await head_start.decided()
