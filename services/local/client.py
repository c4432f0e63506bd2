"""`LocalModel`: the local model as every bot sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.chat import (
    DEFAULT_OPTIONS,
    AnswerBuilder,
    Chunk,
    Completion,
    FinishReason,
    GenerationOptions,
    Message,
    Usage,
    complete_stream,
)
from services.errors import ServiceError
from services.local.background import BackgroundLoad, LoadsInBackground
from services.local.config import LocalModelSettings
from services.local.engine import Engine
from services.local.loading import Loaded, display_name, load
from services.local.prompts import ChatTemplate
from services.local.ragged import RaggedModel
from services.local.sampling import Sampler, Sampling
from services.local.scheduler import Limits, Request
from services.local.text import TextStream
from services.vision import check_pictures


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that is loaded and being served."""

    loaded: Loaded
    template: ChatTemplate
    engine: Engine
    context_length: int


class LocalModel(LoadsInBackground[Opened]):
    """A transformers model in this process, behind `ChatModel`.

    It begins to load at once, in the background; calls wait till it is loaded.
    """

    def __init__(self, settings: LocalModelSettings) -> None:
        self._settings = settings
        self._loading = BackgroundLoad(self._load, lambda opened: opened.engine.close())
        self._loading.start()

    @property
    def name(self) -> str:
        return display_name(self._settings)

    @property
    def context_length(self) -> int:
        opened = self._loading.loaded
        return opened.context_length if opened else self._settings.context_length

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        return await complete_stream(self.stream(messages, options))

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        if not messages:
            raise ValueError("messages is empty")
        check_pictures(messages, self.name, "local")
        opened = await self._loading.result()
        answer = Answer(asyncio.get_running_loop())
        request = await asyncio.to_thread(self._request, opened, messages, options, answer)
        opened.engine.submit(request)
        builder = AnswerBuilder(self.name)
        try:
            while (piece := await answer.next()) is not None:
                yield builder.add(piece)
            yield builder.finish(answer.reason, answer.usage, tail=answer.tail)
        finally:
            request.cancel()

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        template = (await self._loading.result()).template
        prompt = await asyncio.to_thread(template.render, messages, UNLIMITED)
        return len(prompt)

    async def aclose(self) -> None:
        opened = self._loading.close()
        if opened is not None:
            await asyncio.to_thread(opened.engine.close)

    def _load(self) -> Opened:
        return self._build(load(self._settings, self._loading.report))

    def _build(self, loaded: Loaded) -> Opened:
        settings = self._settings
        limits = Limits(settings.parallel, settings.queue_size, settings.kv_megabytes << 20)
        ragged = RaggedModel(loaded.model)
        context = min(
            settings.context_length,
            loaded.model.config.max_position_embeddings,
            limits.kv_bytes // ragged.token_bytes,
        )
        return Opened(loaded, ChatTemplate(loaded.tokenizer), Engine(ragged, limits), context)

    # --- one request

    def _request(
        self,
        opened: Opened,
        messages: Sequence[Message],
        options: GenerationOptions,
        answer: Answer,
    ) -> Request:
        """Write the request down; tokenizing a long history takes a while, so not on the loop."""
        defaults = self._settings.defaults(GenerationOptions())
        max_tokens = min(
            options.max_tokens or defaults.max_tokens or 1, max(1, opened.context_length // 2)
        )
        prompt = opened.template.render(messages, opened.context_length - max_tokens)
        now = time.monotonic()
        return Request(
            prompt,
            max_tokens,
            TextStream(opened.loaded.tokenizer, options.stop),
            Sampler(sampling(options, defaults), prompt, opened.loaded.model.device),
            answer,
            opened.loaded.end_tokens,
            owner=opening_words(messages),
            start_by=now + self._settings.queue_timeout,
            end_by=now + self._settings.timeout,
        )


UNLIMITED = 1 << 30


def sampling(options: GenerationOptions, defaults: GenerationOptions) -> Sampling:
    """The request's own values, else the defaults."""

    def pick(value: float | None, default: float | None, neutral: float) -> float:
        return next((one for one in (value, default) if one is not None), neutral)

    return Sampling(
        temperature=pick(options.temperature, defaults.temperature, 0.0),
        top_p=pick(options.top_p, defaults.top_p, 1.0),
        top_k=options.top_k,
        repetition_penalty=pick(options.repetition_penalty, defaults.repetition_penalty, 1.0),
        seed=options.seed,
    )


def opening_words(messages: Sequence[Message]) -> object:
    """What tells one conversation from another: how it began."""
    turns = [message for message in messages if message.role != "system"]
    return hash((turns or messages)[0])


class Answer:
    """Carries an answer from the engine's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pieces: asyncio.Queue[str | ServiceError | None] = asyncio.Queue()
        self.reason: FinishReason = "stop"
        self.tail = ""
        self.usage: Usage | None = None

    async def next(self) -> str | None:
        """The next piece; None at the end."""
        piece = await self._pieces.get()
        if isinstance(piece, ServiceError):
            raise piece
        return piece

    def on_text(self, text: str) -> None:
        self._put(text)

    def on_end(self, reason: FinishReason, tail: str, usage: Usage) -> None:
        self.reason, self.tail, self.usage = reason, tail, usage
        self._put(None)

    def on_error(self, error: ServiceError) -> None:
        self._put(error)

    def _put(self, piece: str | ServiceError | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits for the answer any more
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
