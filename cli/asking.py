"""Ask a model once and measure the answer: shared by all tools with a prompt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from cli import shell
from cli.log.recorder import RecordedModel, Recorder
from cli.log.store import ExchangeLog
from cli.prices import price_of
from cli.targets import Target
from services.backends import open_chat_model
from services.chat import ChatModel, Chunk, GenerationOptions, Message, complete_stream
from services.context import fit
from services.errors import Timeout
from services.timing import Measurement, Price, Stopwatch

CHARACTERS_PER_TOKEN = 2.5  # of Russian text; a low estimate for all models in use
ANSWER_SHARE = 4  # one in so many tokens of the context is left for the answer


@asynccontextmanager
async def opened(
    target: Target,
    log: ExchangeLog | None = None,
    *,
    tool: str = "hf",
    talk_id: int | None = None,
    quiet: bool = False,
    wrap: Callable[[ChatModel], ChatModel] | None = None,
) -> AsyncIterator[ChatModel]:
    """Open the model, wait until it is loaded, close it at the end; a log records its exchanges.

    `wrap` gives it tools; the log records the answers that they lead to.
    """
    model = open_chat_model(target.backend, target.model)
    try:
        await shell.wait_until_loaded(model, quiet=quiet)
        able = wrap(model) if wrap else model
        yield recorded(able, target, log, tool=tool, talk_id=talk_id)
    finally:
        await model.aclose()


def recorded(
    model: ChatModel,
    target: Target,
    log: ExchangeLog | None,
    *,
    tool: str,
    talk_id: int | None = None,
    price: Price | None = None,
) -> ChatModel:
    """The model, with its exchanges kept in the log where there is one."""
    if log is None:
        return model
    price = price or price_of(target.backend)
    return RecordedModel(model, Recorder(log, tool, target.backend, target.model, talk_id, price))


async def ask(
    model: ChatModel,
    messages: Sequence[Message],
    options: GenerationOptions,
    *,
    stream: bool,
    timeout: float | None = None,
    price: Price | None = None,
    show: Callable[[str], None] | None = None,
) -> Measurement:
    """Ask and measure; `show` gets the pieces of a streamed answer. Raises ServiceError."""
    try:
        return await asyncio.wait_for(_ask(model, messages, options, stream, price, show), timeout)
    except TimeoutError:
        raise Timeout(f"no whole answer in {timeout} s") from None


async def _ask(
    model: ChatModel,
    messages: Sequence[Message],
    options: GenerationOptions,
    stream: bool,
    price: Price | None,
    show: Callable[[str], None] | None,
) -> Measurement:
    watch = Stopwatch(model, price)
    if not stream:
        return watch.measurement(await model.complete(messages, options))
    chunks = watch.watch(model.stream(messages, options))
    return watch.measurement(await complete_stream(_shown(chunks, show) if show else chunks))


async def _shown(
    stream: AsyncGenerator[Chunk, None], show: Callable[[str], None]
) -> AsyncGenerator[Chunk, None]:
    async with aclosing(stream):
        async for chunk in stream:
            show(chunk.text)
            yield chunk


def conversation(
    prompt: str, system: str | None, past: Sequence[Message], context_length: int
) -> list[Message]:
    """The messages to send; of a long history, as much of its end as fits the context."""
    room = int(context_length * CHARACTERS_PER_TOKEN * (ANSWER_SHARE - 1) / ANSWER_SHARE)
    messages = fit([Message("system", system or ""), *past, Message("user", prompt)], room)
    return messages if system else messages[1:]
