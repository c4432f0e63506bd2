"""Damaged replies: every client raises a ServiceError or returns the text, never anything else.

Each round sends a mutated reply over loopback. `REPLY_MUTATIONS=20000` runs as many in all.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from services.chat import ChatModel, Completion, Message
from services.errors import ServiceError
from services.gigachat import GigaChatModel, GigaChatSettings
from services.huggingface.client import HuggingFaceModel
from services.huggingface.config import HuggingFaceSettings
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings
from services.texts import describe_error
from services.transport import RetryPolicy
from tests.services.mutations import cut, encode, mutate, mutate_stream, paths, replaced

QUESTION = (Message("user", "Столица Франции?"),)
TEXT = "Париж 🥐, конечно."
MUTATIONS = int(os.environ.get("REPLY_MUTATIONS", "600"))
NO_RETRIES = RetryPolicy(retries=0)
Client = str

USAGE = {
    "prompt_tokens": 17,
    "completion_tokens": 3,
    "total_tokens": 20,
    "precached_prompt_tokens": 2,
    "prompt_tokens_details": {"cached_tokens": 2},
}
HEAD = {"id": "1", "created": 1768996174, "model": "m:2.0", "object": "chat.completion"}
CALL = {"name": "weather", "arguments": {"city": "Пермь"}}
TOOL_CALL = {
    "index": 0,
    "id": "call_x",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Пермь"}'},
}


def whole(finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": TEXT, **message}
    choice = {"message": said, "index": 0, "finish_reason": finish_reason}
    return {**HEAD, "choices": [choice], "usage": USAGE}


def chunk(**delta: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta}]}


def last(finish_reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": finish_reason}
    return {**HEAD, "choices": [choice], "usage": USAGE}


WORDS = [
    chunk(role="assistant", content="Париж "),
    chunk(content="🥐, "),
    chunk(content="конечно."),
]
WHOLE = [whole(), whole("function_call", content=None, function_call=CALL, functions_state_id="s")]
WHOLE += [whole("tool_calls", content=None, tool_calls=[TOOL_CALL])]
STREAMS: list[list[Any]] = [
    [*WORDS, last()],
    [*WORDS, last() | {"usage": None}, {**HEAD, "choices": [], "usage": USAGE}],
    [chunk(role="assistant", content="", function_call=CALL), last("function_call")],
    [chunk(role="assistant", tool_calls=[TOOL_CALL]), last("tool_calls")],
]


def parts(*content: Any, **more: Any) -> dict[str, Any]:
    """A reply, or an event, by version 2 of GigaChat's API."""
    return {**HEAD_2, "messages": [{"role": "assistant", "content": [*content]}], **more}


HEAD_2 = {"model": "m:2.0", "created_at": 1768996174}
USAGE_2 = {
    "input_tokens": 17,
    "input_tokens_details": {"prompt_tokens": 15, "cached_tokens": 2},
    "output_tokens": 3,
    "total_tokens": 20,
}
LAST_2 = {**HEAD_2, "finish_reason": "stop", "usage": USAGE_2}
CALLED_2 = {**HEAD_2, "finish_reason": "function_call", "usage": USAGE_2}
FILE = {"files": [{"id": "f-1", "mime": "image/jpeg", "target": "image"}]}
PAGES = {"inline_data": {"sources": {"2": {"url": "https://paris.fr", "title": "Париж"}}}}
WORDS_2 = [parts({"text": "Париж "}), parts({"text": "🥐, "}), parts({"text": "конечно."})]


@dataclass(frozen=True)
class Forms:
    """How a service writes replies. Only a field in `essential` may cost the text of an answer."""

    whole: list[Any]
    words: list[Any]
    last: Any
    streams: list[list[Any]]
    essential: set[str | int]


CHAT_COMPLETIONS = Forms(
    WHOLE, WORDS, last(), STREAMS, {"choices", "message", "content", "finish_reason", "error", 0}
)
GIGACHAT_V2 = Forms(
    [
        parts({"text": TEXT}, finish_reason="stop", usage=USAGE_2),
        parts({"function_call": CALL}, finish_reason="function_call", usage=USAGE_2),
        parts({"text": TEXT, **PAGES}, FILE, finish_reason="stop", usage=USAGE_2),
    ],
    WORDS_2,
    LAST_2,
    [
        [*WORDS_2, LAST_2],
        [*WORDS_2, parts(FILE), parts(PAGES), LAST_2],
        [parts({"function_call": CALL}), CALLED_2],
    ],
    {"messages", "content", "text", "role", "finish_reason", "error", 0},
)
CLIENTS = ["gigachat", "gigachat_v2", "huggingface", "openai"]


def forms_of(client: Client) -> Forms:
    return GIGACHAT_V2 if client == "gigachat_v2" else CHAT_COMPLETIONS


