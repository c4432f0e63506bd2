"""How many answers may be under way at once."""

from __future__ import annotations

import asyncio
from collections import deque

from services.errors import Busy


class RequestLimiter:
    """`async with slots`: one of `count` places, first come, first served.

    Whoever waits longer than `patience` seconds gets Busy: a place may be held by a
    consumer that stopped reading. A semaphore under `wait_for` would do the same, but
    before Python 3.12 that can lose a cancellation.
    """

    def __init__(self, count: int, patience: float) -> None:
        self._free = count
        self._patience = patience
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.append(turn)
        timer = loop.call_later(self._patience, _give_up, turn, self._patience)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self._release()
            raise
        finally:
            timer.cancel()

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _give_up(turn: asyncio.Future[None], patience: float) -> None:
    if not turn.done():
        turn.set_exception(
            Busy("no free slot for a request", service="gigachat", retry_after=patience)
        )
