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
from services.head_start import stands
from services.metrics import (
    ERRORS,
    FIRST_TOKEN,
    LAST_TOKEN,
    REQUESTS_TAKEN_BACK,
    TOKENS,
    TOKENS_TAKEN_BACK,
)
from services.storage import Spending, SpendingStore
from services.storage.database import utc_now
from services.timing import Price
from services.wrapping import ModelWrapper

payer: ContextVar[int | None] = ContextVar("payer", default=None)  # id of the user who asked
asked_in: ContextVar[str] = ContextVar("asked_in", default="")  # key of the update being handled

USUAL_ANSWER = 500  # tokens reserved for an answer without max_tokens
CHARACTERS_PER_TOKEN = 2.5  # of Russian text; a low estimate
PICTURE_TOKENS = 1500  # reserved for a picture; models count 500 to 2,000


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one user per day (UTC); 0 means none. Users in `free` have no limits."""

    requests: int = 0
    tokens: int = 0
    free: frozenset[int] = frozenset()

    def bounds(self, user_id: int) -> bool:
        return user_id not in self.free and bool(self.requests or self.tokens)

    def check(self, spent: Spending) -> None:
        """Raise BudgetSpent if either limit is reached."""
        if 0 < self.requests <= spent.requests or 0 < self.tokens <= spent.tokens:
            raise BudgetSpent("a user's day is spent", retry_after=_until_tomorrow())


class Meter:
    """Charges the tokens of one bot's models to the users who asked.

    For a user with limits, tokens are reserved before the model is called and settled after.
    For others, usage is accumulated and flushed about once a second; a crash loses that second.
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
        """Charge the usage that the block notes in its account; nothing noted costs nothing.

        Usage that is taken back costs nothing either; until that is known the block doesn't end.
        Raises BudgetSpent before the block if the payer's daily budget is spent.
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
            await self._unbroken(self._conclude(user_id, hold if bounded else None, account))

    async def forget(self, user_id: int) -> None:
        """Delete what is recorded of a user's spending."""
        await self.flush()
        await self._spending.forget(user_id)

    async def flush(self) -> None:
        """Write accumulated usage to the database."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        while self._unwritten:
            await self._write()

    async def _conclude(self, user_id: int | None, hold: str | None, account: Account) -> None:
        spent = account.spent
        if spent:
            TOKENS.labels("prompt").inc(spent.prompt_tokens)
            TOKENS.labels("completion").inc(spent.completion_tokens)
        if not await stands():
            TOKENS_TAKEN_BACK.inc(spent.tokens if spent else account.prompt_tokens)
            REQUESTS_TAKEN_BACK.inc()
            spent = None
        if user_id is None:
            return
        if hold:
            await self._spending.settle(user_id, hold, spent)
        elif spent:
            self._charge_later(user_id, spent)

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
        """Finish a database write even if the caller is cancelled, then undo it if asked."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.gather(task, return_exceptions=True)
            if undo:
                await undo()
            raise


class Account:
    """Usage of one model call so far."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.prompt_tokens = int(
            sum(len(message.content) for message in messages) / CHARACTERS_PER_TOKEN
        ) + PICTURE_TOKENS * sum(len(message.attachments) for message in messages)
        self._characters = 0
        self._usage: Usage | None = None

    def note(self, text: str, completion: Completion | None) -> None:
        """Count a chunk of the answer; the last one brings `completion`."""
        self._characters += len(text)
        if completion:
            self._usage = completion.usage or Usage(0, 0)

    @property
    def spent(self) -> Spending | None:
        """The service's usage, an estimate for an answer cut short, None if nothing came."""
        if self._usage:
            return Spending(1, self._usage.prompt_tokens, self._usage.completion_tokens)
        if not self._characters:
            return None
        return Spending(1, self.prompt_tokens, int(self._characters / CHARACTERS_PER_TOKEN) + 1)


class MeteredModel(ModelWrapper):
    """A `ChatModel` that delegates to `model`, records its latency and charges its tokens."""

    def __init__(self, model: ChatModel, meter: Meter) -> None:
        super().__init__(model)
        self._meter = meter

    @property
    def price(self) -> Price | None:
        """Price of the wrapped model, if known."""
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

    async def aclose(self) -> None:
        await self._meter.flush()
        await super().aclose()


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
