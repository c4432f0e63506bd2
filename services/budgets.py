"""A model with a meter: how fast it answers, what it costs and whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from services.chat import (
    DEFAULT_OPTIONS,
    ChatModel,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    Usage,
)
from services.errors import BudgetSpent, ServiceError
from services.metrics import ERRORS, FIRST_TOKEN, LAST_TOKEN, TOKENS
from services.storage import Spending, SpendingStore
from services.storage.database import utc_now
from services.timing import Price

payer: ContextVar[int | None] = ContextVar("payer", default=None)  # whose question it is


@dataclass(frozen=True, slots=True)
class Budget:
    """What one user may spend a day (in UTC); 0 is no bound. `free` users have none."""

    requests: int = 0
    tokens: int = 0
    free: frozenset[int] = frozenset()

    @property
    def bounded(self) -> bool:
        return bool(self.requests or self.tokens)

    def check(self, spent: Spending) -> None:
        """Raise BudgetSpent when nothing is left."""
        if 0 < self.requests <= spent.requests or 0 < self.tokens <= spent.tokens:
            raise BudgetSpent("a user's day is spent", retry_after=_until_tomorrow())


class Meter:
    """One bot's account: what its models take goes to whoever pays.

    It is written a little later, many answers at a time; a crash forgives that second.
    """

    DELAY = 1.0

    def __init__(self, spending: SpendingStore, budget: Budget) -> None:
        self._spending = spending
        self._budget = budget
        self._unwritten: dict[int, Spending] = {}
        self._writing: asyncio.Task[None] | None = None

    def on(self, model: ChatModel) -> ChatModel:
        return MeteredModel(model, self)

    async def admit(self) -> None:
        """Raise BudgetSpent when the payer's day is spent."""
        user_id = payer.get()
        if user_id is None or user_id in self._budget.free or not self._budget.bounded:
            return
        unwritten = self._unwritten.get(user_id, Spending())
        self._budget.check(await self._spending.today(user_id) + unwritten)

    def charge(self, usage: Usage | None) -> None:
        """Count a request, with its tokens where they are known."""
        usage = usage or Usage(0, 0)
        TOKENS.labels("prompt").inc(usage.prompt_tokens)
        TOKENS.labels("completion").inc(usage.completion_tokens)
        user_id = payer.get()
        if user_id is None:
            return
        spent = Spending(1, usage.prompt_tokens, usage.completion_tokens)
        self._unwritten[user_id] = self._unwritten.get(user_id, Spending()) + spent
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def forget(self, user_id: int) -> None:
        """Delete a user's account."""
        await self.flush()
        await self._spending.forget(user_id)

    async def flush(self) -> None:
        """Write what is not yet written."""
        if self._writing:
            self._writing.cancel()
        while self._unwritten:
            await self._write()

    async def _write_later(self) -> None:
        while self._unwritten:
            await asyncio.sleep(self.DELAY)
            await asyncio.shield(self._write())

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, {}
        await self._spending.add(unwritten)


class MeteredModel:
    """Passes everything on to `model`; measures it and charges for it."""

    def __init__(self, model: ChatModel, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_length(self) -> int:
        return self._model.context_length

    @property
    def price(self) -> Price | None:
        """The model's price, where it has one."""
        price: Price | None = getattr(self._model, "price", None)
        return price

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        await self._meter.admit()
        started = time.monotonic()
        with _counted():
            completion = await self._model.complete(messages, options)
        LAST_TOKEN.observe(time.monotonic() - started)
        self._meter.charge(completion.usage)
        return completion

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        await self._meter.admit()
        started, usage = time.monotonic(), None
        first = True
        try:
            with _counted():
                async with aclosing(self._model.stream(messages, options)) as stream:
                    async for chunk in stream:
                        if first and chunk.text:
                            FIRST_TOKEN.observe(time.monotonic() - started)
                            first = False
                        if chunk.completion:
                            LAST_TOKEN.observe(time.monotonic() - started)
                            usage = chunk.completion.usage
                        yield chunk
        finally:
            self._meter.charge(usage)

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        return await self._model.count_tokens(messages)

    async def aclose(self) -> None:
        await self._meter.flush()
        await self._model.aclose()


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        ERRORS.labels(type(error).__name__).inc()
        raise


def _until_tomorrow() -> float:
    now = utc_now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - now).total_seconds()