REFUSALS = [
    {"status": 422, "message": "Invalid params: temperature"},
    {"code": 6, "message": "credentials doesn't match db data"},
    {"error": {"message": "The model `x` does not exist.", "type": "t", "code": "c"}},
    {"error": "Model is currently loading", "estimated_time": 20.0, "error_type": "overloaded"},
]
RETRY_AFTER = ["-0000", "inf", "1e400", "nan", "-1", "11", "Thu, 01 Jan 2099 00:00:00 -0000", ""]


class ReplyServer:
    """Answers every chat request with `status`, `body` and `headers`; gives tokens out."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ReplyServer]:
        app = web.Application()
        app.router.add_post("/oauth", self._token)
        app.router.add_post("/{path:.*}", self._reply)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "t", "expires_at": 4_000_000_000_000})

    async def _reply(self, _: web.Request) -> web.Response:
        return web.Response(body=self.body, status=self.status, headers=self.headers)


def open_client(name: Client, url: str) -> ChatModel:
    if name.startswith("gigachat"):
        settings = GigaChatSettings(
            GIGA_API_VERSION="v2" if name == "gigachat_v2" else "v1",
            GIGA_CLIENT_BASIC="a2V5", GIGA_API_BASE_URL=f"{url}/api/v1",
            GIGA_AUTH_URL=f"{url}/oauth", GIGA_MAX_RETRIES=0, GIGA_READ_TIMEOUT=5,
        )  # fmt: skip
        return GigaChatModel(settings)
    if name == "huggingface":
        router = HuggingFaceSettings(base_url=f"{url}/v1", token="t", model="org/m", timeout=5)
        return HuggingFaceModel(router, retries=NO_RETRIES)
    server = OpenAICompatibleSettings(base_url=f"{url}/v1", api_key="t", model="m", timeout=5)
    return OpenAICompatibleModel(server, retries=NO_RETRIES)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    name: Client = request.param
    return name


class Scene:
    """One client with the server that it asks."""

    def __init__(self, server: ReplyServer, model: ChatModel, forms: Forms) -> None:
        self.server = server
        self.model = model
        self.forms = forms
        self.said = ""

    def answer(self, body: bytes, kind: str = "application/json", status: int = 200) -> None:
        self.server.body, self.server.status = body, status
        self.server.headers = {"Content-Type": kind}

    async def complete(self) -> Completion | ServiceError:
        """The answer, or the error if it is one of ours; anything else fails the test."""
        try:
            return await self.model.complete(QUESTION)
        except ServiceError as error:
            return checked(error)

    async def stream(self) -> Completion | ServiceError:
        """As `complete`; `said` is what was shown before the end."""
        self.said, completion = "", None
        stream = self.model.stream(QUESTION)
        try:
            async for piece in stream:
                self.said += piece.text
                completion = piece.completion
        except ServiceError as error:
            return checked(error)
        finally:
            await stream.aclose()
        assert completion is not None, "a stream without a completion is a BadResponse"
        assert completion.text == self.said
        return completion


@pytest.fixture
async def scene(client: Client) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ReplyServer().running())
        model = open_client(client, server.url)
        stack.push_async_callback(model.aclose)
        yield Scene(server, model, forms_of(client))


def checked(error: ServiceError) -> ServiceError:
    text = describe_error(error)
    assert "inf" not in text
    assert "Париж" not in f"{error} {text}", "errors hold no answer"
    return error


def check_completion(completion: Completion) -> None:
    completion.text.encode()
    assert completion.finish_reason in ("stop", "length", "function_call")
    assert isinstance(completion.model, str)
    usage = completion.usage
    if usage is not None:
        counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
        assert all(type(count) is int and count >= 0 for count in counts)
    if completion.function_call is not None:
        assert isinstance(completion.function_call.name, str)
        assert isinstance(completion.function_call.arguments, dict)


def events_of(payloads: list[Any], done: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + encode(payload) + b"\n\n" for payload in payloads) + done


def text_of(events: list[Any]) -> str:
    return "".join(text_in(event) for event in events)


def text_in(event: Any) -> str:
    if "messages" in event:
        return "".join(part.get("text", "") for part in event["messages"][0]["content"])
    if not event.get("choices"):
        return ""
    return event["choices"][0]["delta"].get("content") or ""


async def rounds(seed: str, play: Callable[[random.Random], Any]) -> None:
    """A fifth of the mutations for each of the five tests, over all clients each."""
    chance = random.Random(seed)
    for number in range(max(1, MUTATIONS // (5 * len(CLIENTS)))):
        state = chance.getstate()
        try:
            await play(chance)
        except BaseException:
            chance.setstate(state)
            print(f"{seed}, round {number}")  # noqa: T201
            raise


async def test_a_whole_answer(client: Client, scene: Scene) -> None:
    async def play(chance: random.Random) -> None:
        reply = chance.choice(scene.forms.whole)
        damaged, path = mutate(reply, chance)
        scene.answer(encode(damaged))
        result = await scene.complete()
        if isinstance(result, Completion):
            check_completion(result)
        plain = reply is scene.forms.whole[0]
        if plain and path and not scene.forms.essential.issuperset(path):
            assert isinstance(result, Completion), (path, damaged)
            assert result.text == TEXT

    await rounds(f"whole {client}", play)


async def test_an_answer_in_a_stream(client: Client, scene: Scene) -> None:
    async def play(chance: random.Random) -> None:
        events = chance.choice(scene.forms.streams)
        damaged, intact = mutate_stream(events, chance)
        scene.answer(events_of(damaged), "text/event-stream")
        result = await scene.stream()
        assert scene.said.startswith(text_of(events[:intact])), "text before the damage is shown"
        if isinstance(result, Completion):
            check_completion(result)

    await rounds(f"stream {client}", play)


async def test_a_cut_answer(client: Client, scene: Scene) -> None:
    async def play(chance: random.Random) -> None:
        if chance.random() < 0.5:
            scene.answer(cut(encode(scene.forms.whole[0]), chance))
            assert isinstance(await scene.complete(), ServiceError)
            return
        body = events_of(scene.forms.streams[0])
        scene.answer(cut(body, chance), "text/event-stream")
        result = await scene.stream()
        assert TEXT.startswith(scene.said.replace("\ufffd", ""))
        assert isinstance(result, ServiceError) or scene.said == TEXT

    await rounds(f"cut {client}", play)


async def test_a_refusal(client: Client, scene: Scene) -> None:
    async def play(chance: random.Random) -> None:
        damaged, _ = mutate(chance.choice(REFUSALS), chance)
        status = chance.choice((302, 400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 504, 599))
        scene.answer(encode(damaged), status=status)
        scene.server.headers["Retry-After"] = chance.choice(RETRY_AFTER)
        result = await (scene.stream() if chance.random() < 0.5 else scene.complete())
        assert isinstance(result, ServiceError)

    await rounds(f"refusal {client}", play)


async def test_an_error_inside_a_stream(client: Client, scene: Scene) -> None:
    async def play(chance: random.Random) -> None:
        damaged, _ = mutate(chance.choice(REFUSALS), chance)
        scene.answer(events_of([*scene.forms.words, damaged], b""), "text/event-stream")
        result = await scene.stream()
        assert isinstance(result, ServiceError)
        assert scene.said == TEXT or not isinstance(damaged, dict)

    await rounds(f"inside {client}", play)


SPOILT = [None, [], {}, "x", -1, True, [1], float("nan"), 10**30]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_what_only_accompanies_the_text_costs_no_answer(scene: Scene, streamed: bool) -> None:
    forms = scene.forms
    beside = ("usage", "model", "created", "created_at", "id")
    for path in [path for path in paths(forms.last) if path and path[0] in beside]:
        for value in SPOILT:
            if streamed:
                events = [*forms.words, replaced(forms.last, path, value)]
                scene.answer(events_of(events), "text/event-stream")
                result = await scene.stream()
            else:
                scene.answer(encode(replaced(forms.whole[0], path, value)))
                result = await scene.complete()
            assert isinstance(result, Completion), (path, value, result)
            assert result.text == TEXT
            check_completion(result)


@pytest.mark.parametrize("end", [b"data:[DONE]\n\n", b"data: [DONE]", b"data:  [DONE] \r\n\r\n"])
async def test_the_end_is_known_however_it_is_spaced(scene: Scene, end: bytes) -> None:
    body = events_of(scene.forms.streams[0], end)
    for spaced in (body, body.replace(b"data: {", b"data:{")):
        scene.answer(spaced, "text/event-stream")
        result = await scene.stream()
        assert isinstance(result, Completion), (end, result)
        assert result.text == TEXT


async def test_finish_reasons_of_any_type(scene: Scene) -> None:
    plain = scene.forms.whole[0]
    path = next(path for path in paths(plain) if path and path[-1] == "finish_reason")
    for reason in ([], ["stop"], {}, {"a": 1}, 0, 7, True, None, "eos", ""):
        scene.answer(encode(replaced(plain, path, reason)))
        result = await scene.complete()
        assert isinstance(result, Completion if reason else ServiceError), (reason, result)


async def test_half_a_surrogate_pair_costs_no_answer(scene: Scene) -> None:
    plain = json.dumps(scene.forms.whole[0], ensure_ascii=False)
    scene.answer(plain.replace(TEXT, "\\ud83d да").encode())
    result = await scene.complete()
    assert isinstance(result, Completion), result
    assert result.text == "\ufffd да"


async def test_a_slow_flood_of_bytes_without_a_line_end_costs_linear_time() -> None:
    from services.gigachat.events import EventDecoder

    decoder, loop = EventDecoder(), asyncio.get_running_loop()
    started = loop.time()
    with suppress(ServiceError):
        for _ in range(16_000):  # 8 MB; a copy of all for each packet would move 64 GB
            decoder.feed(b"x" * 512)
    assert loop.time() - started < 2
