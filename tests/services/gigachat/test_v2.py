"""Version 2 of the chat API: what is asked, and what is made of answers of many forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from services.chat import (
    Chunk,
    Completion,
    FunctionCall,
    FunctionSpec,
    GeneratedFile,
    GenerationOptions,
    JsonFormat,
    Message,
    RegexFormat,
    Source,
    Usage,
    builtin_tools,
    file_content,
)
from services.errors import BadResponse, ContentRejected, ModelNotFound, QuotaExceeded
from services.gigachat import GigaChatModel, GigaChatSettings, ModelInfo
from services.texts import describe_error
from tests.fakes.gigachat import (
    DONE,
    Body,
    Broken,
    Fail,
    GigaChatServer,
    delta_v2,
    done_v2,
    event_v2,
)

QUESTION = [Message("user", "Что нового в Казани?")]
ULTRA = "GigaChat-3-Ultra"
WEATHER = FunctionSpec("weather", "Погода в городе", {"type": "object", "properties": {}})
CALL = FunctionCall("weather", {"city": "Казань"})
SCHEMA = {"type": "object", "properties": {"rooms": {"type": "integer"}}}


@pytest.fixture
async def model(server: GigaChatServer) -> AsyncIterator[GigaChatModel]:
    async with GigaChatModel(server.settings(model=ULTRA)) as model:
        yield model


async def read(model: GigaChatModel, options: GenerationOptions | None = None) -> list[Chunk]:
    async with aclosing(model.stream(QUESTION, options or GenerationOptions())) as stream:
        return [chunk async for chunk in stream]


async def both_ways(
    model: GigaChatModel, server: GigaChatServer, message: dict[str, Any]
) -> list[Completion]:
    """The same answer, whole and streamed."""
    server.enqueue(message, message)
    streamed = (await read(model))[-1].completion
    assert streamed is not None
    return [streamed, await model.complete(QUESTION)]


@pytest.mark.parametrize(
    ("chosen", "name", "version"),
    [
        ("auto", "GigaChat", "v1"),
        ("auto", "GigaChat-2", "v1"),
        ("auto", "GigaChat-2-Max", "v1"),
        ("auto", "GigaChat-3-Ultra", "v2"),
        ("auto", "GigaChat-3-Ultra:32.3.18.5", "v2"),
        ("auto", "GigaChat-3.5-Pro", "v2"),
        ("auto", "GigaChat-10", "v2"),
        ("v1", "GigaChat-3-Ultra", "v1"),
        ("v2", "GigaChat-2-Max", "v2"),
    ],
)
async def test_the_version_goes_by_the_model(
    server: GigaChatServer, chosen: str, name: str, version: str
) -> None:
    settings = GigaChatSettings(**{**server.environment, "GIGA_API_VERSION": chosen}, model=name)
    assert settings.chat_version == version
    assert settings.chat_url == f"{server.url}/api/{version}/chat/completions"
    async with GigaChatModel(settings) as model:
        assert bool(builtin_tools(model)) == (version == "v2")


@pytest.mark.parametrize(
    ("base_url", "chat_url"),
    [
        ("https://api.giga.chat", "https://api.giga.chat/v2/chat/completions"),
        ("https://api.giga.chat/v1", "https://api.giga.chat/v2/chat/completions"),
        ("https://host/api/v2/", "https://host/api/v2/chat/completions"),
        ("https://host/gateway", "https://host/gateway/chat/completions"),
    ],
)
def test_the_version_in_an_address_gives_way(base_url: str, chat_url: str) -> None:
    settings = GigaChatSettings(base_url=base_url, model=ULTRA)
    assert settings.chat_url == chat_url
    assert not settings.api_url.endswith("v2")


async def test_messages_are_made_of_parts(model: GigaChatModel, server: GigaChatServer) -> None:
    await model.complete(
        [
            Message("system", "Ты — собеседник."),
            *QUESTION,
            Message("system", "Говори кратко."),
            Message("assistant", "", function_call=CALL, functions_state_id="state-1"),
            Message("function", '{"t": 5}', name="weather"),
            Message("assistant", "Сейчас узнаю.", function_call=CALL),
            Message("function", "[1, 2]", name="weather"),
        ]
    )
    call = {"function_call": {"name": "weather", "arguments": {"city": "Казань"}}}
    assert server.requests[0] == {
        "model": ULTRA,
        "messages": [
            {"role": "system", "content": [{"text": "Ты — собеседник.\n\nГовори кратко."}]},
            {"role": "user", "content": [{"text": "Что нового в Казани?"}]},
            {"role": "assistant", "content": [call], "tools_state_id": "state-1"},
            {
                "role": "tool",
                "content": [{"function_result": {"name": "weather", "result": {"t": 5}}}],
            },
            {"role": "assistant", "content": [{"text": "Сейчас узнаю."}, call]},
            {
                "role": "tool",
                "content": [{"function_result": {"name": "weather", "result": {"result": [1, 2]}}}],
            },
        ],
    }


async def test_options_go_where_version_2_has_them(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    options = GenerationOptions(
        temperature=0, top_p=0.5, top_k=3, max_tokens=7, repetition_penalty=1.1, stop=("!",),
        functions=(WEATHER,), function_call="weather", tools=("web_search", "image_generate"),
        response_format=JsonFormat(SCHEMA), reasoning_effort="high",
    )  # fmt: skip
    await model.complete(QUESTION, options)
    await model.complete(QUESTION, replace(options, function_call="web_search"))
    await model.complete(QUESTION, replace(options, function_call="auto"))
    first, forced, free = server.requests
    assert first["model_options"] == {
        "temperature": 0.001,
        "top_p": 0.5,
        "max_tokens": 7,
        "repetition_penalty": 1.1,
        "response_format": {"type": "json_schema", "schema": SCHEMA, "strict": True},
        "reasoning": {"effort": "high"},
    }
    specification = {
        "name": "weather",
        "description": "Погода в городе",
        "parameters": {"type": "object", "properties": {}},
    }
    assert first["tools"] == [
        {"web_search": {"type": "actual_info_web_search"}},
        {"image_generate": {}},
        {"functions": {"specifications": [specification]}},
    ]
    assert first["tool_config"] == {"mode": "forced", "function_name": "weather"}
    assert forced["tool_config"] == {"mode": "forced", "tool_name": "web_search"}
    assert free["tool_config"] == {"mode": "auto"}


async def test_an_answer_by_regex(model: GigaChatModel, server: GigaChatServer) -> None:
    await model.complete(QUESTION, GenerationOptions(response_format=RegexFormat(r"[A-Z]{3}")))
    assert server.requests[0]["model_options"] == {
        "response_format": {"type": "regex", "regex": "[A-Z]{3}"}
    }


async def test_version_1_has_its_own_words_for_them(server: GigaChatServer) -> None:
    settings = server.settings(reasoning_effort="low")
    options = GenerationOptions(response_format=JsonFormat(SCHEMA, strict=False))
    async with GigaChatModel(settings) as model:
        await model.complete(QUESTION, options)
        await model.complete(QUESTION, GenerationOptions(response_format=RegexFormat("a")))
    request = server.requests[0]
    assert request["response_format"] == {"type": "json_schema", "schema": SCHEMA, "strict": False}
    assert request["reasoning_effort"] == "low"
    assert "response_format" not in server.requests[1]


async def test_the_settings_choose_the_effort_of_reasoning(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings(model=ULTRA, reasoning_effort="low")) as model:
        await model.complete(QUESTION)
        await model.complete(QUESTION, GenerationOptions(reasoning_effort="high"))
    efforts = [request["model_options"]["reasoning"]["effort"] for request in server.requests]
    assert efforts == ["low", "high"]


async def test_a_function_call_with_its_state(model: GigaChatModel, server: GigaChatServer) -> None:
    call = {"name": "weather", "arguments": {"city": "Казань"}}
    for completion in await both_ways(
        model, server, {"content": "", "function_call": call, "tool_state_id": "state-1"}
    ):
        assert completion.function_call == CALL
        assert completion.functions_state_id == "state-1"
        assert completion.finish_reason == "function_call"
        assert completion.text == ""
        assert completion.model == f"{ULTRA}:32.3.18.5"


async def test_usage_of_version_2(model: GigaChatModel) -> None:
    start = [Message("system", "Ты — собеседник, и давно."), *QUESTION]
    first = await model.complete(start)
    second = await model.complete(
        [*start, Message("assistant", first.text), Message("user", "А ещё?")]
    )
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.cached_tokens >= first.usage.prompt_tokens > 0


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}, Usage(5, 2)),
        ({"input_tokens_details": {"prompt_tokens": 5}, "output_tokens": 2}, Usage(5, 2)),
        ({"output_tokens": 2, "total_tokens": 7}, Usage(5, 2)),
        ({"input_tokens": 5, "total_tokens": 7}, Usage(5, 2)),
        (
            {
                "input_tokens": 5,
                "input_tokens_details": {"prompt_tokens": 3, "cached_tokens": 2, "x": 1},
                "output_tokens": 2,
            },
            Usage(5, 2, 2),
        ),
        ({"total_tokens": 7}, None),
        ({"output_tokens": 9, "total_tokens": 7}, None),
        (None, None),
    ],
)
async def test_counts_that_are_left_out(
    model: GigaChatModel, server: GigaChatServer, usage: Any, counts: Usage | None
) -> None:
    reply = {
        "messages": [{"role": "assistant", "content": [{"text": "Да"}]}],
        "finish_reason": "stop",
        "usage": usage,
    }
    server.enqueue(Body(json.dumps(reply).encode()))
    completion = await model.complete(QUESTION)
    assert completion.usage == counts
    assert completion.model == ULTRA, "where the reply names no model"


async def test_files_and_sources(model: GigaChatModel, server: GigaChatServer) -> None:
    picture = {"files": [{"id": "f-1", "mime": "image/jpeg", "target": "image"}]}
    pages = {"sources": {"2": {"url": "https://kzn.ru", "title": "Казань"}, "3": {"title": "?"}}}
    cited = {"text": "Открыли мост [sources=[2]].", "inline_data": pages}
    for completion in await both_ways(model, server, {"content": [cited, picture]}):
        assert completion.text == "Открыли мост [sources=[2]]."
        assert completion.files == (GeneratedFile("f-1", "image/jpeg", "image"),)
        assert completion.sources == (Source("2", "https://kzn.ru", "Казань"),)
    for completion in await both_ways(model, server, {"content": [picture]}):
        assert completion.text == ""
        assert completion.files


async def test_a_picture_beside_the_call_that_made_it(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    parts = [{"function_call": {"name": "image_generate"}}, {"files": [{"id": "f-1"}]}]
    reply = {"messages": [{"role": "assistant", "content": parts}], "finish_reason": "stop"}
    server.enqueue(Body(json.dumps(reply).encode()))
    completion = await model.complete(QUESTION)
    assert completion.files == (GeneratedFile("f-1"),)
    assert completion.function_call is None


async def test_an_own_function_may_bear_a_tool_s_name(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    own = replace(WEATHER, name="web_search")
    await model.complete(QUESTION, GenerationOptions(functions=(own,), function_call="web_search"))
    assert server.requests[0]["tool_config"] == {"mode": "forced", "function_name": "web_search"}


WHOLE_FORMS: list[dict[str, Any]] = [
    {"messages": [{"role": "assistant", "content": "Да, это так."}]},
    {"messages": [{"role": "assistant", "content": {"text": "Да, это так."}}]},
    {"messages": [{"content": [{"text": "Да, "}, {"text": "это так."}]}]},
    {"messages": [{"content": ["Да, ", {"text": "это так."}, None, {"what": "ever"}]}]},
    {"messages": [{"content": [{"text": "Да, "}]}, {"content": [{"text": "это так."}]}]},
    {
        "messages": [
            {"role": "reasoning", "content": [{"text": "Надо подумать."}]},
            {"role": "assistant", "message_id": "1", "content": [{"text": "Да, это так."}]},
            {"role": "tool", "content": [{"function_result": {"name": "f", "result": {}}}]},
        ]
    },
    {
        "thread_id": "1", "tool_execution": {"name": "web_search", "status": "success"},
        "additional_data": [{"a": 1}], "created": 5, "model": "",
        "messages": [
            {"role": "assistant", "content": [{"function_call": {"name": "web_search"}}]},
            {"role": "assistant", "content": [{"text": "Да, это так.", "inline_data": {
                "widgets": [{}], "images": [{}], "sources": [{"url": "https://a.ru"}, 5]}}]},
        ],
    },
]  # fmt: skip


@pytest.mark.parametrize("reply", WHOLE_FORMS)
@pytest.mark.parametrize("inside", [False, True], ids=["reason beside", "reason inside"])
async def test_whole_replies_of_many_forms(
    model: GigaChatModel, server: GigaChatServer, reply: dict[str, Any], inside: bool
) -> None:
    reply = json.loads(json.dumps(reply))
    (reply["messages"][-1] if inside else reply)["finish_reason"] = "stop"
    server.enqueue(Body(json.dumps(reply).encode()))
    completion = await model.complete(QUESTION)
    assert completion.text == "Да, это так."
    assert completion.function_call is None, "the service calls its own tools itself"
    assert completion.model == ULTRA


def delta(text: str, **message: Any) -> bytes:
    return delta_v2(ULTRA, {"text": text}, **message)


STREAM_FORMS: list[list[bytes]] = [
    [delta("Да, "), delta("это так."), done_v2(ULTRA, "stop")],
    [delta("Да, "), delta("это так."), done_v2(ULTRA, "stop"), DONE],
    [delta("Да, "), delta("это так.", finish_reason="stop")],
    [delta(""), delta_v2(ULTRA), delta("Да, это так."), delta(""), done_v2(ULTRA, "stop")],
    [
        event_v2("response.created", {"model": "", "messages": []}),
        event_v2("response.tool.in_progress", {"tool_execution": {"seconds_left": 3}}),
        delta_v2(ULTRA, {"text": "Думаю."}, role="reasoning"),
        event_v2("x", {"messages": [{"content": [{"text": " Ещё."}]}]}),
        event_v2("response.tool.completed", {"tool_execution": {"status": "success"}}),
        b": keep-alive\n\n",
        delta("Да, это так."),
        event_v2("response.message.done", {"messages": [{"finish_reason": "stop"}]}),
        event_v2("usage", {"usage": {"input_tokens": 3, "output_tokens": 4}}),
    ],
    [
        delta("Да, это так."),
        event_v2(
            "response.message.done",
            {
                "messages": [{"role": "assistant", "content": [{"text": "Да, это так."}]}],
                "finish_reason": "stop",
            },
        ),
    ],
    [(delta("Да, ") + delta("это так.") + done_v2(ULTRA, "stop")).replace(b"\n", b"\r\n").rstrip()],
]


@pytest.mark.parametrize("packets", STREAM_FORMS)
async def test_streams_of_many_forms(
    model: GigaChatModel, server: GigaChatServer, packets: list[bytes]
) -> None:
    server.enqueue(Broken(packets))
    chunks = await read(model)
    assert "".join(chunk.text for chunk in chunks) == "Да, это так."
    assert chunks[-1].completion is not None
    assert chunks[-1].completion.text == "Да, это так."
    assert [chunk.completion for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


@pytest.mark.parametrize("end", ["reset", "hang"])
async def test_an_answer_that_has_ended_is_not_lost(
    server: GigaChatServer, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gigachat.client.AFTER_END", 0.2)
    server.enqueue(Broken([delta("Да."), done_v2(ULTRA, "stop")], end))
    async with GigaChatModel(server.settings(model=ULTRA)) as model:
        chunks = await asyncio.wait_for(read(model), 5)
    assert chunks[-1].completion is not None
    assert chunks[-1].completion.text == "Да."


async def test_arguments_of_a_call_in_pieces(model: GigaChatModel, server: GigaChatServer) -> None:
    pieces = [{"name": "weather", "arguments": '{"city": '}, {"arguments": '"Казань"}'}]
    deltas = [delta_v2(ULTRA, {"function_call": piece}) for piece in pieces]
    other = delta_v2(ULTRA, {"function_call": {"name": "time", "arguments": {}}})
    server.enqueue(Broken([*deltas, other, done_v2(ULTRA, "function_call")]))
    completion = (await read(model))[-1].completion
    assert completion is not None
    assert completion.function_call == CALL, "one call is all that is asked for"


async def test_a_call_in_the_message_itself(model: GigaChatModel, server: GigaChatServer) -> None:
    call = {"name": "weather", "arguments": '{"city": "Казань"}'}
    reply = {
        "messages": [{"role": "assistant", "function_call": call, "functions_state_id": "s"}],
        "finish_reason": "function_call",
    }
    server.enqueue(Body(json.dumps(reply).encode()))
    completion = await model.complete(QUESTION)
    assert completion.function_call == CALL
    assert completion.functions_state_id == "s"


async def test_a_censored_tool_is_told(model: GigaChatModel, server: GigaChatServer) -> None:
    execution = {"name": "image_generate", "status": "fail", "censored": True}
    tool = event_v2("response.tool.completed", {"tool_execution": execution})
    server.enqueue(Broken([tool, done_v2(ULTRA, "stop")]))
    with pytest.raises(ContentRejected):
        await read(model)


@pytest.mark.parametrize("streamed", [False, True], ids=["complete", "stream"])
@pytest.mark.parametrize("status", [402, 404])
async def test_a_model_out_of_the_plan_is_explained(
    model: GigaChatModel, server: GigaChatServer, status: int, streamed: bool
) -> None:
    server.excluded = {ULTRA: status}
    with pytest.raises((ModelNotFound, QuotaExceeded)) as caught:
        await (read(model) if streamed else model.complete(QUESTION))
    assert caught.value.model == ULTRA
    assert "GigaChat-2-Pro" in caught.value.available
    assert ULTRA not in caught.value.available
    assert "Embeddings" not in caught.value.available
    text = describe_error(caught.value)
    assert text.startswith(f"Модель {ULTRA} ")
    assert "не входит в тариф" in text
    assert "бесплатном тарифе" in text
    assert "например: GigaChat, GigaChat-2" in text
    assert ("Пополни баланс" in text) == (status == 402)


async def test_a_refused_model_is_told_without_a_list_too(server: GigaChatServer) -> None:
    settings = server.settings(model="GigaChat-7-Nano", max_retries=0)
    async with GigaChatModel(settings) as model:
        await model.models()
        server.enqueue(Fail(404))
        server._models = None  # type: ignore[assignment,method-assign]
        with pytest.raises(ModelNotFound) as caught:
            await model.complete(QUESTION)
    assert "GigaChat-7-Nano" in describe_error(caught.value)


async def test_the_list_of_models_is_the_plan_s(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    assert ModelInfo(ULTRA, "chat") in await model.models()
    server.excluded = {ULTRA: 404}
    assert ModelInfo(ULTRA, "chat") not in await model.models()


async def test_a_file_there_and_back(model: GigaChatModel, server: GigaChatServer) -> None:
    content = bytes(range(256)) * 10
    file_id = await model.upload_file(content, 'плохое "имя"\r\n.jpg', "image/jpeg")
    assert server.files == {file_id: content}
    assert await file_content(model, GeneratedFile(file_id)) == content
    await model.delete_file(file_id)
    with pytest.raises(ModelNotFound):
        await model.file_content(file_id)


async def test_a_file_is_bounded(
    model: GigaChatModel, server: GigaChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["f"] = b"x" * 1000
    monkeypatch.setattr("services.gigachat.client.MAX_FILE", 999)
    with pytest.raises(BadResponse):
        await model.file_content("f")
    monkeypatch.setattr("services.gigachat.client.MAX_FILE", 1000)
    assert len(await model.file_content("f")) == 1000


@pytest.mark.parametrize("file_id", ["", "..", "../models", "a/b", "a?b", "a\r\nb", "x" * 300])
async def test_an_id_that_is_no_id_goes_into_no_address(
    model: GigaChatModel, server: GigaChatServer, file_id: str
) -> None:
    with pytest.raises(BadResponse):
        await model.file_content(file_id)
    assert not server.headers


async def test_an_uploaded_file_survives_a_second_try(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    await model.models()
    server.revoke()
    assert server.files[await model.upload_file(b"abc", "a.txt", "text/plain\r\nX: 1")] == b"abc"
