"""Wrap a model: record its latency, enforce daily budgets, charge its tokens to a user."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.chat import (
    DEFAULT_OPTIONS,
    BuiltinTool,
    ChatModel,
    Chunk,
    Completion,
    GeneratedFile,
    GenerationOptions,
    Message,
    Usage,
    builtin_tools,
    file_content,
    warm_up,
)
from services.errors import BudgetSpent, ServiceError
from services.metrics import ERRORS, FIRST_TOKEN, LAST_TOKEN, TOKENS
from services.storage import Spending, SpendingStore
from services.storage.database import utc_now
from services.timing import Price

payer: ContextVar[int | None] = ContextVar("payer", default=None)  # the user who asked
asked_in: ContextVar[str] = ContextVar("asked_in", default="")  # the update that asked

USUAL_ANSWER = 500  # tokens reserved for an answer of no given length
CHARACTERS_PER_TOKEN = 2.5  # of Russian text, on the safe side


@dataclass(frozen=True, slots=True)
class Budget:
    """What one user may spend a day (in UTC); 0 means no limit, `free` users have none."""

    requests: int = 0
    tokens: int = 0
    free: frozenset[int] = frozenset()

    def bounds(self, user_id: int) -> bool:
        return user_id not in self.free and bool(self.requests or self.tokens)

    def check(self, spent: Spending) -> None:
        """Raise BudgetSpent when nothing is left."""
        if 0 < self.requests <= spent.requests or 0 < self.tokens <= spent.tokens:
            raise BudgetSpent("a user's day is spent", retry_after=_until_tomorrow())


class Meter:
    """One bot's accounts: what its models take is charged to whoever asked.

    Where a budget bounds the user, a request is reserved before the model is asked and settled
    after it. Otherwise charges are gathered and written about once a second; a crash loses
    that second.
    """

    DELAY = 1.0

    def __init__(self, spending: SpendingStore, budget: Budget) -> None:
        self._spending = spending
        self._budget = budget
        self._unwritten: dict[int, Spending] = {}
        self._writing: asyncio.Task[None] | None = None

    def on(self, model: ChatModel) -> ChatModel:
        return MeteredModel(model, self)

    @asynccontextmanager
    async def account(
        self, messages: Sequence[Message], options: GenerationOptions
    ) -> AsyncGenerator[Account, None]:
        """Charge what the block notes in its account; a block in which nothing came is free.

        Raises BudgetSpent before the block when the payer's day is spent.
        """
        user_id, account = payer.get(), Account(messages)
        bounded = user_id is not None and self._budget.bounds(user_id)
        hold = secrets.token_hex(8)
        if bounded:
            assert user_id is not None  # noqa: S101  (only users are bounded)
            tokens = account.prompt_tokens + (options.max_tokens or USUAL_ANSWER)
            await self._unbroken(
                self._spending.reserve(user_id, hold, tokens, asked_in.get(), self._budget.check),
                undo=lambda: self._spending.settle(user_id, hold, None),
            )
        try:
            yield account
        finally:
            spent = account.spent
            if spent:
                TOKENS.labels("prompt").inc(spent.prompt_tokens)
                TOKENS.labels("completion").inc(spent.completion_tokens)
            if user_id is None:
                pass
            elif bounded:
                await self._unbroken(self._spending.settle(user_id, hold, spent))
            elif spent:
                self._charge_later(user_id, spent)

    async def forget(self, user_id: int) -> None:
        """Delete a user's account."""
        await self.flush()
        await self._spending.forget(user_id)

    async def flush(self) -> None:
        """Write what is not yet written."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        while self._unwritten:
            await self._write()

    def _charge_later(self, user_id: int, spent: Spending) -> None:
        self._unwritten[user_id] = self._unwritten.get(user_id, Spending()) + spent
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def _write_later(self) -> None:
        while self._unwritten:
            await asyncio.sleep(self.DELAY)
            await self._unbroken(self._write())

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, {}
        await self._spending.add(unwritten)

    @staticmethod
    async def _unbroken(
        work: Coroutine[Any, Any, None], undo: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Let a change of the account come to its end though the call is cancelled meanwhile."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.gather(task, return_exceptions=True)
            if undo:
                await undo()
            raise


class Account:
    """What one call of a model took so far."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.prompt_tokens = int(
            sum(len(message.content) for message in messages) / CHARACTERS_PER_TOKEN
        )
        self._characters = 0
        self._usage: Usage | None = None

    def note(self, text: str, completion: Completion | None) -> None:
        """Count a piece of the answer, or its end."""
        self._characters += len(text)
        if completion:
            self._usage = completion.usage or Usage(0, 0)

    @property
    def spent(self) -> Spending | None:
        """The service's own count, an estimate for a broken answer, None when nothing came."""
        if self._usage:
            return Spending(1, self._usage.prompt_tokens, self._usage.completion_tokens)
        if not self._characters:
            return None
        return Spending(1, self.prompt_tokens, int(self._characters / CHARACTERS_PER_TOKEN) + 1)


class MeteredModel:
    """Passes everything on to `model`; measures its time and charges its tokens."""

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

    @property
    def builtin_tools(self) -> frozenset[BuiltinTool]:
        return builtin_tools(self._model)

    async def file_content(self, file_id: str) -> bytes:
        return await file_content(self._model, GeneratedFile(file_id))

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        async with self._meter.account(messages, options) as account:
            started = time.monotonic()
            with _counted():
                completion = await self._model.complete(messages, options)
            LAST_TOKEN.observe(time.monotonic() - started)
            account.note("", completion)
        return completion

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        async with self._meter.account(messages, options) as account:
            started, first = time.monotonic(), True
            with _counted():
                async with aclosing(self._model.stream(messages, options)) as stream:
                    async for chunk in stream:
                        if first and chunk.text:
                            FIRST_TOKEN.observe(time.monotonic() - started)
                            first = False
                        if chunk.completion:
                            LAST_TOKEN.observe(time.monotonic() - started)
                        account.note(chunk.text, chunk.completion)
                        yield chunk

    async def warm_up(self, messages: Sequence[Message]) -> None:
        await warm_up(self._model, messages)

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
