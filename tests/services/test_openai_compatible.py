from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from services import errors
from services.backends import open_chat_model
from services.chat import Message
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings
from services.transport import RetryPolicy
from tests.fakes.openai_server import OpenAIServer
from tests.services.chat_completions_contract import ChatCompletionsContract


def settings_for(url: str) -> OpenAICompatibleSettings:
    return OpenAICompatibleSettings(
        base_url=url, api_key=SecretStr("secret-key"), model="test-model", timeout=0.4
    )


class TestOpenAICompatibleModel(ChatCompletionsContract):
    @pytest.fixture
    async def model(self, server: OpenAIServer) -> AsyncIterator[OpenAICompatibleModel]:
        model = OpenAICompatibleModel(settings_for(server.url), retries=RetryPolicy(first_pause=0))
        yield model
        await model.aclose()

    async def test_sends_the_key(self, model: OpenAICompatibleModel, server: OpenAIServer) -> None:
        await model.complete([Message("user", "Привет")])
        assert server.calls[0].request.headers["Authorization"] == "Bearer secret-key"

    async def test_sends_no_key_when_there_is_none(self, server: OpenAIServer) -> None:
        settings = settings_for(server.url).model_copy(update={"api_key": SecretStr("")})
        model = OpenAICompatibleModel(settings)
        assert (await model.complete([Message("user", "Привет")])).text
        assert "Authorization" not in server.calls[0].request.headers
        await model.aclose()


async def test_no_server_is_unavailable(unused_tcp_port: int) -> None:
    settings = settings_for(f"http://127.0.0.1:{unused_tcp_port}/v1")
    model = OpenAICompatibleModel(settings, retries=RetryPolicy(retries=0))
    with pytest.raises(errors.Unavailable):
        await model.complete([Message("user", "Привет")])
    await model.aclose()


@pytest.mark.parametrize(
    ("variables", "missing"),
    [({}, "LLM_BASE_URL"), ({"LLM_BASE_URL": "http://127.0.0.1:1/v1"}, "LLM_MODEL")],
)
def test_names_the_missing_variable(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], missing: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(errors.ConfigError, match=f"{missing} не задан"):
        open_chat_model("openai")


async def test_a_model_given_by_hand_needs_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:1/v1")
    model = open_chat_model("openai", "qwen")
    assert model.name == "qwen"
    await model.aclose()
