"""The bot's side: HTTP calls under /bot<token>/, answered as Telegram answers them."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from playground.chats import Chat
from playground.errors import ApiError, Json, bad_request, forbidden, too_many_requests
from playground.faults import Fault, Faults
from playground.files import FileStore
from playground.limits import RateLimits
from playground.params import Params, read_params
from playground.webhook import Webhook
from playground.world import World

Method = Callable[["BotApi", Params], Any]
METHODS: dict[str, Method] = {}
_encode = json.JSONEncoder(ensure_ascii=False).encode
F = TypeVar("F", bound=Callable[..., Any])
_QUIET = frozenset(("getupdates",))  # logged only when something is wrong


def method(function: F) -> F:
    """Register a function as a Bot API method; names are case-insensitive."""
    METHODS[function.__name__.replace("_", "")] = function
    return function


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One entry of the call log."""

    at: float
    method: str
    params: Json
    status: int
    error: str
    milliseconds: float


@dataclass(slots=True)
class BotApi:
    """Dispatch calls to their methods; hold what the methods work on."""

    world: World
    token: str
    files: FileStore
    limits: RateLimits
    faults: Faults
    webhook: Webhook
    calls: deque[ApiCall] = field(default_factory=lambda: deque(maxlen=500))
    commands: dict[str, list[Json]] = field(default_factory=dict)
    on_call: Callable[[ApiCall], None] = lambda call: None
    on_commands: Callable[[], None] = lambda: None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one HTTP call."""
        name = request.match_info["method"].lower()
        given = request.match_info["token"].encode("utf-8", "replace")
        if not hmac.compare_digest(given, self.token.encode()):
            return _respond(ApiError(401, "Unauthorized"))
        if name not in METHODS:
            return _respond(ApiError(404, "Not Found"))
        if request.method == "GET" and not _only_reads(name):
            return _respond(ApiError(405, "Method Not Allowed: use POST"))
        started = time.monotonic()
        fault = self.faults.take(name) if self.faults.pending else None
        if self.faults.delay and name not in _QUIET:
            await asyncio.sleep(self.faults.delay)
        params, answer = await self._answer(request, name, fault)
        if params is not None and (isinstance(answer, ApiError) or name not in _QUIET):
            self._log(request.match_info["method"], params, answer, time.monotonic() - started)
        if fault and fault.kind in ("garbage", "hang", "reset"):
            return await _break(request, fault)
        return _respond(answer)

    async def _answer(
        self, request: web.Request, name: str, fault: Fault | None
    ) -> tuple[Params | None, Any]:
        params = None
        try:
            params = await read_params(request)
            if fault:
                return params, _fault_error(fault)
            return params, await self.call(name, params)
        except ApiError as error:
            return params, error

    async def call(self, name: str, params: Params) -> Any:
        """Run a method and return its result; raise ApiError where Telegram refuses."""
        if name not in METHODS:
            raise ApiError(404, "Not Found")
        result = METHODS[name](self, params)
        if isinstance(result, Awaitable):
            result = await result
        return result

    def _log(self, name: str, params: Params, answer: Any, seconds: float) -> None:
        error = answer if isinstance(answer, ApiError) else None
        shown = {**params.values, **{k: f"<{u.name}>" for k, u in params.uploads.items()}}
        call = ApiCall(
            time.time(),
            name,
            shown,
            error.code if error else 200,
            error.description if error else "",
            round(seconds * 1000, 1),
        )
        self.calls.append(call)
        self.on_call(call)

    # --- What most methods need ----------------------------------------------

    def chat(self, params: Params, name: str = "chat_id") -> Chat:
        """Find the chat of a call; refuse one that the bot has no access to."""
        given = params.string(name).strip()
        if not given:
            raise bad_request(f"{name} is empty")
        if given.startswith("@"):
            chat = self.world.find_username(given)
        else:
            chat = self.world.find_chat(params.integer(name))
        if chat is None or (chat.type == "private" and not chat.last_id):
            raise bad_request("chat not found")
        status = chat.members.get(self.world.bot.id, "left")
        if status == "kicked" and chat.type == "private":
            raise forbidden("bot was blocked by the user")
        if status == "kicked":
            raise forbidden(f"bot was kicked from the {chat.type} chat")
        if not chat.present(self.world.bot.id):
            raise forbidden(f"bot is not a member of the {chat.type} chat")
        return chat

    def message(self, chat: Chat, params: Params, purpose: str) -> Json:
        """Find the message of a call; `purpose` is the verb in Telegram's refusal."""
        if not params.integer("message_id"):
            raise bad_request("message identifier is not specified")
        message = chat.messages.get(params.integer("message_id"))
        if message is None or "_for" in message:
            raise bad_request(f"message to {purpose} not found")
        return message

    def charge(self, chat: Chat) -> None:
        """Count a call against the limits of its chat."""
        wait = self.limits.charge(chat.id, group=chat.type != "private")
        if wait:
            raise too_many_requests(wait)


def _only_reads(name: str) -> bool:
    """Whether a method changes nothing; Telegram takes any by GET, and so would an <img>."""
    return name.startswith("get") and name != "getupdates"  # it confirms what came before


def _fault_error(fault: Fault) -> ApiError:
    if fault.kind == "flood":
        return too_many_requests(fault.retry_after)
    if fault.kind == "error":
        return ApiError(500, "Internal Server Error")
    return ApiError(502, f"Bad Gateway: {fault.kind}")  # for the log: the bot won't see it


async def _break(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Break the connection or answer garbage, as the fault says."""
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if fault.kind == "reset" and request.transport:
        request.transport.abort()
    return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>")


def _respond(answer: Any) -> web.Response:
    if isinstance(answer, ApiError):
        return _json(answer.wire(), answer.code)
    if isinstance(answer, RawResult):
        body = b'{"ok":true,"result":%s}' % answer.encode()
        return web.Response(body=body, content_type="application/json")
    return _json({"ok": True, "result": answer}, 200)


def _json(body: Json, status: int) -> web.Response:
    encoded = _encode(body).encode("utf-8", "surrogatepass")
    return web.Response(body=encoded, status=status, content_type="application/json")


class RawResult(str):
    """A result that is already encoded as JSON."""

    __slots__ = ()
