"""The page: its files, and the web API through which it acts as people and watches.

Every action is a POST of JSON to /api/NAME (files come as multipart with the JSON in
`body`), everything that happens comes back over one stream of server-sent events.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from playground.bot_api import ApiCall
from playground.chats import ADMIN_STATUSES, Author, Chat
from playground.errors import ApiError, Json
from playground.params import BROKEN_STRING, Params, Upload, check_strings, read_params
from playground.people import BROKEN_LETTER, Conversation, NotAllowed, Person

if TYPE_CHECKING:
    from playground.server import Playground

PAGE = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
_MOST_WAITING = 2000  # events for a page that doesn't read: then it must load anew
_HEARTBEAT_SECONDS = 15.0
_SHOWN_MESSAGES = 200
_SHOWN_CALLS = 200
_LONGEST_VALUE = 2000

Action = Callable[["PageApi", Json, dict[str, Upload]], Any]


class PageApi:
    """Serves the page and does what it asks for."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self._world = playground.world
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._world.listeners.append(self._on_event)
        playground.api.on_call = self._on_call
        playground.api.on_commands = self._on_commands

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._index)
        app.router.add_get("/page/{name}", self._asset)
        app.router.add_get("/api/state", self._state)
        app.router.add_get("/api/messages", self._messages)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/files/{file_id}", self._file)
        app.router.add_post("/api/{action}", self._act)

    def close(self) -> None:
        """End the streams, so that the server can stop."""
        for page in self._pages:
            page.put_nowait(None)

    # --- Files ---------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return _page_file("index.html")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return _page_file(request.match_info["name"])

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """An uploaded file: pictures to be seen, anything else only to be saved."""
        stored = self._playground.files.get(request.match_info["file_id"])
        if stored is None:
            raise web.HTTPNotFound(text="Not Found")
        response = web.FileResponse(self._playground.files.location(stored))
        if stored.mime in _PICTURES:
            response.content_type = stored.mime
        else:
            response.content_type = "application/octet-stream"
            response.headers["Content-Disposition"] = "attachment"
        return response

    # --- Looking -------------------------------------------------------------

    async def _state(self, request: web.Request) -> web.StreamResponse:
        chats = [chat for chat in self._world.chats.values() if self._is_shown(chat)]
        calls = list(self._playground.calls)[-_SHOWN_CALLS:]
        return web.json_response(
            {
                "bot": self._world.bot.wire(),
                "people": [user.wire() for user in self._world.people()],
                "users": [user.wire() for user in self._world.users.values()],
                "chats": [self._chat_view(chat) for chat in chats],
                "calls": [_call_view(call) for call in calls],
                "trouble": self._trouble(),
            }
        )

    def _is_shown(self, chat: Chat) -> bool:
        return chat.bot_id in (0, self._world.bot.id)

    def _chat_view(self, chat: Chat) -> Json:
        linked = self._world.chats.get(str(chat.linked_id)) if chat.linked_id else None
        return {
            **chat.wire(),
            "key": chat.key,
            "title": chat.title,
            "linked": linked.key if linked else None,
            "members": [[user, status] for user, status in chat.members.items()],
            "topics": [{"id": i, "name": name} for i, name in chat.topics.items()],
            "keyboard": chat.keyboard,
            "pinned": chat.messages.get(chat.pinned) if chat.pinned else None,
            "draft": chat.draft.wire() if chat.draft else None,
            "last": next(chat.newest_first(), None),
            "last_id": chat.last_id,
            "menu": self._menu(chat, is_admin=False),
            "admin_menu": self._menu(chat, is_admin=True),
        }

    def _menu(self, chat: Chat, *, is_admin: bool) -> list[Json]:
        """The bot's commands in a chat: the narrowest scope that has any."""
        if chat.type == "private":
            scopes = [f"chat:{chat.id}:", "all_private_chats", "default"]
        else:
            admin = [f"chat_administrators:{chat.id}:"] if is_admin else []
            everywhere = ["all_chat_administrators"] if is_admin else []
            scopes = [*admin, f"chat:{chat.id}:", *everywhere, "all_group_chats", "default"]
        commands = self._playground.api.commands
        keys = (f"{scope}/{language}" for scope in scopes for language in ("ru", ""))
        return next((commands[key] for key in keys if commands.get(key)), [])

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        chat = self._world.chats.get(request.query.get("chat", ""))
        if chat is None or not self._is_shown(chat):
            raise web.HTTPNotFound(text="Not Found")
        newest = list(islice(chat.newest_first(), _SHOWN_MESSAGES))
        return web.json_response(newest[::-1])

    # --- Watching ------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        page: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING + 1)
        self._pages.add(page)
        try:
            await response.prepare(request)
            await response.write(b"retry: 1000\n\n")
            while (event := await _next_event(page)) is not None:
                await response.write(event.encode("utf-8", "surrogatepass"))
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._pages.discard(page)
        return response

    def _send(self, event: Json) -> None:
        if not self._pages:
            return
        encoded = f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
        for page in self._pages:
            if page.qsize() < _MOST_WAITING:
                page.put_nowait(encoded)
            elif page.qsize() == _MOST_WAITING:
                page.put_nowait(None)

    def _on_event(self, event: str, chat: Chat, body: Json) -> None:
        if self._pages and self._is_shown(chat):
            if event in ("chat", "keyboard"):
                event, body = "chat", self._chat_view(chat)
            self._send({"event": event, "chat": chat.key, "body": body})

    def _on_call(self, call: ApiCall) -> None:
        if self._pages:
            self._send({"event": "call", "body": _call_view(call), "trouble": self._trouble()})

    def _on_commands(self) -> None:
        self._world.on_change()
        for chat in self._world.chats.values():
            self._on_event("chat", chat, {})

    # --- Acting --------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.StreamResponse:
        action = _ACTIONS.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound(text="Not Found")
        if request.content_type not in ("application/json", "multipart/form-data"):
            raise web.HTTPUnsupportedMediaType(text="JSON expected")
        try:
            params = await read_params(request)
            result = action(self, _body(params), dict(params.uploads))
            if isinstance(result, Awaitable):
                result = await result
        except (NotAllowed, ApiError) as refusal:
            return web.json_response({"error": _refusal_text(refusal)}, status=400)
        except (KeyError, TypeError, ValueError, RecursionError):
            return web.json_response({"error": "Непонятный запрос."}, status=400)
        return web.json_response(result if result is not None else {})

    def conversation(self, body: Json) -> Conversation:
        """The chat and the person that an action is about."""
        chat = self._world.chats.get(str(body["chat"]))
        if chat is None or not self._is_shown(chat):
            raise NotAllowed("Такого чата нет.")
        return self._person(body).in_(chat, body.get("thread"))

    def _person(self, body: Json) -> Person:
        user = self._world.users.get(int(body["person"]))
        if user is None or user.is_bot:
            raise NotAllowed("Такого человека нет.")
        return Person(self._world, self._playground.files, user)

    def _trouble(self) -> Json:
        faults, limits = self._playground.faults, self._playground.limits
        return {
            "delay": faults.delay,
            "limits": limits.enabled,
            "pending": [{**asdict(f), "methods": sorted(f.methods or ())} for f in faults.pending],
        }

    def send(self, body: Json, uploads: dict[str, Upload]) -> Json:
        conversation = self.conversation(body)
        channel = self._world.chats.get(str(body.get("as_channel") or ""))
        return conversation.post(
            str(body.get("text") or ""),
            photo=uploads.get("photo"),
            document=uploads.get("document"),
            reply_to=body.get("reply_to"),
            anonymous=bool(body.get("anonymous")),
            as_channel=channel,
        )

    def edit(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).edit(int(body["message_id"]), str(body["text"]))

    def delete(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).delete(int(body["message_id"]))

    def react(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).react(int(body["message_id"]), body.get("emoji"))

    async def press(self, body: Json, uploads: dict[str, Upload]) -> Json:
        """Press a button; the bot has as long as a Telegram client would wait."""
        answer = self.conversation(body).start_press(int(body["message_id"]), str(body["data"]))
        done, _ = await asyncio.wait((answer,), timeout=15)
        return answer.result() if done and not answer.cancelled() else {"text": "", "late": True}

    def stop(self, body: Json, uploads: dict[str, Upload]) -> None:
        self.conversation(body).stop_draft()

    def people(self, body: Json, uploads: dict[str, Upload]) -> Json:
        """Add a person, with a private chat and a seat in every group."""
        name = str(body["name"]).strip()[:64]
        if not name:
            raise NotAllowed("Как зовут человека?")
        user = self._world.add_person(name, str(body.get("username") or "").strip("@ ")[:32])
        self._world.private(user)
        for chat in self._world.chats.values():
            if chat.type != "private":
                chat.members[user.id] = "member"
        self._send({"event": "reload"})
        return user.wire()

    def topic(self, body: Json, uploads: dict[str, Upload]) -> Json:
        conversation = self.conversation(body)
        name = str(body["name"]).strip()[:128]
        if not name or not conversation.chat.is_forum:
            raise NotAllowed("Как назвать тему?")
        author = Author.as_self(self._person(body).user)
        topic = self._world.add_topic(conversation.chat, name, author)
        self._world.publish("chat", conversation.chat, {})
        return {"id": topic}

    def member(self, body: Json, uploads: dict[str, Upload]) -> None:
        """Change somebody's role, as an administrator."""
        conversation, person = self.conversation(body), self._person(body)
        chat, status = conversation.chat, str(body["status"])
        user = self._world.users.get(int(body["user"]))
        is_admin = chat.members.get(person.id) in ADMIN_STATUSES
        if chat.type == "private" and user is self._world.bot:
            is_admin = True  # to block the bot, or to let it back in
        if user is None or status not in ("administrator", "member", "left", "kicked"):
            raise NotAllowed("Такой роли нет.")
        if not is_admin or chat.members.get(user.id) == "creator":
            raise NotAllowed("На это нет прав.")
        self._world.set_member(chat, user, status, person.user)

    def trouble(self, body: Json, uploads: dict[str, Upload]) -> Json:
        """Set the delay and the limits, add a fault, or clear them."""
        faults = self._playground.faults
        if body.get("clear"):
            faults.clear()
        if "delay" in body:
            faults.delay = min(10.0, max(0.0, float(body["delay"])))
        if "limits" in body:
            self._playground.limits.enabled = bool(body["limits"])
        if body.get("kind") in ("flood", "error", "garbage", "hang", "reset"):
            times, wait = int(body.get("times", 1)), int(body.get("retry_after", 1))
            methods = [body["method"]] if body.get("method") else None
            faults.inject(body["kind"], times=times, retry_after=wait, methods=methods)
        return self._trouble()

    def clear(self, body: Json, uploads: dict[str, Upload]) -> None:
        self._playground.clear()
        self._send({"event": "reload"})


