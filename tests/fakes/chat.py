"""A chat model for tests: says what was enqueued, remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence

from services.chat import (
    DEFAULT_OPTIONS,
    AnswerBuilder,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    Usage,
    complete_stream,
)
from services.errors import Unavailable


class FakeChatModel:
    """Answers in order of `enqueue`, then with `default`; each word is a chunk.

    An enqueued exception is raised in its turn. `delay` is the pause in seconds before
    each chunk; while `gate` is cleared no chunk goes out. `fail_after` chunks the connection
    breaks. `active` counts open streams.
    """

    name = "fake"
    context_length = 4096

    def __init__(self, default: str = "Привет, мир!", *, delay: float = 0.0) -> None:
        self.default = default
        self.delay = delay
        self.fail_after: int | None = None
        self.history: list[tuple[tuple[Message, ...], GenerationOptions]] = []
        self.active = 0
        self.closed = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._queue: deque[str | Completion | Exception] = deque()

    def enqueue(self, *answers: str | Completion | Exception) -> None:
        self._queue.extend(answers)

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        return await complete_stream(self.stream(messages, options))

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        if not messages:
            raise ValueError("messages is empty")
        self.history.append((tuple(messages), options))
        answer = self._queue.popleft() if self._queue else self.default
        self.active += 1
        try:
            await self._pause()
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, Completion):
                yield Chunk(answer.text, answer)
                return
            builder = AnswerBuilder(self.name)
            words = answer.split(" ")
            for number, word in enumerate(words):
                await self._pause()
                if number == self.fail_after:
                    raise Unavailable("the connection broke off")
                yield builder.add(word if number == 0 else f" {word}")
            usage = Usage(await self.count_tokens(messages), len(words))
            yield builder.finish("stop", usage)
        finally:
            self.active -= 1

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) + 3 for message in messages)

    async def aclose(self) -> None:
        self.closed = True

    async def _pause(self) -> None:
        await self.gate.wait()
        await asyncio.sleep(self.delay)
