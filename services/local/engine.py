"""The scheduler's thread: it alone touches the model, and nobody waits for it."""

from __future__ import annotations

import threading

from services.errors import Busy, Unavailable
from services.local.allocator import give_back_memory
from services.local.ragged import RaggedModel
from services.local.scheduler import SERVICE, Limits, Request, Scheduler


class Engine:
    """Takes requests from any thread; their listeners hear from the engine's own."""

    def __init__(self, model: RaggedModel, limits: Limits) -> None:
        self._limits = limits
        self._scheduler = Scheduler(model, limits)
        self._arrived: list[Request] = []
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="local-model", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> None:
        """Queue a request; raise Busy at once when there is no room."""
        with self._wake:
            if self._closing:
                raise Unavailable("the model is closed", service=SERVICE)
            load = self._scheduler.load + len(self._arrived)
            if load >= self._limits.parallel + self._limits.queue:
                wait = self._scheduler.answer_seconds * load / self._limits.parallel
                raise Busy("the queue is full", service=SERVICE, retry_after=wait)
            self._arrived.append(request)
            self._wake.notify()

    def close(self) -> None:
        """Stop after the step at hand; unfinished requests get Unavailable."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._receive():
            try:
                self._scheduler.step()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any request
                self._scheduler.end(error)
            if not self._scheduler.load:
                give_back_memory()
        self._scheduler.end(Unavailable("the model was closed", service=SERVICE))

    def _receive(self) -> bool:
        """Take what has arrived, waiting for it when there is nothing else to do."""
        with self._wake:
            while not (self._arrived or self._scheduler.load or self._closing):
                self._wake.wait()
            for request in self._arrived:
                self._scheduler.add(request)
            self._arrived.clear()
            return not self._closing
