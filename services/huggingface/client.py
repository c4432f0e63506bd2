"""A ChatModel on huggingface_hub's AsyncInferenceClient."""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import cache
from typing import Any, ClassVar, TypeVar

import httpx2
from huggingface_hub import AsyncInferenceClient, set_async_client_factory
from huggingface_hub.errors import (
    HfHubHTTPError,
    InferenceTimeoutError,
    TextGenerationError,
)

from services.chat_completions import ChatCompletionsModel
from services.chat_completions.error_mapping import error_in_stream, error_of_status
from services.env import missing
from services.errors import (
    AccessDenied,
    BadResponse,
    ModelNotFound,
    ServiceError,
    Timeout,
    Unavailable,
)
from services.huggingface.config import ROUTER_URL, HuggingFaceSettings
from services.huggingface.reply_filter import FilteredStream
from services.timing import Price
from services.transport import DEFAULT_RETRIES, RetryPolicy

T = TypeVar("T")
logger = logging.getLogger(__name__)

HUB = "https://huggingface.co"
TOKENS_PAGE = f"{HUB}/settings/tokens"
_TOKEN_LACKS_RIGHTS = re.compile(r"permission|authentication method", re.IGNORECASE)


class HuggingFaceModel(ChatCompletionsModel):
    """A model by its short name or full id, through the router of inference providers."""

    service: ClassVar[str] = "huggingface"
    transport_errors: ClassVar = (
        HfHubHTTPError,
        InferenceTimeoutError,
        TextGenerationError,
        httpx2.HTTPError,
        httpx2.StreamError,
    )

    def __init__(
        self, settings: HuggingFaceSettings, *, retries: RetryPolicy = DEFAULT_RETRIES
    ) -> None:
        if settings.base_url == ROUTER_URL and not settings.token.get_secret_value():
            raise missing("HF_TOKEN")
        self.card = settings.card(settings.model)
        super().__init__(self.card.id, self.card.context_length, retries)
        self._settings = settings
        self._client = self._open()
        _ssl_context()  # now, so that the first answer doesn't wait for it

    @property
    def price(self) -> Price | None:
        """The price of the model in use; None when unknown."""
        return self.card.price if self._model == self.card.id else None

    async def aclose(self) -> None:
        await _close(self._client)

    async def _create(self, body: dict[str, Any]) -> Any:
        return await self._client.chat_completion(**body | {"model": self._model})

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[Any, None]:
        # The package closes no stream, only a client with all its streams: each gets its own.
        client = self._open()
        try:
            events: Any = await client.chat_completion(**body | {"model": self._model})
            async for event in events:
                yield event
        finally:
            await _close(client)

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for _ in self.card.ids[1:]:
            asked = self._model
            try:
                return await super()._retried(attempt)
            except ModelNotFound:
                self._move_on(asked)
        return await super()._retried(attempt)

    def _move_on(self, asked: str) -> None:
        """Use the next ID from now on, unless another request has moved on already."""
        if self._model == asked:
            ids = self.card.ids
            self._model = ids[(ids.index(asked) + 1) % len(ids)]
            logger.warning("%s is not served, %s is asked instead", asked, self._model)

    def _open(self) -> AsyncInferenceClient:
        settings = self._settings
        timeout: Any = httpx2.Timeout(settings.timeout, connect=settings.connect_timeout)
        return AsyncInferenceClient(
            base_url=settings.base_url,
            # Without a token the package would send the one of `hf auth login` anywhere.
            token=settings.token.get_secret_value() or "none",
            timeout=timeout,
        )

    def _error(self, error: Exception) -> ServiceError:
        response = _response_of(error)
        if response is not None:
            return self._refusal(response)
        match error:
            case httpx2.TimeoutException() | InferenceTimeoutError():
                return Timeout("no answer in time", service=self.service)
            case TextGenerationError():
                return error_in_stream(str(error), service=self.service)
            case httpx2.HTTPError():
                return Unavailable(type(error).__name__, service=self.service)
        return BadResponse(type(error).__name__, service=self.service)

    def _refusal(self, response: httpx2.Response) -> ServiceError:
        body = _body_of(response)
        error = error_of_status(
            response.status_code,
            body,
            service=self.service,
            model=self._model,
            headers=response.headers,
        )
        if isinstance(error, AccessDenied):
            lacks_rights = _TOKEN_LACKS_RIGHTS.search(json.dumps(body))
            error.url = TOKENS_PAGE if lacks_rights else f"{HUB}/{self._model.partition(':')[0]}"
        return error


async def _close(client: AsyncInferenceClient) -> None:
    await client.close()  # type: ignore[no-untyped-call]


@cache
def _ssl_context() -> ssl.SSLContext:
    """Create it once: that takes 60 ms, and every stream has a client of its own."""
    return httpx2.create_ssl_context()


async def _prepare(response: httpx2.Response) -> None:
    """Read the body of an error response, also of a stream: it says what went wrong.

    The body of a good one goes through the filter on its way to the package.
    """
    if response.is_error:
        await response.aread()
    elif isinstance(response.stream, httpx2.AsyncByteStream) and not _is_packed(response):
        events = not response.headers.get("Content-Type", "").startswith("application/json")
        response.stream = FilteredStream(response.stream, events=events)


def _is_packed(response: httpx2.Response) -> bool:
    return response.headers.get("Content-Encoding", "identity") != "identity"


def _new_connection() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        verify=_ssl_context(),
        event_hooks={"response": [_prepare]},
        headers={"Accept-Encoding": "identity"},  # a packed stream comes in lumps
        follow_redirects=True,
        timeout=None,  # each request has its own
    )


# The package has no other way to configure its connections than this process-wide one.
set_async_client_factory(_new_connection)


def _response_of(error: BaseException | None) -> httpx2.Response | None:
    """The response behind an error, or behind the one that it was raised from."""
    while error is not None:
        if isinstance(response := getattr(error, "response", None), httpx2.Response):
            return response
        error = error.__context__
    return None


def _body_of(response: httpx2.Response) -> object:
    try:
        return response.json()
    except httpx2.StreamError:
        return None
    except ValueError:
        return response.text
