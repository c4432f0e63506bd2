"""Hold questions while a model loads, instead of refusing them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from services.chat import (
    DEFAULT_OPTIONS,
    ChatModel,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    warm_up,
)
from services.errors import ModelLoading
from services.timing import Price
from services.wrapping import ModelWrapper

T = TypeVar("T")

PROGRESS_INTERVAL = 1.0  # seconds between looks at how far the loading is
RETRY_PAUSE = 0.05  # should a model that says it is ready still refuse


@runtime_checkable
class LoadsInProcess(Protocol):
    """A model that this process loads: till then its `loading_progress` is 0..1, later None."""

    async def ready(self) -> None:
        """Wait until the model is loaded; raise what loading failed with."""
        ...


@dataclass(eq=False, slots=True)
class LoadingStatus:
    """Whether a request waits for its model to load; `progress` is 0..1, None when unknown."""

    loading: bool = False
    progress: float | None = None


_status: ContextVar[LoadingStatus | None] = ContextVar("loading_status", default=None)


@contextmanager
def held_while_loading() -> Iterator[LoadingStatus]:
    """Let the requests inside wait for a loading model; the status is for showing it."""
    status = LoadingStatus()
    token = _status.set(status)
    try:
        yield status
    finally:
        _status.reset(token)


@contextmanager
def refused_while_loading() -> Iterator[None]:
    """Let the requests inside fail at once, for those who have something else to say."""
    token = _status.set(None)
    try:
        yield
    finally:
        _status.reset(token)


def loading_status() -> LoadingStatus | None:
    """The status of the `held_while_loading` block around the caller, if any."""
    return _status.get()


def hold_while_loading(model: ChatModel) -> ChatModel:
    """The model, with its requests held while this process loads it."""
    return HeldModel(model, model) if isinstance(model, LoadsInProcess) else model


async def loading_of(
    model: ChatModel, interval: float | None = None
) -> AsyncGenerator[float, None]:
    """How far a model that this process loads is, again and again until it is loaded.

    Raises what loading fails with; yields nothing for a model that is ready or runs elsewhere.
    """
    while isinstance(model, LoadsInProcess):
        progress: float | None = getattr(model, "loading_progress", None)
        if progress is None:
            return
        yield progress
        with suppress(TimeoutError):
            await asyncio.wait_for(model.ready(), interval or PROGRESS_INTERVAL)


class HeldModel(ModelWrapper):
    """Passes everything on to `model`; inside `held_while_loading` it waits for it to load."""

    def __init__(self, model: ChatModel, loads: LoadsInProcess) -> None:
        super().__init__(model)
        self._loads = loads

    @property
    def price(self) -> Price | None:
        """The model's price, where it has one."""
        price: Price | None = getattr(self._model, "price", None)
        return price

    async def ready(self) -> None:
        await self._loads.ready()

    async def warm_up(self, messages: Sequence[Message]) -> None:
        """In the background, so it waits for the model as long as it takes."""
        await warm_up(self._model, messages)

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        await self._loaded()
        return await self._held(lambda: self._model.complete(messages, options))

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        await self._loaded()
        while True:
            try:
                async with aclosing(self._model.stream(messages, options)) as stream:
                    async for chunk in stream:
                        yield chunk
                return
            except ModelLoading as error:  # raised before the first chunk, by its contract
                await self._wait(error)

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        await self._loaded()
        return await self._held(lambda: self._model.count_tokens(messages))

    async def _loaded(self) -> None:
        """Wait for the model, telling how far it is; refuse where nobody is willing to wait."""
        status = _status.get()
        async with aclosing(loading_of(self._model)) as loading:
            async for progress in loading:
                if status is None:
                    raise ModelLoading("the model is being loaded", progress=progress)
                status.loading, status.progress = True, progress
        if status is not None:
            status.loading = False

    async def _held(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except ModelLoading as error:
                await self._wait(error)

    async def _wait(self, error: ModelLoading) -> None:
        """Wait a little for the model; raise the error where nobody is willing to wait."""
        status = _status.get()
        if status is None:
            raise error
        status.loading, status.progress = True, error.progress
        try:
            await asyncio.wait_for(self._loads.ready(), PROGRESS_INTERVAL)
        except TimeoutError:
            return
        status.loading = False
        await asyncio.sleep(RETRY_PAUSE)
