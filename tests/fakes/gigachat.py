"""GigaChat on loopback: a real HTTP server that speaks the documented wire format.

Strict about requests (headers, roles, ranges), so that what passes here passes there;
echoes the question unless told otherwise. `enqueue` takes texts, wire messages and
faults (`Fail`, `Body`, `Broken`, `Hang`) for the next chat requests. `server.settings()`
makes settings for a client in this process, `server.environment` variables for another.

    async with GigaChatServer() as server:
        server.enqueue("Привет!", Fail(429, {"Retry-After": "1"}))
        async with GigaChatModel(server.settings()) as model: ...

As a program, `python -m tests.fakes.gigachat`, it prints the variables and serves.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import secrets
import ssl
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from aiohttp import web

from services.gigachat import GigaChatSettings

CLIENT_BASIC = base64.b64encode(b"client-id:client-secret").decode()
MODELS = {
    "GigaChat": "chat",
    "GigaChat-2": "chat",
    "GigaChat-2-Pro": "chat",
    "GigaChat-2-Max": "chat",
    "Embeddings": "embedder",
}
SCOPES = ("GIGACHAT_API_PERS", "GIGACHAT_API_B2B", "GIGACHAT_API_CORP")

Wire = dict[str, Any]


@dataclass(frozen=True)
class Fail:
    """An error in the documented form."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Something failed"


@dataclass(frozen=True)
class Body:
    """A reply of any content whatever."""

    content: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True)
class Broken:
    """A stream written packet by packet, then ended cleanly, by a reset, or not at all."""

    packets: Sequence[bytes]
    end: Literal["clean", "reset", "hang"] = "clean"


@dataclass(frozen=True)
class Hang:
    """No reply at all."""


class Upload(NamedTuple):
    """A file as it came."""

    name: str
    media_type: str
    content: bytes


Reply = str | Wire | Fail | Body | Broken | Hang


