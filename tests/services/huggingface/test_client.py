from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from services import errors
from services.backends import open_chat_model
from services.chat import Message, complete_stream
from services.huggingface.client import HuggingFaceModel
from services.huggingface.config import HuggingFaceSettings
from services.texts import describe_error
from services.transport import RetryPolicy
from tests.fakes.openai_server import Answer, OpenAIServer, Refusal, Together
from tests.services.chat_completions_contract import ChatCompletionsContract

QUESTION = (Message("user", "Привет"),)


def settings_for(server: OpenAIServer, **changes: object) -> HuggingFaceSettings:
    settings = HuggingFaceSettings(
        base_url=server.url, token=SecretStr("hf_secret"), model="test-model", timeout=0.4
    )
    return settings.model_copy(update=changes)


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[HuggingFaceModel]:
    model = HuggingFaceModel(settings_for(server), retries=RetryPolicy(first_pause=0))
    yield model
    await model.aclose()


class TestHuggingFaceModel(ChatCompletionsContract):
    """The whole contract of chat completions."""


async def test_sends_the_token(model: HuggingFaceModel, server: OpenAIServer) -> None:
    await model.complete(QUESTION)
    assert server.calls[0].request.headers["Authorization"] == "Bearer hf_secret"


async def test_sends_no_token_of_the_machine_to_another_server(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    model = HuggingFaceModel(settings_for(server, token=SecretStr("")))
    await model.complete(QUESTION)
    assert "hf_of_the_machine" not in str(server.calls[0].request.headers)
    await model.aclose()


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (
            {"error": "Access to model meta-llama/X is restricted. You must be in the list."},
            "https://huggingface.co/meta-llama/X",
        ),
        (
            {
                "error": "This authentication method does not have sufficient permissions to "
                "call Inference Providers on behalf of user"
            },
            "https://huggingface.co/settings/tokens",
        ),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
async def test_names_the_page_that_gives_access(
    server: OpenAIServer, body: object, url: str, streamed: bool
) -> None:
    model = HuggingFaceModel(settings_for(server, model="meta-llama/X:novita"))
    server.enqueue(Refusal(403, body))
    answer = complete_stream(model.stream(QUESTION)) if streamed else model.complete(QUESTION)
    with pytest.raises(errors.AccessDenied) as caught:
        await answer
    assert caught.value.url == url
    assert url in describe_error(caught.value)
    await model.aclose()


NOT_SERVED = Refusal(400, {"error": {"message": "...", "code": "model_not_supported"}})


async def test_asks_for_the_next_id_when_one_is_not_served(server: OpenAIServer) -> None:
    model = HuggingFaceModel(settings_for(server, model="llama3"))
    first, second = model.card.ids
    server.by_model[first] = NOT_SERVED
    assert (await complete_stream(model.stream(QUESTION))).model == second
    assert model.name == second
    await asyncio.gather(model.complete(QUESTION), model.complete(QUESTION))
    assert [body["model"] for body in server.bodies] == [first, second, second, second]
    await model.aclose()


async def test_two_requests_move_on_to_the_same_id(server: OpenAIServer) -> None:
    model = HuggingFaceModel(settings_for(server, model="qwen2"))
    server.by_model[model.card.ids[0]] = Together(2, NOT_SERVED)
    answers = await asyncio.gather(model.complete(QUESTION), model.complete(QUESTION))
    assert {answer.model for answer in answers} == {model.card.ids[1]}
    await model.aclose()


async def test_says_so_when_no_id_is_served(server: OpenAIServer) -> None:
    server.default = NOT_SERVED
    model = HuggingFaceModel(settings_for(server, model="llama3"))
    with pytest.raises(errors.ModelNotFound):
        await model.complete(QUESTION)
    assert [body["model"] for body in server.bodies] == list(model.card.ids)
    server.default = Answer()
    assert (await model.complete(QUESTION)).text, "later it may be served again"
    await model.aclose()


async def test_an_id_of_the_users_own_has_no_substitute(server: OpenAIServer) -> None:
    server.default = NOT_SERVED
    model = HuggingFaceModel(settings_for(server, model="llama3", llama3="org/own"))
    with pytest.raises(errors.ModelNotFound):
        await model.complete(QUESTION)
    assert [body["model"] for body in server.bodies] == ["org/own"]
    await model.aclose()


def test_names_the_missing_token() -> None:
    with pytest.raises(errors.ConfigError, match="HF_TOKEN не задан"):
        open_chat_model("huggingface")


def test_opens_by_the_name_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    assert open_chat_model("huggingface", "deepseek").name.startswith("deepseek-ai/")
