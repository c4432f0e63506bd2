"""Every fault becomes one of the project's errors; no text is ever doubled or leaked."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chat import Completion, Message
from services.errors import (
    AccessDenied,
    AuthError,
    BadRequest,
    BadResponse,
    Busy,
    ContentRejected,
    ContextTooLong,
    ModelNotFound,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    Timeout,
    Unavailable,
)
from services.gigachat import GigaChatModel, reply_v2
from services.gigachat.events import MAX_EVENT, EventDecoder
from services.gigachat.reply import (
    StreamedAnswer,
    parse_balance,
    parse_completion,
    parse_embeddings,
    parse_models,
    parse_token_counts,
)
from services.texts import describe_error
from tests.fakes.gigachat import (
    CLIENT_BASIC,
    DONE,
    Body,
    Broken,
    Fail,
    GigaChatServer,
    Hang,
    Reply,
    delta_event,
    delta_v2,
    done_v2,
    event,
    stream_events,
)

SECRET = "пароль от сейфа 1234"
QUESTION = [Message("user", SECRET)]


class Form:
    """How one version of the API writes replies, for the table of faults."""

    def __init__(self, version: str) -> None:
        self.second = version == "v2"
        self.start = self.delta("Нача")
        self.end = self.delta("ло", "stop")

    def delta(self, content: Any, finish_reason: str = "") -> bytes:
        """An event with a piece of text, which may also be the last one."""
        if not self.second:
            choice = {"finish_reason": finish_reason} if finish_reason else {}
            return delta_event("GigaChat", {"content": content}, choice=choice)
        event = delta_v2("GigaChat-3-Ultra", {"text": content})
        return event + (done_v2("GigaChat-3-Ultra", finish_reason) if finish_reason else b"")

    def last(self, finish_reason: str) -> bytes:
        """An event with the finish reason alone."""
        if self.second:
            return done_v2("GigaChat-3-Ultra", finish_reason)
        return delta_event("GigaChat", {}, choice={"finish_reason": finish_reason}) + DONE

    def whole(self, content: Any, call: Any = None, **more: Any) -> Body:
        """A whole reply; `more` replaces its fields."""
        if not self.second:
            message = {"content": content} | ({"function_call": call} if call else {})
            reply = {"choices": [{"message": message, "finish_reason": "stop"}]}
        else:
            parts = [{"text": content}] + ([{"function_call": call}] if call else [])
            reply = {"messages": [{"role": "assistant", "content": parts}], "finish_reason": "stop"}
        return Body(json.dumps(reply | more).encode())


def in_one_day() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


STATUSES: list[tuple[Reply, type[ServiceError]]] = [
    (Fail(400), BadRequest),
    (Fail(401), AuthError),
    (Fail(402), QuotaExceeded),
    (Fail(403), AccessDenied),
    (Fail(404), ModelNotFound),
    (Fail(413), ContextTooLong),
    (Fail(422), BadRequest),
    (Fail(429), RateLimited),
    (Fail(429, {"Retry-After": "30"}), RateLimited),
    (Fail(429, {"Retry-After": in_one_day()}), RateLimited),
    (Fail(500), Unavailable),
    (Fail(504), Timeout),
    (Fail(302, {"Location": "/elsewhere"}), BadResponse),
    (Body(b"<html>Bad gateway</html>", "text/html", 502), Unavailable),
    (Body(b"[1, 2]", status=429), RateLimited),
    (Body(b"<html>Hello</html>", "text/html"), BadResponse),
    (Broken([], "reset"), Unavailable),
    (Hang(), Timeout),
]
V1, V2 = Form("v1"), Form("v2")
EXPIRED = {"status": 401, "message": "Token has expired"}


def bodies(form: Form) -> list[tuple[Reply, type[ServiceError]]]:
    return [
        (Body(b""), BadResponse),
        (Body(b"[1, 2]"), BadResponse),
        (Body(b"[" * 100_000), BadResponse),
        (Body(b"\xff\xfe{}"), BadResponse),
        (Body(b"{}"), BadResponse),
        (Body(b'{"choices": []}'), BadResponse),
        (Body(b'{"choices": [null]}'), BadResponse),
        (Body(b'{"choices": [{"finish_reason": "stop"}]}'), BadResponse),
        (Body(b'{"choices": [{"message": {"content": "a"}}]}'), BadResponse),
        (Body(b'{"messages": [], "finish_reason": "stop"}'), BadResponse),
        (Body(b'{"messages": [null], "finish_reason": "stop"}'), BadResponse),
        (Body(b'{"messages": 5, "finish_reason": "stop"}'), BadResponse),
        (Body(b'{"messages": [{"role": "assistant"}], "finish_reason": "stop"}'), BadResponse),
        (Body(b'{"messages": [{"content": 5}], "finish_reason": "stop"}'), BadResponse),
        (Body(b'{"messages": [{"content": [{"text": "a"}]}]}'), BadResponse),
        (Body(json.dumps(EXPIRED).encode()), Unavailable),
        (Body(json.dumps({"error": EXPIRED}).encode()), Unavailable),
        (form.whole(None), BadResponse),
        (form.whole(5), BadResponse),
        (form.whole("", {"arguments": {}}, finish_reason="function_call"), BadResponse),
        (form.whole("", {"name": "f", "arguments": "{"}), BadResponse),
        (form.whole("", {"name": "f", "arguments": "[1]"}), BadResponse),
        (Broken([b'{"choices": [{'], "reset"), Unavailable),
        (Broken([b'{"choices": [{'], "hang"), Timeout),
    ]


def streams(form: Form) -> list[tuple[Reply, type[ServiceError]]]:
    start = form.start
    return [
        (Broken([b": nothing\n\n"]), BadResponse),
        (Broken([start]), BadResponse),
        (Broken([start, b'data: {"choices": ['], "clean"), BadResponse),
        (Broken([start, b'event: response.message.done\ndata: {"fin'], "clean"), BadResponse),
        (Broken([start, DONE]), BadResponse),
        (Broken([start], "reset"), Unavailable),
        (Broken([start], "hang"), Timeout),
        (Broken([start, event(EXPIRED)]), Unavailable),
        (Broken([start, event({"status": 429, "message": SECRET})]), RateLimited),
        (Broken([start, b"event: error\n", event({"error": {"code": 500}})]), Unavailable),
        (Broken([start, b"data: oops\n\n"]), BadResponse),
        (Broken([start, b"data: [1]\n\n"]), BadResponse),
        (Broken([start, event({"choices": [{}]})]), BadResponse),
        (Broken([start, event({"messages": {}})]), BadResponse),
        (Broken([start, form.delta(5)]), BadResponse),
        (Broken([form.delta(None), DONE]), BadResponse),
        (Broken([form.last("stop")]), BadResponse),
        (Broken([start, form.last("blacklist")]), ContentRejected),
        (Broken([start, form.last("error")]), BadResponse),
        *([] if form.second else [(Broken([start, form.end]), BadResponse)]),
    ]


def both(table: Callable[[Form], list[tuple[Reply, type[ServiceError]]]]) -> list[Any]:
    return [
        pytest.param(version, *row, id=f"{version}-{number}")
        for version, form in (("v1", V1), ("v2", V2))
        for number, row in enumerate(table(form))
    ]


async def fail(
    server: GigaChatServer, streamed: bool, *replies: Reply, version: str = "v1"
) -> tuple[ServiceError, str]:
    """Ask, with no second try; return the error and the text that came before it."""
    said: list[str] = []
    server.enqueue(*replies)
    settings = server.settings(
        max_retries=0, read_timeout=0.3, answer_timeout=1.0, api_version=version
    )
    async with GigaChatModel(settings) as model:
        with pytest.raises(ServiceError) as caught:
            await (read(model, said) if streamed else model.complete(QUESTION))
    return caught.value, "".join(said)


async def read(model: GigaChatModel, said: list[str]) -> None:
    async with aclosing(model.stream(QUESTION)) as stream:
        async for chunk in stream:
            said.append(chunk.text)


def check_is_discreet(error: ServiceError, log: str) -> None:
    text = describe_error(error)
    assert re.search("[а-я]", text)
    assert str(error) not in text
    for secret in (SECRET, CLIENT_BASIC, "Bearer", "Нача"):
        assert secret not in f"{error} {text} {log}"


@pytest.mark.parametrize("streamed", [False, True], ids=["complete", "stream"])
@pytest.mark.parametrize(("reply", "kind"), STATUSES)
async def test_statuses(
    server: GigaChatServer,
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    kind: type[ServiceError],
    streamed: bool,
    version: str,
) -> None:
    error, said = await fail(server, streamed, reply, reply, version=version)
    assert type(error) is kind or (kind is AuthError and isinstance(error, AuthError))
    assert said == ""
    check_is_discreet(error, caplog.text)


@pytest.mark.parametrize(("version", "reply", "kind"), both(bodies))
async def test_answers_that_are_none(
    server: GigaChatServer,
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    kind: type[ServiceError],
    version: str,
) -> None:
    error, _ = await fail(server, False, reply, version=version)
    assert isinstance(error, kind)
    assert len(server.requests) == 1
    check_is_discreet(error, caplog.text)


@pytest.mark.parametrize(("version", "reply", "kind"), both(streams))
async def test_streams_that_break(
    server: GigaChatServer,
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    kind: type[ServiceError],
    version: str,
) -> None:
    error, said = await fail(server, True, reply, version=version)
    assert isinstance(error, kind)
    assert said in ("", "Нача", "Начало")
    assert len(server.requests) == 1
    check_is_discreet(error, caplog.text)


async def test_blacklist_of_a_whole_answer(server: GigaChatServer, version: str) -> None:
    server.finish_reason = "blacklist"
    error, _ = await fail(server, False, version=version)
    assert isinstance(error, ContentRejected)


async def test_an_invalid_parameter_is_named_but_not_quoted(server: GigaChatServer) -> None:
    message = f"Invalid params: temperature of {SECRET} is out of range"
    error, _ = await fail(server, False, Fail(422, message=message))
    assert "about temperature" in str(error)
    assert SECRET not in str(error)


async def test_an_error_names_the_request(server: GigaChatServer) -> None:
    error, _ = await fail(server, False, Fail(500))
    assert server.headers[-1]["X-Request-ID"] in str(error)


async def test_nobody_listens(server: GigaChatServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with GigaChatModel(server.settings(GIGA_API_BASE_URL=base_url, max_retries=0)) as m:
            with pytest.raises(Unavailable):
                await m.complete(QUESTION)


async def test_not_http(server: GigaChatServer) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(babble, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, GigaChatModel(server.settings(GIGA_API_BASE_URL=base_url)) as model:
        with pytest.raises(BadResponse):
            await model.complete(QUESTION)


@pytest.mark.parametrize("fault", [Fail(500), Fail(429, {"Retry-After": "0"}), Broken([], "reset")])
async def test_what_may_pass_is_tried_again(
    server: GigaChatServer, model: GigaChatModel, fault: Reply
) -> None:
    server.enqueue(fault, "Ответ")
    assert (await model.complete(QUESTION)).text == "Ответ"
    assert len(server.requests) == 2


async def test_tries_share_one_request_id(server: GigaChatServer, model: GigaChatModel) -> None:
    server.enqueue(Fail(500), "Ответ")
    await model.complete(QUESTION)
    assert len({headers["X-Request-ID"] for headers in server.headers[1:]}) == 1


async def test_tries_come_to_an_end(
    server: GigaChatServer, model: GigaChatModel, caplog: pytest.LogCaptureFixture
) -> None:
    server.enqueue(*[Fail(429, {"Retry-After": "0"})] * 5)
    with caplog.at_level(logging.WARNING), pytest.raises(RateLimited):
        await model.complete(QUESTION)
    assert len(server.requests) == 3
    assert len(caplog.records) == 2


async def test_a_long_wait_is_told_not_made(server: GigaChatServer, model: GigaChatModel) -> None:
    server.enqueue(Fail(429, {"Retry-After": "300"}))
    with pytest.raises(RateLimited) as caught:
        await model.complete(QUESTION)
    assert caught.value.retry_after == 300
    assert "5 мин" in describe_error(caught.value)
    assert len(server.requests) == 1


async def test_a_hanging_request_is_sent_once(server: GigaChatServer) -> None:
    server.enqueue(Hang())
    async with GigaChatModel(server.settings(answer_timeout=0.5)) as model:
        with pytest.raises(Timeout):
            await model.complete(QUESTION)
    assert len(server.requests) == 1


async def test_a_whole_answer_may_take_longer_than_a_piece(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings(read_timeout=0.3)) as model:
        await model.models()  # brings the token
        server.latency = lambda: 0.6
        assert (await model.complete(QUESTION)).text
        with pytest.raises(Timeout):
            await model.models()


async def test_an_endless_stream_meets_the_deadline(server: GigaChatServer) -> None:
    server.answer = lambda _: "и так далее " * 1000
    server.chunk_delay = 0.02
    async with GigaChatModel(server.settings(answer_timeout=0.5)) as model:
        with pytest.raises(Timeout):
            await read(model, [])


async def test_requests_at_once_are_bounded(server: GigaChatServer) -> None:
    server.chunk_delay = 0.001
    async with GigaChatModel(server.settings(max_parallel=3)) as model:
        await asyncio.gather(*(model.complete(QUESTION) for _ in range(12)))
        assert server.peak <= 3


async def left(server: GigaChatServer) -> None:
    """Wait until the server has seen its consumer leave."""

    async def poll() -> None:
        while server.active or not server.interrupted:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 5)


@pytest.fixture
def endless(server: GigaChatServer) -> GigaChatServer:
    server.answer = lambda _: "и так далее " * 1000
    server.chunk_delay = 0.01
    return server


async def test_a_consumer_that_leaves_frees_the_slot(
    endless: GigaChatServer, model: GigaChatModel
) -> None:
    async with aclosing(model.stream(QUESTION)) as stream:
        await stream.__anext__()
    await left(endless)
    endless.enqueue("Ответ")
    assert (await asyncio.wait_for(model.complete(QUESTION), 5)).text == "Ответ"


async def test_a_dropped_stream_frees_the_slot(
    endless: GigaChatServer, model: GigaChatModel
) -> None:
    async for _ in model.stream(QUESTION):
        break
    await left(endless)
    endless.enqueue("Ответ")
    assert (await asyncio.wait_for(model.complete(QUESTION), 5)).text == "Ответ"


@pytest.mark.parametrize("reply", [Hang(), Broken([V1.start], "hang")])
async def test_a_cancelled_task_frees_the_slot(
    server: GigaChatServer, model: GigaChatModel, reply: Reply
) -> None:
    server.enqueue(reply, "Ответ")
    task = asyncio.create_task(read(model, []))
    while not server.active:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left(server)
    assert (await asyncio.wait_for(model.complete(QUESTION), 5)).text == "Ответ"


async def test_those_who_wait_too_long_for_a_slot_are_told(endless: GigaChatServer) -> None:
    async with GigaChatModel(endless.settings(answer_timeout=0.5)) as model:
        async with aclosing(model.stream(QUESTION)) as stream:
            await stream.__anext__()
            with pytest.raises(Busy):
                await model.complete(QUESTION)
        endless.enqueue("Ответ")
        assert (await model.complete(QUESTION)).text == "Ответ"


async def test_a_cancelled_wait_leaves_the_slot_to_the_next(
    endless: GigaChatServer, model: GigaChatModel
) -> None:
    async with aclosing(model.stream(QUESTION)) as stream:
        await stream.__anext__()
        endless.enqueue("Ответ")
        waiting = [asyncio.create_task(model.complete(QUESTION)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[2].cancel()
    waiting[1].set_name("the one that stays")
    assert (await asyncio.wait_for(waiting[1], 5)).text == "Ответ"


USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
EVENTS = b"".join(stream_events("GigaChat", {"content": "Съешь ещё 🥐 этих"}, "stop", USAGE))


def said_by(packets: list[bytes]) -> str:
    decoder, answer = EventDecoder(), StreamedAnswer("GigaChat")
    events = [data for packet in packets for data in decoder.feed(packet)]
    assert events.pop() == b"[DONE]"
    for data in events:
        answer.feed(data)
    completion = answer.finish().completion
    assert completion is not None
    return completion.text


@given(st.lists(st.integers(1, len(EVENTS) - 1)), st.booleans())
def test_events_survive_any_cut(cuts: list[int], crlf: bool) -> None:
    body = EVENTS.replace(b"\n", b"\r\n") if crlf else EVENTS
    edges = [0, *sorted(cuts), len(body)]
    packets = [body[start:end] for start, end in pairwise(edges)]
    assert said_by(packets) == "Съешь ещё 🥐 этих"


@pytest.mark.parametrize("size", [1, len(EVENTS)])
async def test_events_split_and_joined_across_packets(
    server: GigaChatServer, model: GigaChatModel, size: int
) -> None:
    packets = [EVENTS[start : start + size] for start in range(0, len(EVENTS), size)]
    server.enqueue(Broken(packets))
    async with aclosing(model.stream(QUESTION)) as stream:
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "Съешь ещё 🥐 этих"
    assert chunks[-1].completion.usage.completion_tokens == 3


def test_a_line_without_an_end_is_given_up() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"x" * MAX_EVENT) == []
    with pytest.raises(BadResponse):
        decoder.feed(b"x")


def test_arguments_of_a_call_may_come_in_pieces() -> None:
    answer = StreamedAnswer("GigaChat")
    for call in ({"name": "f", "arguments": '{"a"'}, {"arguments": ": 1}"}):
        delta = {"choices": [{"delta": {"function_call": call}, "finish_reason": "function_call"}]}
        answer.feed(json.dumps(delta).encode())
    completion = answer.finish().completion
    assert completion is not None
    assert completion.function_call is not None
    assert completion.function_call.arguments == {"a": 1}


KEYS = (
    *("choices", "message", "delta", "content", "function_call", "name", "arguments"),
    *("usage", "prompt_tokens", "finish_reason", "status", "code"),
    *("messages", "role", "text", "files", "inline_data", "sources", "url", "tool_execution"),
    *("input_tokens", "input_tokens_details", "total_tokens", "error"),
    *("data", "embedding", "index", "id", "balance", "value"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=50)
def test_no_reply_raises_anything_foreign(reply: Any) -> None:
    readers = [
        lambda: parse_completion(reply, "GigaChat"),
        lambda: StreamedAnswer("GigaChat").feed(json.dumps(reply).encode()),
        lambda: reply_v2.parse_completion(reply, "GigaChat-3-Ultra"),
        lambda: reply_v2.Answer("GigaChat-3-Ultra").feed(json.dumps(reply).encode()),
        lambda: parse_models(reply),
        lambda: parse_balance(reply),
        lambda: parse_token_counts(reply),
        lambda: parse_embeddings(reply, 1),
    ]
    for read in readers:
        try:
            result = read()
        except ServiceError:
            continue
        assert not isinstance(result, Completion) or isinstance(result.text, str)


@pytest.mark.parametrize("streamed", [False, True], ids=["complete", "stream"])
async def test_a_token_that_expires_during_an_answer_is_not_told_as_a_bad_key(
    server: GigaChatServer, streamed: bool, version: str
) -> None:
    start = V2.start if version == "v2" else V1.start
    reply: Reply = (
        Broken([start, event(EXPIRED)]) if streamed else Body(json.dumps(EXPIRED).encode())
    )
    async with GigaChatModel(server.settings(api_version=version)) as model:
        server.enqueue(reply, "Ответ")
        with pytest.raises(Unavailable) as caught:
            await (read(model, []) if streamed else model.complete(QUESTION))
        assert "ключ" not in describe_error(caught.value)
        assert (await model.complete(QUESTION)).text == "Ответ"
        assert server.oauth_calls == 2, "the expired token is not used again"