_ACTIONS: dict[str, Action] = {
    "send": PageApi.send,
    "edit": PageApi.edit,
    "delete": PageApi.delete,
    "react": PageApi.react,
    "press": PageApi.press,
    "stop": PageApi.stop,
    "people": PageApi.people,
    "topic": PageApi.topic,
    "member": PageApi.member,
    "trouble": PageApi.trouble,
    "clear": PageApi.clear,
}


def _page_file(name: str) -> web.Response:
    path = PAGE / name
    if "/" in name or path.suffix not in _TYPES or not path.is_file():
        raise web.HTTPNotFound(text="Not Found")
    return web.Response(
        body=path.read_bytes(),
        content_type=_TYPES[path.suffix],
        charset="utf-8",
        headers={"Cache-Control": "no-cache"},
    )


def _body(params: Params) -> Json:
    body = json.loads(params.string("body")) if params.uploads else params.values
    if not isinstance(body, dict):
        raise TypeError("an object was expected")
    check_strings(body)
    return body


async def _next_event(page: asyncio.Queue[str | None]) -> str | None:
    try:
        return await asyncio.wait_for(page.get(), _HEARTBEAT_SECONDS)
    except asyncio.TimeoutError:
        return ": alive\n\n"


def _refusal_text(refusal: NotAllowed | ApiError) -> str:
    if isinstance(refusal, NotAllowed):
        return str(refusal)
    if BROKEN_STRING in refusal.description:
        return BROKEN_LETTER
    if "PHOTO" in refusal.description or "IMAGE" in refusal.description:
        return "Это не похоже на фотографию. Отправь её файлом."
    return "Файл не принят: он пуст или слишком велик."


def _call_view(call: ApiCall) -> Json:
    shown = {name: _short(value) for name, value in call.params.items()}
    return {**asdict(call), "params": shown}


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
