"""A ChatModel over the chat-completions API."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, ClassVar, TypeVar

from services.chat import DEFAULT_OPTIONS, Chunk, Completion, GenerationOptions, Message
from services.chat_completions.wire import AnswerReader, approximate_prompt_tokens, request_body
from services.errors import BadResponse, ModelLoading, RateLimited, ServiceError, Unavailable

T = TypeVar("T")

RETRY_PAUSES = (0.5, 2.0)
LONGEST_WAIT = 10.0  # a longer Retry-After is the user's to decide on


class ChatCompletionsModel(ABC):
    """Asks and reads; a subclass sends and says what went wrong on the way.

    Connection errors, 429 and 5xx are tried again, but only before the first chunk:
    a stream that has begun is never repeated.
    """

    service: ClassVar[str]
    transport_errors: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, model: str, context_length: int, retry_pauses: Sequence[float]) -> None:
        self._model = model
        self._context_length = context_length
        self._retry_pauses = retry_pauses

    @property
    def name(self) -> str:
        return self._model

    @property
    def context_length(self) -> int:
        return self._context_length

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        body = request_body(self._model, messages, options)
        reader = AnswerReader(self.service, self._model, messages)

        async def attempt() -> Completion:
            with self._translated():
                answer = await self._create(body)
            with self._understood():
                return reader.read(answer)

        return await self._retried(attempt)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        body = request_body(self._model, messages, options)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        reader = AnswerReader(self.service, self._model, messages)
        event, events = await self._retried(lambda: self._begin(body))
        async with aclosing(events):
            while event is not None:
                with self._understood():
                    chunk = reader.feed(event)
                if chunk is not None:
                    yield chunk
                with self._translated():
                    event = await anext(events, None)
        yield reader.end()

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Estimate: which tokenizer the model has is unknown here."""
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
        """Say which ServiceError one of `transport_errors` is."""

    async def _begin(self, body: dict[str, Any]) -> tuple[Any, AsyncGenerator[Any, None]]:
        events = self._events(body)
        with self._translated():
            return await anext(events, None), events

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.transport_errors as error:
            raise self._error(error) from error
        except ValueError as error:
            raise BadResponse("the answer isn't the API's JSON", service=self.service) from error

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (AttributeError, IndexError, TypeError) as error:
            raise BadResponse("the answer isn't a chat completion", service=self.service) from error

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for pause in self._retry_pauses:
            try:
                return await attempt()
            except (RateLimited, Unavailable) as error:
                wait = wait_before_retry(error, pause)
                if wait is None:
                    raise
            await asyncio.sleep(wait)
        return await attempt()


def wait_before_retry(error: ServiceError, pause: float) -> float | None:
    """Seconds to wait before another try; None when trying again makes no sense."""
    if isinstance(error, ModelLoading):
        return None  # it takes minutes: the user is told instead
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return pause
