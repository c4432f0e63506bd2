"""What is asked of GigaChat and what is made of its answers."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from services.backends import open_chat_model
from services.chat import Chunk, FunctionCall, FunctionSpec, GenerationOptions, Message, Usage
from services.errors import AccessDenied, ConfigError
from services.gigachat import GigaChatModel, GigaChatSettings, ModelInfo
from tests.fakes.gigachat import GigaChatServer

QUESTION = [Message("user", "Привет!")]
WEATHER = FunctionSpec("weather", "Погода в городе", {"type": "object", "properties": {}})
CALL = FunctionCall("weather", {"city": "Казань"})


async def read(
    model: GigaChatModel, messages: list[Message], options: GenerationOptions | None = None
) -> list[Chunk]:
    async with aclosing(model.stream(messages, options or GenerationOptions())) as stream:
        return [chunk async for chunk in stream]


async def test_one_system_message_goes_first(model: GigaChatModel, server: GigaChatServer) -> None:
    await model.complete(
        [
            Message("system", "Ты — собеседник."),
            Message("user", "Привет!"),
            Message("system", "Говори кратко."),
        ]
    )
    assert server.requests[0]["messages"] == [
        {"role": "system", "content": "Ты — собеседник.\n\nГовори кратко."},
        {"role": "user", "content": "Привет!"},
    ]


async def test_options_become_what_the_service_accepts(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    options = GenerationOptions(
        temperature=0, top_p=0.5, top_k=3, max_tokens=7, repetition_penalty=1.1, stop=("!",), seed=1
    )
    await model.complete(QUESTION, options)
    request = server.requests[0]
    assert request.pop("messages")
    assert request == {
        "model": "GigaChat",
        "temperature": 0.001,
        "top_p": 0.5,
        "max_tokens": 7,
        "repetition_penalty": 1.1,
    }


async def test_says_nothing_of_options_left_to_the_service(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    await model.complete(QUESTION)
    assert set(server.requests[0]) == {"model", "messages"}


async def test_half_a_surrogate_pair_is_sent_as_text(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    await model.complete([Message("user", "a\ud83d")])
    assert server.requests[0]["messages"][0]["content"] == "a?"


async def test_the_prompt_cache_serves_the_next_turn(model: GigaChatModel) -> None:
    start = [Message("system", "Ты — собеседник, и давно."), *QUESTION]
    first = await model.complete(start)
    second = await model.complete(
        [*start, Message("assistant", first.text), Message("user", "А ещё?")]
    )
    other = await model.complete([start[0], Message("user", "Другой разговор")])
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.cached_tokens >= first.usage.prompt_tokens
    assert other.usage is not None
    assert other.usage.cached_tokens == 0


async def test_usage_comes_with_a_stream(model: GigaChatModel, server: GigaChatServer) -> None:
    server.enqueue("Раз два три")
    *_, last = await read(model, QUESTION)
    assert last.completion is not None
    assert last.completion.usage == Usage(1, 2, 0)
    assert last.completion.model == "GigaChat:2.0.28.2"


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
async def test_finish_reason_is_kept(
    model: GigaChatModel, server: GigaChatServer, finish_reason: str
) -> None:
    server.finish_reason = finish_reason
    assert (await model.complete(QUESTION)).finish_reason == finish_reason
    assert (await read(model, QUESTION))[-1].completion.finish_reason == finish_reason


@pytest.mark.parametrize("arguments", [{"city": "Казань"}, '{"city": "Казань"}'])
@pytest.mark.parametrize("content", ["", None])
async def test_function_call(
    model: GigaChatModel, server: GigaChatServer, arguments: object, content: str | None
) -> None:
    wire = {
        "content": content,
        "function_call": {"name": "weather", "arguments": arguments},
        "functions_state_id": "state-1",
    }
    server.enqueue(wire, wire)
    options = GenerationOptions(functions=(WEATHER,), function_call="weather")
    whole = await model.complete(QUESTION, options)
    streamed = (await read(model, QUESTION, options))[-1].completion
    for completion in (whole, streamed):
        assert completion.function_call == CALL
        assert completion.functions_state_id == "state-1"
        assert completion.finish_reason == "function_call"
        assert completion.text == ""
    assert server.requests[0]["function_call"] == {"name": "weather"}
    assert server.requests[0]["functions"][0]["description"] == "Погода в городе"


async def test_a_function_s_answer_follows_its_call(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    await model.complete(
        [
            *QUESTION,
            Message("assistant", "", function_call=CALL, functions_state_id="state-1"),
            Message("function", '{"t": 5}', name="weather"),
        ]
    )
    assert server.requests[0]["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "function_call": {"name": "weather", "arguments": {"city": "Казань"}},
            "functions_state_id": "state-1",
        },
        {"role": "function", "content": '{"t": 5}', "name": "weather"},
    ]


async def test_models(model: GigaChatModel) -> None:
    models = await model.models()
    assert ModelInfo("GigaChat-2-Pro", "chat") in models
    assert ModelInfo("Embeddings", "embedder") in models


async def test_balance(model: GigaChatModel, server: GigaChatServer) -> None:
    assert await model.balance() == {"GigaChat": 900_000, "Embeddings": 5_000}
    server.balance = None
    with pytest.raises(AccessDenied):
        await model.balance()


async def test_embeddings_keep_the_order_of_texts(model: GigaChatModel) -> None:
    assert await model.embeddings(["море", "синее море"]) == [[0.04, 0.0, 0.5], [0.1, 0.1, 0.5]]


async def test_nothing_counts_nothing(model: GigaChatModel, server: GigaChatServer) -> None:
    assert await model.count_tokens([]) == 0
    assert not server.headers


async def test_names_itself_in_every_request(model: GigaChatModel, server: GigaChatServer) -> None:
    await model.models()
    assert all("User-Agent" in headers for headers in server.headers)
    assert "aiohttp" not in server.headers[-1]["User-Agent"]


@pytest.mark.parametrize(
    ("base_url", "api_url"),
    [
        ("https://gigachat.devices.sberbank.ru", "https://gigachat.devices.sberbank.ru/api/v1"),
        ("https://gigachat.devices.sberbank.ru/", "https://gigachat.devices.sberbank.ru/api/v1"),
        ("https://api.giga.chat", "https://api.giga.chat/v1"),
        ("https://api.giga.chat/v1/", "https://api.giga.chat/v1"),
        ("http://localhost:8080/gateway", "http://localhost:8080/gateway"),
    ],
)
def test_a_base_url_without_a_path_gets_its_host_s(base_url: str, api_url: str) -> None:
    assert GigaChatSettings(base_url=base_url).api_url == api_url


def test_parallel_requests_follow_the_scope() -> None:
    assert GigaChatSettings().parallel == 1
    assert GigaChatSettings(scope="GIGACHAT_API_CORP").parallel == 10
    assert GigaChatSettings(max_parallel=3).parallel == 3


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"GIGA_CLIENT_BASIC не задан: скопируй \.env\.example"):
        open_chat_model("gigachat")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GIGA_CLIENT_BASIC", "два слова"),
        ("GIGA_CLIENT_BASIC", "line\r\nX-Injected: 1"),
        ("GIGA_API_BASE_URL", "gigachat.devices.sberbank.ru"),
        ("GIGA_MAX_PARALLEL", "-7"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("GIGA_CLIENT_BASIC", "a2V5")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable) as caught:
        open_chat_model("gigachat")
    assert value not in str(caught.value)


async def test_a_backend_opens_it_with_another_model(
    monkeypatch: pytest.MonkeyPatch, server: GigaChatServer
) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    model = open_chat_model("gigachat", "GigaChat-2-Max")
    try:
        assert (await model.complete(QUESTION)).model == "GigaChat-2-Max:2.0.28.2"
    finally:
        await model.aclose()
