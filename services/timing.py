"""Measure time, tokens and cost of answers; run several requests at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, TypeVar

from services.chat import (
    DEFAULT_OPTIONS,
    ChatModel,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    complete_stream,
)

T = TypeVar("T")
E = TypeVar("E", bound=Exception)
Currency = Literal["USD", "RUB"]


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens; `source` says where and when the prices were read."""

    prompt: float
    completion: float
    source: str
    currency: Currency = "USD"

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """An answer with its times in seconds and its cost in the price's currency."""

    completion: Completion
    seconds: float
    first_token: float | None = None
    price: Price | None = None

    @property
    def tokens_per_second(self) -> float | None:
        usage = self.completion.usage
        if usage is None or not usage.completion_tokens or not self.seconds:
            return None
        return usage.completion_tokens / self.seconds

    @property
    def cost(self) -> float | None:
        usage = self.completion.usage
        if usage is None or self.price is None:
            return None
        return self.price.cost(usage.prompt_tokens, usage.completion_tokens)


class Stopwatch:
    """Times one answer: `watch` its stream, then read the `measurement`."""

    def __init__(self, model: ChatModel, price: Price | None = None) -> None:
        self._model = model
        self._price = price
        self._started = time.monotonic()
        self._first_token: float | None = None
        self._ended: float | None = None

    async def watch(self, stream: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        async with aclosing(stream):
            async for chunk in stream:
                if chunk.text and self._first_token is None:
                    self._first_token = time.monotonic() - self._started
                if chunk.completion:  # the end of the stream may be held for a while
                    self._ended = time.monotonic()
                yield chunk

    def measurement(self, completion: Completion) -> Measurement:
        """The measurement up to the answer's end, with the model's price or the one given here."""
        seconds = (self._ended or time.monotonic()) - self._started
        price: Price | None = getattr(self._model, "price", None) or self._price
        return Measurement(completion, seconds, self._first_token, price)


async def measured(
    model: ChatModel, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
) -> Measurement:
    """Ask a model and measure the answer; it is streamed, to time the first token."""
    watch = Stopwatch(model)
    completion = await complete_stream(watch.watch(model.stream(messages, options)))
    return watch.measurement(completion)


async def as_they_finish(
    calls: Sequence[Callable[[], Awaitable[T]]], expected: type[E]
) -> AsyncGenerator[tuple[int, T | E], None]:
    """Run all calls at once; yield (number, result or `expected` error) in order of finishing."""

    async def numbered(number: int) -> tuple[int, T | E]:
        try:
            return number, await calls[number]()
        except expected as error:
            return number, error

    tasks = [asyncio.create_task(numbered(number)) for number in range(len(calls))]
    try:
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
