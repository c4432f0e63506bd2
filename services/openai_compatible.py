"""A ChatModel on any OpenAI-compatible server: vLLM, llama.cpp, Ollama, a cloud."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar

import httpx2
import openai
from pydantic import Field, SecretStr

from services.chat_completions import ChatCompletionsModel
from services.chat_completions.error_mapping import error_in_stream, error_of_status
from services.env import EnvSettings, missing
from services.errors import BadResponse, ServiceError, Timeout, Unavailable
from services.transport import DEFAULT_RETRIES, RetryPolicy


class OpenAICompatibleSettings(EnvSettings):
    """Where the server is and which of its models answers."""

    base_url: str = Field("", alias="LLM_BASE_URL")
    api_key: SecretStr = Field(SecretStr(""), alias="LLM_API_KEY")
    model: str = Field("", alias="LLM_MODEL")
    context_length: int = Field(8192, alias="LLM_CONTEXT_LENGTH", gt=0)
    timeout: float = Field(120.0, alias="LLM_TIMEOUT", gt=0)
    connect_timeout: float = Field(10.0, alias="LLM_CONNECT_TIMEOUT", gt=0)


class OpenAICompatibleModel(ChatCompletionsModel):
    """One model of an OpenAI-compatible server."""

    service: ClassVar[str] = "openai"
    transport_errors: ClassVar = (openai.OpenAIError, httpx2.HTTPError)

    def __init__(
        self,
        settings: OpenAICompatibleSettings,
        *,
        retries: RetryPolicy = DEFAULT_RETRIES,
    ) -> None:
        if not settings.base_url:
            raise missing("LLM_BASE_URL")
        if not settings.model:
            raise missing("LLM_MODEL")
        super().__init__(settings.model, settings.context_length, retries)
        self._client = _client(settings)
        self._headers = _headers(settings)

    async def aclose(self) -> None:
        await self._client.close()

    async def _create(self, body: dict[str, Any]) -> Any:
        return await self._client.chat.completions.create(
            **_unchecked(body), extra_headers=self._headers
        )

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[Any, None]:
        async with aclosing(await self._create(body)) as stream:
            async for event in stream:
                yield event

    def _error(self, error: Exception) -> ServiceError:
        return _translate(error, self.service, self.name)


async def list_models(settings: OpenAICompatibleSettings) -> list[dict[str, Any]]:
    """The server's list of models, each with all its fields. Raises ServiceError."""
    async with _client(settings) as client:
        try:
            page = await client.models.list(extra_headers=_headers(settings))
            return [model.to_dict() for model in page.data]
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise _translate(error, OpenAICompatibleModel.service) from error
        except (AttributeError, ValueError) as error:
            raise BadResponse("the answer isn't a list of models") from error


def _headers(settings: OpenAICompatibleSettings) -> dict[str, Any]:
    """Send no Authorization header without a key: a local server needs none."""
    return {} if settings.api_key.get_secret_value() else {"Authorization": openai.Omit()}


def _client(settings: OpenAICompatibleSettings) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=settings.base_url,
        api_key=settings.api_key.get_secret_value() or "none",  # the package insists on one
        timeout=httpx2.Timeout(settings.timeout, connect=settings.connect_timeout),
        max_retries=0,
    )


def _translate(error: Exception, service: str, model: str = "") -> ServiceError:
    match error:
        case openai.APIStatusError():
            return error_of_status(
                error.status_code,
                error.body,
                service=service,
                model=model,
                headers=error.response.headers,
            )
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return Timeout("no answer in time", service=service)
        case openai.APIConnectionError() | httpx2.HTTPError():
            return Unavailable(type(error.__cause__ or error).__name__, service=service)
        case openai.APIResponseValidationError():
            return BadResponse(type(error).__name__, service=service)
        case openai.APIError():
            return error_in_stream(error.body, service=service)
    return BadResponse(type(error).__name__, service=service)


def _unchecked(body: dict[str, Any]) -> dict[str, Any]:
    """Pass the messages as `extra_body`, which the package doesn't validate.

    With a long history the validation costs more CPU than the rest of the call.
    """
    return {**body, "messages": [], "extra_body": {"messages": body["messages"]}}
