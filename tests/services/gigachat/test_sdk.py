"""What our client sends, field by field beside what the official SDK sends for the same wishes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from gigachat import GigaChat

from services.chat import (
    FunctionCall,
    FunctionSpec,
    GenerationOptions,
    JsonFormat,
    Message,
    RegexFormat,
)
from services.gigachat import GigaChatModel
from tests.fakes.gigachat import CLIENT_BASIC, GigaChatServer

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Город"}},
    "required": ["city"],
}
SPEC = {"name": "weather", "description": "Погода в городе", "parameters": SCHEMA}
MESSAGES = [
    Message("system", "Ты — собеседник."),
    Message("user", "Какая погода в Казани?"),
    Message(
        "assistant",
        "",
        function_call=FunctionCall("weather", {"city": "Казань"}),
        functions_state_id="state-1",
    ),
    Message("function", '{"t": 5}', name="weather"),
]
OPTIONS = GenerationOptions(
    temperature=0.5,
    top_p=0.9,
    max_tokens=100,
    repetition_penalty=1.1,
    functions=(FunctionSpec("weather", "Погода в городе", SCHEMA),),
    function_call="weather",
    tools=("web_search", "code_interpreter", "url_content_extraction", "image_generate"),
    response_format=JsonFormat(SCHEMA),
    reasoning_effort="high",
)
CALL = {"name": "weather", "arguments": {"city": "Казань"}}
V1: dict[str, Any] = {
    "model": "GigaChat-2-Max",
    "messages": [
        {"role": "system", "content": "Ты — собеседник."},
        {"role": "user", "content": "Какая погода в Казани?"},
        {"role": "assistant", "content": "", "function_call": CALL,
         "functions_state_id": "state-1"},
        {"role": "function", "content": '{"t": 5}', "name": "weather"},
    ],
    "temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "repetition_penalty": 1.1,
    "functions": [SPEC],
    "function_call": {"name": "weather"},
    "response_format": {"type": "json_schema", "schema": SCHEMA, "strict": True},
    "reasoning_effort": "high",
}  # fmt: skip
V2: dict[str, Any] = {
    "model": "GigaChat-3-Ultra",
    "messages": [
        {"role": "system", "content": "Ты — собеседник."},
        {"role": "user", "content": "Какая погода в Казани?"},
        {"role": "assistant", "content": [{"function_call": CALL}], "tools_state_id": "state-1"},
        {"role": "tool",
         "content": [{"function_result": {"name": "weather", "result": {"t": 5}}}]},
    ],
    "model_options": {"temperature": 0.5, "top_p": 0.9, "max_tokens": 100,
                      "repetition_penalty": 1.1},
    "response_format": {"type": "json_schema", "schema": SCHEMA, "strict": True},
    "reasoning": {"effort": "high"},
    "tools": [
        {"web_search": {"type": "actual_info_web_search"}},
        "code_interpreter", "url_content_extraction", "image_generate",
        {"functions": {"specifications": [SPEC]}},
    ],
    "tool_config": {"mode": "forced", "function_name": "weather"},
}  # fmt: skip


@pytest.fixture
async def sdk(server: GigaChatServer) -> AsyncIterator[GigaChat]:
    async with GigaChat(
        credentials=CLIENT_BASIC,
        base_url=f"{server.url}/api/v1",
        auth_url=f"{server.url}/api/v2/oauth",
    ) as sdk:
        yield sdk


async def ask(server: GigaChatServer, model: str, options: GenerationOptions) -> None:
    async with GigaChatModel(server.settings(model=model)) as ours:
        await ours.complete(MESSAGES, options)
        async for _ in ours.stream(MESSAGES, options):
            pass


def check_same(server: GigaChatServer) -> None:
    """The bodies are equal, and so are the headers that both clients send."""
    ours, our_stream, theirs, their_stream = server.requests
    assert ours == theirs
    assert our_stream == their_stream
    assert our_stream["stream"] is True
    chats = [headers for headers in server.headers if "json" in headers.get("Content-Type", "")]
    assert {headers["Content-Type"] for headers in chats} == {"application/json"}
    assert all(headers["Authorization"].startswith("Bearer ") for headers in chats)


async def test_version_1(server: GigaChatServer, sdk: GigaChat) -> None:
    await ask(server, "GigaChat-2-Max", OPTIONS)
    await sdk.achat(V1)
    async for _ in sdk.astream(V1):
        pass
    check_same(server)


async def test_version_2(server: GigaChatServer, sdk: GigaChat) -> None:
    await ask(server, "GigaChat-3-Ultra", OPTIONS)
    await sdk.achat.create(V2)
    async for _ in sdk.achat.stream(V2):
        pass
    check_same(server)


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        (
            GenerationOptions(response_format=RegexFormat(r"[A-Z]{3}-\d{4}")),
            {"response_format": {"type": "regex", "regex": r"[A-Z]{3}-\d{4}"}},
        ),
        (
            GenerationOptions(tools=("web_search",), function_call="web_search"),
            {
                "tools": [{"web_search": {"type": "actual_info_web_search"}}],
                "tool_config": {"mode": "forced", "tool_name": "web_search"},
            },
        ),
    ],
    ids=["regex", "forced tool"],
)
async def test_more_wishes_of_version_2(
    server: GigaChatServer, sdk: GigaChat, options: GenerationOptions, wish: dict[str, Any]
) -> None:
    await ask(server, "GigaChat-3-Ultra", options)
    request = {"model": "GigaChat-3-Ultra", "messages": V2["messages"], **wish}
    await sdk.achat.create(request)
    async for _ in sdk.achat.stream(request):
        pass
    check_same(server)


async def test_the_sdk_reads_our_server(server: GigaChatServer, sdk: GigaChat) -> None:
    """So that the server which our client is tried against speaks as the SDK expects it."""
    server.enqueue("Привет!", "Привет, мир!")
    request = {"model": "GigaChat-3-Ultra", "messages": [{"role": "user", "content": "Привет"}]}
    reply = await sdk.achat.create(request)
    assert reply.messages[0].content[0].text == "Привет!"
    chunks = [chunk async for chunk in sdk.achat.stream(request)]
    texts = [
        part.text for chunk in chunks for item in chunk.messages or [] for part in item.content
    ]
    assert "".join(texts) == "Привет, мир!"
    assert chunks[-1].event == "response.message.done"
    assert chunks[-1].usage.output_tokens == 3


async def test_embeddings_models_counts_and_files(server: GigaChatServer, sdk: GigaChat) -> None:
    async with GigaChatModel(server.settings()) as ours:
        vectors = await ours.embeddings(["море", "синее море"])
        their_vectors = await sdk.aembeddings(["море", "синее море"])
        assert vectors == [item.embedding for item in their_vectors.data]
        models = await ours.models()
        assert [item.name for item in models] == [
            item.id_ for item in (await sdk.aget_models()).data
        ]
        file_id = await ours.upload_file(b"abc", "a.txt", "text/plain")
        other = await sdk.aupload_file(("a.txt", b"abc", "text/plain"))
        assert server.files[file_id] == server.files[other.id_]
