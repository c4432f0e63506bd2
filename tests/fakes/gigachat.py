"""GigaChat on loopback: a real HTTP server that speaks the documented wire format.

Strict about requests (headers, roles, ranges), so that what passes here passes there;
echoes the question unless told otherwise. `enqueue` takes texts, wire messages and
faults (`Fail`, `Body`, `Broken`, `Hang`) for the next chat requests. Both versions of the
chat API are served; a wire message for version 2 has parts. `server.settings()` makes
settings for a client in this process, `server.environment` variables for another.

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
    "GigaChat-3-Ultra": "chat",
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
        self.excluded: dict[str, int] = {}  # models out of the key's plan, and the status for them
        self.files: dict[str, bytes] = {}
        self.uploads: list[Upload] = []  # of all files, those that were deleted as well
        self.requests: list[Wire] = []
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
                web.post("/api/v2/chat/completions", self._chat_v2),
                web.post("/api/v1/files", self._upload),
                web.get("/api/v1/files/{id}/content", self._file),
                web.post("/api/v1/files/{id}/delete", self._delete_file),
                web.post("/api/v1/tokens/count", self._count),
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

    async def _body(self, request: web.Request) -> Wire:
        """The checks that every API call begins with."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = self._tokens.get(token, 0.0) > time.time()
        await asyncio.sleep(self.latency())
        if not known:
            raise Refused(401, "Token has expired")
        if request.method == "GET" or "/files" in request.path:
            return {}
        if request.content_type != "application/json":
            raise Refused(400, "Bad content type")
        body: Wire = json.loads(await request.read())
        if body.get("model") not in MODELS:
            raise Refused(404, "No such model")
        if status := self.excluded.get(body["model"]):
            raise Refused(status, "No such model" if status == 404 else "Payment Required")
        return body

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        check_chat(body)
        self._check_files(body, [it for m in body["messages"] for it in m.get("attachments", ())])
        return await self._answer(request, body)

    async def _chat_v2(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        check_chat_v2(body)
        parts = [part for message in body["messages"] for part in message["content"]]
        files = [file for part in parts for file in part.get("files", ())]
        if any(set(file) != {"id", "mime", "target"} for file in files):
            raise Refused(422, "Invalid params: files")
        self._check_files(body, [file["id"] for file in files])
        return await self._answer(request, body)

    async def _answer(self, request: web.Request, body: Wire) -> web.StreamResponse:
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
        second = request.path.startswith("/api/v2")
        messages = [plain_message(message) for message in body["messages"]]
        reply = self._queue.popleft() if self._queue else self.answer(messages)
        if isinstance(reply, Broken):
            return await self._break(request, reply)
        if isinstance(reply, (Fail, Body, Hang)):
            return await self._fault(reply)
        message = {"content": reply} if isinstance(reply, str) else reply
        usage = self._usage(messages, message, request.headers.get("X-Session-ID"))
        if second:
            return await self._reply_v2(request, body, message, usage)
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

    async def _reply_v2(
        self, request: web.Request, body: Wire, message: Wire, usage: Wire
    ) -> web.StreamResponse:
        whole = whole_v2(body["model"], message, self.finish_reason, usage)
        if not body.get("stream"):
            return web.json_response(whole)
        response = await self._start_stream(request)
        for packet in events_v2(whole):
            await asyncio.sleep(self.chunk_delay)
            await response.write(packet)
        await response.write_eof()
        return response

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

    def _usage(self, messages: list[Wire], message: Wire, session: str | None) -> Wire:
        """Counts, with what the prompt cache had of this session's beginning."""
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
            if name not in self.excluded
        ]
        return web.json_response({"object": "list", "data": models})

    async def _upload(self, request: web.Request) -> web.Response:
        await self._body(request)
        form = await request.post()
        part = form["file"]
        if form.get("purpose") != "general" or not isinstance(part, web.FileField):
            raise Refused(400, "Bad form")
        file_id = str(uuid.uuid4())
        self.files[file_id] = part.file.read()
        self.uploads.append(Upload(part.filename, part.content_type, self.files[file_id]))
        return web.json_response(
            {
                "id": file_id,
                "object": "file",
                "bytes": len(self.files[file_id]),
                "created_at": 1768996174,
                "filename": part.filename,
                "purpose": "general",
                "access_policy": "private",
            }
        )

    def _check_files(self, body: Wire, ids: Sequence[str]) -> None:
        if not all(file_id in self.files for file_id in ids):
            raise Refused(404, "No such file")
        if ids and body["model"] in ("GigaChat", "GigaChat-2"):
            raise Refused(422, "Invalid params: the model can't process images")

    async def _file(self, request: web.Request) -> web.Response:
        await self._body(request)
        content = self.files.get(request.match_info["id"])
        if content is None:
            raise Refused(404, "No such file")
        return web.Response(body=content, content_type="image/jpeg")

    async def _delete_file(self, request: web.Request) -> web.Response:
        await self._body(request)
        file_id = request.match_info["id"]
        if self.files.pop(file_id, None) is None:
            raise Refused(404, "No such file")
        return web.json_response({"id": file_id, "deleted": True})

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


