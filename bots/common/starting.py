"""A start that takes long says what it is at."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import sys
import time
from contextlib import suppress
from types import TracebackType

logger = logging.getLogger(__name__)

SAY_EVERY = 10.0  # seconds
STUCK_AFTER = 120.0  # then the stacks of all threads are printed once


class Start:
    """Logs the phase of a start every SAY_EVERY seconds until it has ended.

    Where not even the event loop runs, the stacks of all threads go to stderr from a thread of
    faulthandler's own, which needs no interpreter lock. They hold no values.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._phase = "reading the settings"
        self._saying: asyncio.Task[None] | None = None

    def enter(self, phase: str) -> None:
        """Begin the next phase."""
        self._phase = phase
        logger.debug("start: %s", phase)

    def end(self) -> None:
        """The bot is ready, or has failed."""
        if self._saying is None:
            return
        self._saying.cancel()
        self._saying = None
        faulthandler.cancel_dump_traceback_later()
        logger.info("the start took %.1f s", time.monotonic() - self._began)

    async def __aenter__(self) -> Start:
        with suppress(ValueError, OSError):  # stderr may have no file, as in tests
            faulthandler.dump_traceback_later(STUCK_AFTER, file=sys.stderr)
        self._saying = asyncio.create_task(self._say())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    async def _say(self) -> None:
        while True:
            await asyncio.sleep(SAY_EVERY)
            passed = time.monotonic() - self._began
            logger.warning("still starting after %.0f s: %s", passed, self._phase)
