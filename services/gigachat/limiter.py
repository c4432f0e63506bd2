"""Limit of concurrent requests."""

from __future__ import annotations

import asyncio
from collections import deque

from services.errors import Busy


class RequestLimiter:
    """A semaphore with a time limit: `async with limiter` admits `count` requests, in order.

    After `patience` seconds of waiting it raises Busy: a consumer that stopped reading its
    stream may hold a place for long. `asyncio.wait_for` around a semaphore would do the same,
    but before Python 3.12 it can lose a cancellation.
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