V2_ROLES = ("system", "user", "assistant", "tool")
V2_FIELDS = {"model", "messages", "stream", "model_options", "tools", "tool_config"}
V2_TOOLS = {"web_search", "code_interpreter", "url_content_extraction", "image_generate"}


def check_chat_v2(body: Wire) -> None:
    """Refuse what version 2 doesn't know, and what doesn't fit together."""
    messages = body.get("messages")
    if not messages:
        raise Refused(422, "Invalid params: messages is empty")
    if unknown := set(body) - V2_FIELDS:
        raise Refused(422, f"Invalid params: unknown {unknown}")
    for index, message in enumerate(messages):
        if message.get("role") not in V2_ROLES or (message["role"] == "system" and index):
            raise Refused(422, "Invalid params: role")
        if not isinstance(message["content"], list) or not message["content"]:
            raise Refused(422, "Invalid params: content is not a list of parts")
        for part in message["content"]:
            check_part(message["role"], part)
    options = body.get("model_options", {})
    for name, fits in RANGES.items():
        if name in options and not fits(options[name]):
            raise Refused(422, f"Invalid params: {name} is out of range")
    check_tools(body.get("tools", []), body.get("tool_config", {}))


def check_part(role: str, part: Wire) -> None:
    if len(part) != 1 or set(part) - {"text", "function_call", "function_result", "files"}:
        raise Refused(422, "Invalid params: content part")
    result, call = part.get("function_result"), part.get("function_call")
    if ("function_result" in part) != (role == "tool"):
        raise Refused(422, "Invalid params: function_result")
    if result and not (isinstance(result["result"], dict) and isinstance(result["name"], str)):
        raise Refused(422, "Invalid params: function_result")
    if call and not (role == "assistant" and isinstance(call["arguments"], dict)):
        raise Refused(422, "Invalid params: function_call")


def check_tools(tools: list[Wire], config: Wire) -> None:
    names = {name for tool in tools for name in tool}
    functions = {spec["name"] for tool in tools if "functions" in tool
                 for spec in tool["functions"]["specifications"]}  # fmt: skip
    if names - V2_TOOLS - {"functions"}:
        raise Refused(422, "Invalid params: unknown tool")
    if config.get("mode", "auto") not in ("auto", "none", "forced"):
        raise Refused(422, "Invalid params: mode")
    if config.get("mode") == "forced" and not (
        config.get("tool_name") in names or config.get("function_name") in functions
    ):
        raise Refused(422, "Invalid params: the forced tool is not among the tools")


def plain_message(message: Wire) -> Wire:
    """A message of either version, its content as a text."""
    content = message["content"]
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return {**message, "content": content}


def whole_v2(model: str, message: Wire, finish_reason: str, usage: Wire) -> Wire:
    """A reply by version 2: from a message with parts, or from one with a text."""
    content = message.get("content", [])
    parts = [{"text": content}] if isinstance(content, str) else list(content)
    if "function_call" in message:
        parts.append({"function_call": message["function_call"]})
    state = {key: message[key] for key in ("tool_state_id",) if key in message}
    called = any("function_call" in part for part in parts)
    return {
        "model": f"{model}:32.3.18.5",
        "created_at": 1768996174,
        "messages": message.get("messages")
        or [{"role": "assistant", "content": parts or [{"text": ""}], **state}],
        "finish_reason": "function_call" if called else finish_reason,
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {
                "prompt_tokens": usage["prompt_tokens"] - usage["precached_prompt_tokens"],
                "cached_tokens": usage["precached_prompt_tokens"],
            },
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
        },
    }


def event_v2(name: str, data: Wire) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def delta_v2(model: str, *parts: Wire, **message: Any) -> bytes:
    return event_v2(
        "response.message.delta",
        {
            "model": f"{model}:32.3.18.5",
            "created_at": 1768996174,
            "messages": [{"role": "assistant", "content": list(parts), **message}],
        },
    )


def done_v2(model: str, finish_reason: str, **more: Any) -> bytes:
    return event_v2(
        "response.message.done",
        {"model": f"{model}:32.3.18.5", "finish_reason": finish_reason, **more},
    )


def events_v2(whole: Wire) -> list[bytes]:
    """A stream as recorded: a delta for each word, then the end with the counts; no [DONE]."""
    packets = []
    for message in whole["messages"]:
        state = {key: message[key] for key in message if key not in ("role", "content")}
        for part in message["content"]:
            words = part["text"].replace(" ", "\0 ").split("\0") if "text" in part else []
            rest = {key: part[key] for key in part if key != "text"}
            pieces: list[Wire] = [{"text": word} for word in words if word]
            if rest or not pieces:
                pieces.append(rest or {"text": ""})
            for piece in pieces:
                data = {
                    "model": whole["model"],
                    "created_at": whole["created_at"],
                    "messages": [{"role": message["role"], "content": [piece], **state}],
                }
                packets.append(event_v2("response.message.delta", data))
    end = {key: whole[key] for key in whole if key != "messages"}
    return [*packets, event_v2("response.message.done", end)]


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
