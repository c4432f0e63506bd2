"""A ChatModel on huggingface_hub's AsyncInferenceClient."""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar

import httpx2
from huggingface_hub import AsyncInferenceClient, set_async_client_factory
from huggingface_hub.errors import (
    HfHubHTTPError,
    InferenceTimeoutError,
    TextGenerationError,
)

from services.chat_completions import RETRY_PAUSES, ChatCompletionsModel
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
from services.timing import Price

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
        AttributeError,  # what the package makes of an error whose body is a list or null
    )

    def __init__(
        self, settings: HuggingFaceSettings, *, retry_pauses: Sequence[float] = RETRY_PAUSES
    ) -> None:
        if settings.base_url == ROUTER_URL and not settings.token.get_secret_value():
            raise missing("HF_TOKEN")
        self.card = settings.card(settings.model)
        super().__init__(self.card.id, self.card.context_length, retry_pauses)
        self._settings = settings
        self._client = self._open()
        _ssl_context()  # now, not while somebody times the first answer

    @property
    def price(self) -> Price | None:
        """What the model that is asked now costs."""
        return self.card.price if self._model == self.card.id else None

    async def aclose(self) -> None:
        await _close(self._client)

    async def _create(self, body: dict[str, Any]) -> Any:
        return await self._client.chat_completion(**body | {"model": self._model})

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[Any, None]:
        # The package never closes a stream, only all that a client has: one for each, then.
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
        """Ask for the next id from now on, unless another request has moved on already."""
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
    """Made once: it takes 60 ms of the event loop, and every stream has a client."""
    return httpx2.create_ssl_context()


async def _read_refusal(response: httpx2.Response) -> None:
    """Read the body of a refusal, also of a stream: it tells what went wrong."""
    if response.is_error:
        await response.aread()


def _new_connection() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        verify=_ssl_context(),
        event_hooks={"response": [_read_refusal]},
        follow_redirects=True,
        timeout=None,  # each request has its own
    )


set_async_client_factory(_new_connection)  # the package offers it for the whole process alone


def _response_of(error: BaseException | None) -> httpx2.Response | None:
    """The answer that an error is about; some errors only have it in what they came from."""
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
