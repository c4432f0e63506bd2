"""Measure how long the event loop is blocked; `bots.common.web` shows it under /metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bots.common.metrics import LOOP_LAG, LOOP_LAG_MAX

logger = logging.getLogger(__name__)

INTERVAL = 0.25  # seconds between measurements
WARN_AFTER = 1.0  # seconds of lag
WINDOW = 60.0  # seconds that the gauge looks back


@asynccontextmanager
async def loop_watchdog() -> AsyncIterator[None]:
    """Measure the event loop's lag while the block runs."""
    task = asyncio.create_task(_measure())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _measure() -> None:
    recent: deque[float] = deque(maxlen=round(WINDOW / INTERVAL))
    while True:
        started = time.monotonic()
        await asyncio.sleep(INTERVAL)
        lag = max(0.0, time.monotonic() - started - INTERVAL)
        recent.append(lag)
        LOOP_LAG.observe(lag)
        LOOP_LAG_MAX.set(max(recent))
        if lag > WARN_AFTER:
            logger.warning("the event loop was blocked for %.1f s", lag)
