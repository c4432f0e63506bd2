"""A model with a meter: how fast it answers, what it costs and whom."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextvars import ContextVar

from services.chat import (
    DEFAULT_OPTIONS,
    ChatModel,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    complete_stream,
)
from services.errors import ServiceError
from services.metrics import ERRORS, FIRST_TOKEN, LAST_TOKEN, TOKENS
from services.storage import SpendingStore

payer: ContextVar[int | None] = ContextVar("payer", default=None)  # whose question it is


class MeteredModel:
    """Passes everything on to `model` and writes down what each answer took."""

    def __init__(self, model: ChatModel, spending: SpendingStore) -> None:
        self._model = model
        self._spending = spending

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_length(self) -> int:
        return self._model.context_length

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        started = time.monotonic()
        try:
            completion = await self._model.complete(messages, options)
        except ServiceError as error:
            ERRORS.labels(type(error).__name__).inc()
            raise
        await self._record(completion, started)
        return completion

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        started, first = time.monotonic(), True
        completion: Completion | None = None
        stream = self._model.stream(messages, options)
        try:
            async for chunk in stream:
                if first and chunk.text:
                    FIRST_TOKEN.observe(time.monotonic() - started)
                    first = False
                completion = chunk.completion
                yield chunk
        except ServiceError as error:
            ERRORS.labels(type(error).__name__).inc()
            raise
        finally:
            await stream.aclose()
            await self._record(completion, started)

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        return await self._model.count_tokens(messages)

    async def aclose(self) -> None:
        await self._model.aclose()

    async def _record(self, completion: Completion | None, started: float) -> None:
        usage = completion.usage if completion else None
        if completion:
            LAST_TOKEN.observe(time.monotonic() - started)
        if usage:
            TOKENS.labels("prompt").inc(usage.prompt_tokens)
            TOKENS.labels("completion").inc(usage.completion_tokens)
        user_id = payer.get()
        if user_id is not None:
            await self._spending.add(user_id, usage)