class GigaChatServer:
    """`async with` starts and stops it; counters and `requests` tell what it saw."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.answer: Callable[[list[Wire]], str] = echo
        self.expiry: Literal["ms", "s", "tok"] = "ms"
        self.token_life = 1800.0
        self.oauth_fault: Fail | Body | Hang | None = None
        self.oauth_calls = 0
        self.oauth_asked = asyncio.Event()
        self.latency: Callable[[], float] = lambda: 0.0
        self.chunk_delay = 0.0
        self.finish_reason = "stop"
        self.balance: dict[str, int] | None = {"GigaChat": 900_000, "Embeddings": 5_000}
        self.requests: list[Wire] = []
        self.uploads: list[Upload] = []
        self.files: dict[str, Upload] = {}  # those that aren't deleted
        self.headers: list[Mapping[str, str]] = []
        self.active = 0
        self.peak = 0
        self.interrupted = 0
        self.never = asyncio.Event()
        self._queue: deque[Reply] = deque()
        self._tokens: dict[str, float] = {}
        self._cache: dict[str, list[Wire]] = {}
        self._tls = tls
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> GigaChatServer:
        app = web.Application(middlewares=[self._errors], client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/api/v2/oauth", self._oauth),
                web.post("/api/v1/chat/completions", self._chat),
                web.post("/api/v1/tokens/count", self._count),
                web.post("/api/v1/files", self._upload),
                web.post("/api/v1/files/{file}/delete", self._delete_file),
                web.get("/api/v1/models", self._models),
                web.get("/api/v1/balance", self._balance),
                web.post("/api/v1/embeddings", self._embeddings),
            ]
        )
        # A consumer that left cancels its handler, as it would in the service.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self.never.set()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "GIGA_CLIENT_BASIC": CLIENT_BASIC,
            "GIGA_API_BASE_URL": self.url,
            "GIGA_AUTH_URL": f"{self.url}/api/v2/oauth",
        }

    def settings(self, **overrides: Any) -> GigaChatSettings:
        return GigaChatSettings(**{**self.environment, **overrides})

    def enqueue(self, *replies: Reply) -> None:
        self._queue.extend(replies)

    def revoke(self) -> None:
        """All tokens given so far stop working, though their time isn't over."""
        self._tokens.clear()

    @web.middleware
    async def _errors(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.headers.append(request.headers)
        try:
            if "User-Agent" not in request.headers:
                raise Refused(403, "Permission denied")
            response: web.StreamResponse = await handler(request)
        except Refused as refused:
            response = refused.response()
        if not response.prepared and "X-Request-ID" in request.headers:
            response.headers["X-Request-ID"] = request.headers["X-Request-ID"]
        return response

    async def _oauth(self, request: web.Request) -> web.StreamResponse:
        self.oauth_calls += 1
        self.oauth_asked.set()
        await asyncio.sleep(self.latency())
        if self.oauth_fault is not None:
            return await self._fault(self.oauth_fault)
        uuid.UUID(request.headers["RqUID"], version=4)
        form = await request.post()
        self._check_key(request.headers.get("Authorization", ""), form.get("scope"))
        token = secrets.token_urlsafe(32)
        expires = time.time() + self.token_life
        self._tokens[token] = expires
        if self.expiry == "tok":
            return web.json_response({"tok": token, "exp": int(expires)})
        whole = int(expires * 1000) if self.expiry == "ms" else int(expires)
        return web.json_response({"access_token": token, "expires_at": whole})

    def _check_key(self, header: str, scope: object) -> None:
        if not header.startswith("Basic "):
            raise Refused(400, "Can't decode 'Authorization' header", code=4)
        if not scope:
            raise Refused(400, "scope is empty", code=5)
        if header != f"Basic {CLIENT_BASIC}":
            raise Refused(401, "credentials doesn't match db data", code=6)
        if scope not in SCOPES:
            raise Refused(400, "scope from db not fully includes consumed scope", code=7)

    async def _upload(self, request: web.Request) -> web.Response:
        await self._check_token(request)
        form = await request.post()
        file = form.get("file")
        if form.get("purpose") != "general" or not isinstance(file, web.FileField):
            raise Refused(400, "Bad form")
        upload = Upload(file.filename, file.content_type, file.file.read())
        name = f"file-{uuid.uuid4()}"
        self.uploads.append(upload)
        self.files[name] = upload
        size = len(upload.content)
        return web.json_response(
            {"id": name, "object": "file", "bytes": size, "created_at": 1768996174,
             "filename": upload.name, "purpose": "general", "access_policy": "private"}
        )  # fmt: skip

    async def _delete_file(self, request: web.Request) -> web.Response:
        await self._check_token(request)
        name = request.match_info["file"]
        if self.files.pop(name, None) is None:
            raise Refused(404, "No such file")
        return web.json_response({"id": name, "deleted": True})

    def _check_attachments(self, body: Wire) -> None:
        for message in body["messages"]:
            for name in message.get("attachments", ()):
                if message["role"] != "user" or name not in self.files:
                    raise Refused(404, "No such file")
                if body["model"] in ("GigaChat", "GigaChat-2"):
                    raise Refused(422, "Invalid params: the model can't process images")

    async def _check_token(self, request: web.Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = self._tokens.get(token, 0.0) > time.time()
        await asyncio.sleep(self.latency())
        if not known:
            raise Refused(401, "Token has expired")

    async def _body(self, request: web.Request) -> Wire:
        """The checks that every API call begins with."""
        await self._check_token(request)
        if request.method == "GET":
            return {}
        if request.content_type != "application/json":
            raise Refused(400, "Bad content type")
        body: Wire = json.loads(await request.read())
        if body.get("model") not in MODELS:
            raise Refused(404, "No such model")
        return body

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        check_chat(body)
        self._check_attachments(body)
        self.requests.append(body)
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            return await self._reply(request, body)
        except (asyncio.CancelledError, ConnectionResetError):
            self.interrupted += 1
            raise
        finally:
            self.active -= 1

    async def _reply(self, request: web.Request, body: Wire) -> web.StreamResponse:
        reply = self._queue.popleft() if self._queue else self.answer(body["messages"])
        if isinstance(reply, Broken):
            return await self._break(request, reply)
        if isinstance(reply, (Fail, Body, Hang)):
            return await self._fault(reply)
        message = {"content": reply} if isinstance(reply, str) else reply
        usage = self._usage(body, message, request.headers.get("X-Session-ID"))
        if body.get("stream"):
            return await self._stream(request, body["model"], message, usage)
        choice = {
            "message": {"role": "assistant", **message},
            "index": 0,
            "finish_reason": self._finish(message),
        }
        return web.json_response(
            {**head(body["model"], "chat.completion"), "choices": [choice], "usage": usage}
        )

    async def _stream(
        self, request: web.Request, model: str, message: Wire, usage: Wire
    ) -> web.StreamResponse:
        response = await self._start_stream(request)
        for event in stream_events(model, message, self._finish(message), usage):
            await asyncio.sleep(self.chunk_delay)
            await response.write(event)
        await response.write_eof()
        return response

    async def _start_stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        return response

    async def _break(self, request: web.Request, broken: Broken) -> web.StreamResponse:
        response = await self._start_stream(request) if broken.packets else web.StreamResponse()
        for packet in broken.packets:
            await response.write(packet)
            await asyncio.sleep(0.001)  # so that each write is a packet of its own
        if broken.end == "hang":
            await self.never.wait()
        if broken.end == "reset":
            assert request.transport is not None
            request.transport.abort()
        return response

    async def _fault(self, fault: Fail | Body | Hang) -> web.StreamResponse:
        if isinstance(fault, Hang):
            await self.never.wait()
            raise Refused(500, "The server is stopping")
        if isinstance(fault, Body):
            return web.Response(
                body=fault.content, status=fault.status, content_type=fault.content_type
            )
        return Refused(fault.status, fault.message, headers=fault.headers).response()

    def _finish(self, message: Wire) -> str:
        return "function_call" if "function_call" in message else self.finish_reason

    def _usage(self, body: Wire, message: Wire, session: str | None) -> Wire:
        """Counts, with what the prompt cache had of this session's beginning."""
        messages = body["messages"]
        prompt = sum(count_tokens(str(item.get("content"))) for item in messages)
        answer = count_tokens(str(message.get("content") or message.get("function_call")))
        cached = 0
        if session is not None:
            for old, new in zip(self._cache.get(session, []), messages, strict=False):
                if old != new:
                    break
                cached += count_tokens(str(new.get("content")))
            self._cache[session] = messages
        return {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "precached_prompt_tokens": cached,
        }

    async def _count(self, request: web.Request) -> web.Response:
        texts = (await self._body(request))["input"]
        return web.json_response(
            [
                {"object": "tokens", "tokens": count_tokens(text), "characters": len(text)}
                for text in texts
            ]
        )

    async def _models(self, request: web.Request) -> web.Response:
        await self._body(request)
        models = [
            {"id": name, "object": "model", "owned_by": "salutedevices", "type": kind}
            for name, kind in MODELS.items()
        ]
        return web.json_response({"object": "list", "data": models})

    async def _balance(self, request: web.Request) -> web.Response:
        await self._body(request)
        if self.balance is None:
            raise Refused(403, "Permission denied")
        usage = [{"usage": name, "value": value} for name, value in self.balance.items()]
        return web.json_response({"balance": usage})

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        data = [
            {
                "object": "embedding",
                "embedding": [len(text) / 100, text.count(" ") / 10, 0.5],
                "index": index,
                "usage": {"prompt_tokens": count_tokens(text)},
            }
            for index, text in enumerate(body["input"])
        ]
        return web.json_response({"object": "list", "data": data, "model": body["model"]})


class Refused(Exception):
    """An error reply; OAuth's own errors carry `code`, the others `status`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = {"message": message, **({"code": code} if code else {"status": status})}

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=self.headers)


def check_chat(body: Wire) -> None:
    """Refuse what the service refuses."""
    messages = body.get("messages")
    if not messages:
        raise Refused(422, "Invalid params: messages is empty")
    for index, message in enumerate(messages):
        role = message.get("role")
        if role not in ("system", "user", "assistant", "function"):
            raise Refused(422, f"Invalid params: unknown role {role}")
        if role == "system" and index:
            raise Refused(422, "Invalid params: system message must be the first message")
        if role == "function":
            json.loads(message["content"])
            if messages[index - 1].get("function_call", {}).get("name") != message.get("name"):
                raise Refused(422, "Invalid params: function without function_call")
    for name, fits in RANGES.items():
        if name in body and not fits(body[name]):
            raise Refused(422, f"Invalid params: {name} is out of range")


RANGES: dict[str, Callable[[float], bool]] = {
    "temperature": lambda value: value > 0,
    "top_p": lambda value: 0 <= value <= 1,
    "max_tokens": lambda value: value > 0,
    "repetition_penalty": lambda value: value > 0,
}


def echo(messages: list[Wire]) -> str:
    last = messages[-1]["content"]
    return f"Ты спрашиваешь: «{last[:200]}». Я — проба GigaChat, и это весь мой ответ."


def count_tokens(text: str) -> int:
    return max(1, len(text) // 4)


def head(model: str, kind: str) -> Wire:
    return {"created": 1768996174, "model": f"{model}:2.0.28.2", "object": kind}


def event(data: Wire) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def delta_event(model: str, delta: Wire, **more: Any) -> bytes:
    choice = {"delta": delta, "index": 0, **more.pop("choice", {})}
    return event({**head(model, "chat.completion"), "choices": [choice], **more})


DONE = b"data: [DONE]\n\n"


def stream_events(model: str, message: Wire, finish_reason: str, usage: Wire) -> list[bytes]:
    """A stream as documented: the role first, usage in the last event but one."""
    text = message.get("content") or ""
    words = [word for word in text.replace(" ", "\0 ").split("\0") if word]
    extra = {key: message[key] for key in ("function_call", "functions_state_id") if key in message}
    deltas: list[Wire] = [{"content": word} for word in words] or [{"content": ""}]
    deltas[0] = {"role": "assistant", **deltas[0], **extra}
    last = delta_event(model, {"content": ""}, choice={"finish_reason": finish_reason}, usage=usage)
    return [*(delta_event(model, delta) for delta in deltas), last, DONE]


async def serve(port: int, delay: float, answer: str | None) -> None:
    async with GigaChatServer(port=port) as server:
        server.chunk_delay = delay
        if answer is not None:
            server.answer = lambda _: answer
        lines = [f"{key}={value}\n" for key, value in server.environment.items()]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        await server.never.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="GigaChat's wire format on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each chunk")
    parser.add_argument("--answer", help="say this to everything, instead of an echo")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.delay, arguments.answer))


if __name__ == "__main__":
    main()
