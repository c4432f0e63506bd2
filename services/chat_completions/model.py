"""A ChatModel over the chat-completions API."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, ClassVar, TypeVar

from services.chat import DEFAULT_OPTIONS, Chunk, Completion, GenerationOptions, Message
from services.chat_completions.wire import AnswerReader, approximate_prompt_tokens, request_body
from services.errors import ServiceError
from services.transport import RetryPolicy
from services.vision import check_pictures

T = TypeVar("T")

# What openai and huggingface_hub raise on JSON of another shape than they expect.
_PARSING_ERRORS = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


class ChatCompletionsModel(ABC):
    """Base of the clients: builds requests and reads answers; a subclass does the I/O.

    Connection errors, 429 and 5xx are retried, but only before the first event of a stream.
    """

    service: ClassVar[str]
    transport_errors: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, model: str, context_length: int, retries: RetryPolicy) -> None:
        self._model = model
        self._context_length = context_length
        self._retries = retries

    @property
    def name(self) -> str:
        return self._model

    @property
    def context_length(self) -> int:
        return self._context_length

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        check_pictures(messages, self._model, self.service)
        body = request_body(self._model, messages, options)
        reader = AnswerReader(self.service, self._model, messages)

        async def attempt() -> Completion:
            with self._translated():
                answer = await self._create(body)
            return reader.read(answer)

        return await self._retried(attempt)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        check_pictures(messages, self._model, self.service)
        body = request_body(self._model, messages, options)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        reader = AnswerReader(self.service, self._model, messages)
        event, events = await self._retried(lambda: self._begin(body))
        async with aclosing(events):
            while event is not None:
                if chunk := reader.feed(event):
                    yield chunk
                event = await self._next(events)
        yield reader.end()

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Estimate the tokens: the model's tokenizer is unknown here."""
        return approximate_prompt_tokens(messages)

    @abstractmethod
    async def aclose(self) -> None: ...

    @abstractmethod
    async def _create(self, body: dict[str, Any]) -> Any:
        """Send a request and return the answer."""

    @abstractmethod
    def _events(self, body: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Send a request and yield the answer's events; closing it frees the connection."""

    @abstractmethod
    def _error(self, error: Exception) -> ServiceError:
        """Map one of `transport_errors` to a ServiceError; all others mean BadResponse."""

    async def _begin(self, body: dict[str, Any]) -> tuple[Any, AsyncGenerator[Any, None]]:
        events = self._events(body)
        return await self._next(events), events

    async def _next(self, events: AsyncGenerator[Any, None]) -> Any:
        """The next event; None at the end of the stream."""
        with self._translated():
            try:
                return await anext(events, None)
            except json.JSONDecodeError as error:
                # The packages recognise "data: [DONE]" only with exactly one space.
                if error.doc.strip() == "[DONE]":
                    return None
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        expected: tuple[type[Exception], ...] = (*self.transport_errors, *_PARSING_ERRORS)
        try:
            yield
        except expected as error:
            raise self._error(error) from error

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        return await self._retries.run(attempt)
