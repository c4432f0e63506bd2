"""The page: its files, and the web API through which it acts as people and watches.

Every action is a POST of JSON to /api/NAME (files come as multipart with the JSON in
`body`), everything that happens comes back over one stream of server-sent events.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from itertools import islice
from pathlib import Path

from aiohttp import web

from playground.bot_api import ApiCall, BotApi
from playground.chats import Chat
from playground.errors import ApiError, Json
from playground.files import FileStore
from playground.page_actions import ACTIONS, PageActions
from playground.page_events import EventStream
from playground.page_views import call_view, chat_view
from playground.params import BROKEN_STRING, Params, check_strings, read_params
from playground.people import BROKEN_LETTER, NotAllowed
from playground.world import World

PAGE = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_SHOWN_TYPES = frozenset(
    ("image/png", "image/jpeg", "image/gif", "image/webp", "audio/ogg", "audio/mpeg",
     "audio/mp4", "audio/webm", "audio/wav", "video/mp4", "video/webm")
)  # fmt: skip
_SHOWN_MESSAGES = 200
_SHOWN_CALLS = 200


class PageApi:
    """Serves the page and does what it asks for."""

    def __init__(
        self, world: World, api: BotApi, files: FileStore, events: EventStream, actions: PageActions
    ) -> None:
        self._world = world
        self._api = api
        self._files = files
        self._events = events
        self._actions = actions
        world.listeners.append(self._on_event)
        api.on_call = self._on_call
        api.on_commands = self._on_commands

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._index)
        app.router.add_get("/page/{name}", self._asset)
        app.router.add_get("/api/state", self._state)
        app.router.add_get("/api/messages", self._messages)
        app.router.add_get("/api/events", self._events.serve)
        app.router.add_get("/api/files/{file_id}", self._file)
        app.router.add_post("/api/{action}", self._act)

    # --- Files ---------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return _page_file("index.html")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return _page_file(request.match_info["name"])

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """An uploaded file: pictures and sound to be played, anything else only to be saved."""
        stored = self._files.get(request.match_info["file_id"])
        if stored is None:
            raise web.HTTPNotFound(text="Not Found")
        response = web.FileResponse(self._files.location(stored))
        kind = stored.mime.partition(";")[0].strip().lower()
        if kind in _SHOWN_TYPES:
            response.content_type = kind
        else:
            response.content_type = "application/octet-stream"
            response.headers["Content-Disposition"] = "attachment"
        return response

    # --- Looking -------------------------------------------------------------

    async def _state(self, request: web.Request) -> web.StreamResponse:
        chats = [chat for chat in self._world.chats.values() if self._world.is_shown(chat)]
        calls = list(self._api.calls)[-_SHOWN_CALLS:]
        return web.json_response(
            {
                "bot": self._world.bot.wire(),
                "people": [user.wire() for user in self._world.people()],
                "users": [user.wire() for user in self._world.users.values()],
                "chats": [self._chat_view(chat) for chat in chats],
                "calls": [call_view(call) for call in calls],
                "trouble": self._actions.state_of_trouble(),
            }
        )

    def _chat_view(self, chat: Chat) -> Json:
        return chat_view(self._world, self._api.commands, chat)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        chat = self._world.chats.get(request.query.get("chat", ""))
        if chat is None or not self._world.is_shown(chat):
            raise web.HTTPNotFound(text="Not Found")
        newest = list(islice(chat.newest_first(), _SHOWN_MESSAGES))
        return web.json_response(newest[::-1])

    # --- Watching ------------------------------------------------------------

    def _on_event(self, event: str, chat: Chat, body: Json) -> None:
        if self._events and self._world.is_shown(chat):
            if event in ("chat", "keyboard"):
                event, body = "chat", self._chat_view(chat)
            self._events.send({"event": event, "chat": chat.key, "body": body})

    def _on_call(self, call: ApiCall) -> None:
        if self._events:
            trouble = self._actions.state_of_trouble()
            self._events.send({"event": "call", "body": call_view(call), "trouble": trouble})

    def _on_commands(self) -> None:
        self._world.on_change()
        for chat in self._world.chats.values():
            self._on_event("chat", chat, {})

    # --- Acting --------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.StreamResponse:
        action = ACTIONS.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound(text="Not Found")
        if request.content_type not in ("application/json", "multipart/form-data"):
            raise web.HTTPUnsupportedMediaType(text="JSON expected")
        try:
            params = await read_params(request)
            result = action(self._actions, _body(params), dict(params.uploads))
            if isinstance(result, Awaitable):
                result = await result
        except (NotAllowed, ApiError) as refusal:
            return web.json_response({"error": _refusal_text(refusal)}, status=400)
        except (KeyError, TypeError, ValueError, RecursionError):
            return web.json_response({"error": "Непонятный запрос."}, status=400)
        return web.json_response(result if result is not None else {})


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


def _refusal_text(refusal: NotAllowed | ApiError) -> str:
    if isinstance(refusal, NotAllowed):
        return str(refusal)
    if BROKEN_STRING in refusal.description:
        return BROKEN_LETTER
    if "PHOTO" in refusal.description or "IMAGE" in refusal.description:
        return "Это не похоже на фотографию. Отправь её файлом."
    return "Файл не принят: он пуст или слишком велик."
