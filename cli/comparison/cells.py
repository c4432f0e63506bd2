"""Ask each model each prompt, several at once; answers of an earlier run aren't asked for again."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from cli import asking, shell
from cli.comparison.prompts import Prompt
from cli.comparison.results import Answer, Results, key_of
from cli.log.store import ExchangeLog
from cli.prices import price_of
from cli.targets import Target
from services.backends import open_chat_model
from services.chat import ChatModel, GenerationOptions
from services.errors import ServiceError
from services.timing import as_they_finish

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """How every model is asked."""

    options: GenerationOptions
    stream: bool = True
    timeout: float | None = None
    debug: bool = False


@dataclass(slots=True)
class Models:
    """The models of a comparison, each opened once; close it with `aclose`."""

    log: ExchangeLog | None
    _open: dict[Target, ChatModel] = field(default_factory=dict)

    async def get(self, target: Target) -> ChatModel:
        """The model, once it is loaded. Raises ServiceError."""
        if target not in self._open:
            model = open_chat_model(target.backend, target.model)
            self._open[target] = asking.recorded(model, target, self.log, tool="hf")
        await shell.wait_until_loaded(self._open[target], quiet=True)
        return self._open[target]

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            for model in self._open.values():
                stack.push_async_callback(model.aclose)


Cell = tuple[Prompt, Target]


async def answer_all(
    cells: Sequence[Cell],
    models: Models,
    results: Results,
    settings: Settings,
    concurrency: int,
) -> AsyncGenerator[tuple[Cell, Answer], None]:
    """Yield each cell with its answer, in order of finishing; the known ones come first."""
    unknown = []
    for cell in cells:
        if known := results.answer(_key(cell, settings)):
            yield cell, known
        else:
            unknown.append(cell)
    calls = [partial(_answer, cell, models, results, settings) for cell in unknown]
    async with aclosing(bounded(calls, concurrency)) as finished:
        async for number, answer in finished:
            yield unknown[number], answer


async def bounded(
    calls: Sequence[Callable[[], Awaitable[T]]], concurrency: int
) -> AsyncGenerator[tuple[int, T], None]:
    """Run the calls, at most `concurrency` at once; yield their results in order of finishing."""
    gate = asyncio.Semaphore(concurrency)

    async def gated(call: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await call()

    waiting = [partial(gated, call) for call in calls]
    async with aclosing(as_they_finish(waiting, _Never)) as finished:
        async for number, result in finished:
            if not isinstance(result, _Never):
                yield number, result


class _Never(Exception):
    """No call raises it: other errors end the run."""


async def _answer(cell: Cell, models: Models, results: Results, settings: Settings) -> Answer:
    prompt, target = cell
    try:
        model = await models.get(target)
        measured = await asking.ask(
            model,
            asking.conversation(prompt.text, prompt.system, (), model.context_length),
            settings.options,
            stream=settings.stream,
            timeout=settings.timeout,
            price=price_of(target.backend),
        )
    except ServiceError as error:  # not kept: a further run asks again
        if settings.debug:
            traceback.print_exception(error)
        return Answer(error=shell.describe(error), error_kind=type(error).__name__)
    answer = Answer.of(measured)
    results.keep_answer(_key(cell, settings), answer, prompt=prompt.text, model=target.name)
    return answer


def _key(cell: Cell, settings: Settings) -> str:
    prompt, target = cell
    options = settings.options
    asked = (options.temperature, options.max_tokens)
    return key_of(target.backend, target.model, prompt.text, prompt.system, *asked)
