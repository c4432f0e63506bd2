"""A chat-completions server on loopback that answers in the documented wire format.

Replies are served in order of `enqueue`, then `default`. A reply is an async callable;
the ones below are the answers and the faults that real servers are known for.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PATIENCE = 10.0  # seconds; bounds every wait of the server

Reply = Callable[["Call"], Awaitable[web.StreamResponse]]
MODELS = (
    {"id": "test-model", "object": "model"},
    {"id": "other-model", "object": "model"},
)


@dataclass(slots=True)
class Call:
    """One request: its JSON, its headers, and the stream that answers it."""

    request: web.Request
    body: dict[str, Any]

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))

    async def open_stream(self) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(self.request)
        return response

    def chunk(self, **delta: Any) -> dict[str, Any]:
        return self.envelope("chat.completion.chunk", [{"index": 0, "delta": delta}])

    def end(self, finish_reason: str) -> dict[str, Any]:
        choice = {"index": 0, "delta": {}, "finish_reason": finish_reason}
        return self.envelope("chat.completion.chunk", [choice])

    def envelope(self, kind: str, choices: list[Any]) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": kind,
            "created": 1,
            "model": self.body["model"],
            "choices": choices,
        }

    def usage(self, text: str) -> dict[str, int]:
        """Words, as this server's tokens; three more for each message."""
        prompt = sum(len(text_of(m).split()) + 3 for m in self.body["messages"])
        completion = len(text.split())
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }


def text_of(message: Mapping[str, Any]) -> str:
    content = message["content"] or ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


async def send(response: web.StreamResponse, data: object) -> None:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    await response.write(f"data: {text}\n\n".encode())


@dataclass(slots=True)
class Answer:
    """A good answer; each word is a chunk."""

    text: str = "Привет! Меня зовут Проба."
    finish_reason: str = "stop"
    delay: float = 0.0
    usage: bool = True

    async def __call__(self, call: Call) -> web.StreamResponse:
        return await (self._stream(call) if call.streamed else self._whole(call))

    async def _whole(self, call: Call) -> web.StreamResponse:
        await asyncio.sleep(self.delay)
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        answer = call.envelope("chat.completion", [choice])
        if self.usage:
            answer["usage"] = call.usage(self.text)
        return web.json_response(answer)

    async def _stream(self, call: Call) -> web.StreamResponse:
        response = await call.open_stream()
        await send(response, call.chunk(role="assistant", content=""))
        for number, word in enumerate(self.text.split(" ")):
            await asyncio.sleep(self.delay)
            await send(response, call.chunk(content=word if number == 0 else f" {word}"))
        await send(response, call.end(self.finish_reason))
        if self.usage and call.body.get("stream_options", {}).get("include_usage"):
            await send(
                response,
                call.envelope("chat.completion.chunk", []) | {"usage": call.usage(self.text)},
            )
        await send(response, "[DONE]")
        return response


@dataclass(slots=True)
class FunctionCalls:
    """The model asks to call a function; a stream cuts its arguments in two."""

    name: str
    arguments: str

    async def __call__(self, call: Call) -> web.StreamResponse:
        if not call.streamed:
            function = {"name": self.name, "arguments": self.arguments}
            tool = {"id": "call_x", "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [tool]}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            return web.json_response(
                call.envelope("chat.completion", [choice]) | {"usage": call.usage("")}
            )
        response = await call.open_stream()
        half = len(self.arguments) // 2
        first = {"name": self.name, "arguments": self.arguments[:half]}
        await send(
            response,
            call.chunk(
                tool_calls=[{"index": 0, "id": "call_x", "type": "function", "function": first}]
            ),
        )
        rest = {"arguments": self.arguments[half:]}
        await send(response, call.chunk(tool_calls=[{"index": 0, "function": rest}]))
        await send(response, call.end("tool_calls"))
        await send(response, "[DONE]")
        return response


@dataclass(slots=True)
class Refusal:
    """An HTTP error with the body that a server gives it."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, call: Call) -> web.StreamResponse:
        return web.json_response(self.body, status=self.status, headers=self.headers)


@dataclass(slots=True)
class Page:
    """Something that isn't the API: a proxy's page with status 200."""

    text: str = "<html><body>Welcome to nginx!</body></html>"
    content_type: str = "text/html"

    async def __call__(self, call: Call) -> web.StreamResponse:
        return web.Response(text=self.text, content_type=self.content_type)


@dataclass(slots=True)
class Events:
    """A stream of exactly these `data:` payloads, after `words` chunks of text."""

    payloads: Sequence[object] = ()
    words: int = 0

    async def __call__(self, call: Call) -> web.StreamResponse:
        response = await call.open_stream()
        for _ in range(self.words):
            await send(response, call.chunk(content="слово "))
        for payload in self.payloads:
            await send(response, payload)
        return response


@dataclass(slots=True)
class Cut:
    """The connection drops after `words` chunks, or before the headers when there are none."""

    words: int = 0

    async def __call__(self, call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if self.words:
            response.enable_chunked_encoding()
            await response.prepare(call.request)
        for _ in range(self.words):
            await send(response, call.chunk(content="слово "))
        assert call.request.transport is not None
        call.request.transport.abort()
        return response


@dataclass(slots=True)
class Stall:
    """Nothing more comes after `words` chunks, until the client leaves."""

    words: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    left: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def __call__(self, call: Call) -> web.StreamResponse:
        self.arrived.set()
        try:
            if self.words:
                response = await call.open_stream()
                for _ in range(self.words):
                    await send(response, call.chunk(content="слово "))
            await asyncio.sleep(PATIENCE)
        finally:
            self.left.set()
        return web.Response(status=500)


@dataclass(slots=True)
class Together:
    """Answers only when `count` calls are here at once: proof that they overlap."""

    count: int
    reply: Reply = field(default_factory=Answer)
    waiting: int = 0
    all_here: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def __call__(self, call: Call) -> web.StreamResponse:
        self.waiting += 1
        if self.waiting == self.count:
            self.all_here.set()
        await asyncio.wait_for(self.all_here.wait(), PATIENCE)
        return await self.reply(call)


class OpenAIServer:
    """The server; `calls` holds every request, `by_model` replies for one model alone."""

    def __init__(self, default: Reply | None = None) -> None:
        self.default: Reply = default or Answer()
        self.by_model: dict[str, Reply] = {}
        self.models: Sequence[Mapping[str, Any]] = MODELS
        self.calls: list[Call] = []
        self.url = ""
        self._queue: deque[Reply] = deque()

    def enqueue(self, *replies: Reply) -> None:
        self._queue.extend(replies)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [call.body for call in self.calls]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[OpenAIServer]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        # A handler is cancelled when its client leaves, as in a server that stops generating.
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        call = Call(request, await request.json())
        self.calls.append(call)
        reply = self.by_model.get(call.body["model"])
        if reply is None:
            reply = self._queue.popleft() if self._queue else self.default
        return await reply(call)

    async def _models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": list(self.models)})
