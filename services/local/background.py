"""Loading a model in a thread while the event loop goes on, once for all who wait."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from services.errors import ServiceError, Unavailable

SERVICE = "local"
RETRY_AFTER = 60.0  # seconds after a failure in which its error is repeated

T = TypeVar("T")
logger = logging.getLogger(__name__)


class BackgroundLoad(Generic[T]):
    """Runs `load` in a daemon thread; `discard` gets what was loaded after `close`.

    A cancelled wait doesn't stop the loading. A failed one is tried again after a while.
    """

    def __init__(self, load: Callable[[], T], discard: Callable[[T], None]) -> None:
        self._load = load
        self._discard = discard
        self._future: Future[T] | None = None
        self._failed_at = 0.0
        self._closed = False
        self._lock = threading.Lock()
        self.progress = 0.0
        self.stage = ""

    def report(self, share: float, stage: str = "") -> None:
        self.progress, self.stage = share, stage

    @property
    def loaded(self) -> T | None:
        """The result, where it is there by now."""
        future = self._future
        if future is None or not future.done() or future.exception():
            return None
        return future.result()

    async def result(self) -> T:
        """Wait for the result; raises what the loading failed with."""
        return await asyncio.wrap_future(self.start())

    def start(self) -> Future[T]:
        """Begin to load, or begin anew some time after a failure."""
        if self._closed:
            raise Unavailable("the model is closed", service=SERVICE)
        with self._lock:
            future = self._future
            failed = future is not None and future.done() and future.exception()
            if future is None or (failed and time.monotonic() - self._failed_at > RETRY_AFTER):
                future = self._future = Future()
                future.set_running_or_notify_cancel()  # whoever stops waiting doesn't stop it
                # A daemon: loading can't be interrupted and must not hold up the exit.
                threading.Thread(
                    target=self._run, args=(future,), name="local-model-loading", daemon=True
                ).start()
        return future

    def forget(self, lost: T) -> None:
        """Load anew on the next use: what was loaded has died."""
        with self._lock:
            if self.loaded is lost:
                self._future = None

    def close(self) -> T | None:
        """Refuse from now on; returns what is loaded, for the caller to close."""
        with self._lock:
            self._closed = True
            return self.loaded

    def _run(self, future: Future[T]) -> None:
        try:
            result = self._load()
        except ServiceError as error:
            self._fail(future, error)
        except Exception as error:
            logger.exception("the model can't be loaded")
            message = f"the model can't be loaded: {type(error).__name__}"
            self._fail(future, Unavailable(message, service=SERVICE))
        else:
            with self._lock:
                future.set_result(result)
                closed = self._closed
            if closed:
                self._discard(result)

    def _fail(self, future: Future[T], error: ServiceError) -> None:
        if not self._closed:
            logger.info("loading failed: %s", error)
        self._failed_at = time.monotonic()
        future.set_exception(error)


class LoadsInBackground(Generic[T]):
    """A model that a `BackgroundLoad` brings; see `services.loading`."""

    _loading: BackgroundLoad[T]

    @property
    def loading_progress(self) -> float | None:
        """0..1 while the model is being loaded; None when it is ready."""
        return None if self._loading.loaded else self._loading.progress

    async def ready(self) -> None:
        """Wait till the model is loaded; raises what loading failed with."""
        await self._loading.result()
