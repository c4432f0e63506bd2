"""The playground as a whole: one aiohttp server with the Bot API and the page."""

from __future__ import annotations

import hashlib
import hmac
import tempfile
from pathlib import Path
from types import TracebackType

from aiohttp import web

import playground.methods as _methods  # noqa: F401 -- registers the methods
from playground.bot_api import ApiCall, BotApi
from playground.chats import Author, Chat, User
from playground.errors import ApiError, Json
from playground.faults import Faults
from playground.files import FileStore
from playground.guard import Guard
from playground.limits import RateLimits
from playground.markup import is_encodable
from playground.page_actions import PageActions
from playground.page_api import PageApi
from playground.page_events import EventStream
from playground.params import MAX_UPLOAD
from playground.people import BROKEN_LETTER, NotAllowed, Person
from playground.private_files import kept_secret, new_secret, private_folder
from playground.snapshot import Snapshot, dump_world
from playground.updates import UpdateQueue
from playground.webhook import Webhook
from playground.world import World

STATE_FILE = "playground.json"
TOKEN_FILE = "playground-token"  # noqa: S105 -- a name
GROUP_ID, FORUM_ID, CHANNEL_ID, DISCUSSION_ID = (-1001000000000 - n for n in (1, 2, 3, 4))
_PEOPLE = (("Аня", "anya"), ("Борис", "boris"), ("Вера", "vera"))
_TOPICS = ("Вопросы боту", "Флудилка")


class Playground:
    """A local Telegram for one bot at a time.

    `async with Playground(...) as playground` serves until the block ends. Point the bot at
    it with `AiohttpSession(api=TelegramAPIServer.from_base(playground.api_url))` and
    `playground.token`; open `playground.page_url`, or act as people through `person`.
    With a `state_dir` everything is kept there; without one it lives in memory.
    `private_topics` gives the bot topics in private chats, as a switch of @BotFather does.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        state_dir: Path | None = None,
        bot_name: str = "Бот",
        bot_username: str = "playground_bot",
        limits: RateLimits | None = None,
        history: int = 500,
        private_topics: bool = False,
    ) -> None:
        self._host = host
        self._port = port
        self._state_dir = state_dir
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._runner: web.AppRunner | None = None
        bot = User(_bot_id(bot_username), bot_name, bot_username, is_bot=True)
        self.world = World(bot, UpdateQueue(), history, private_topics)
        self.faults = Faults()
        self.limits = limits or RateLimits()
        self.webhook = Webhook(self.world.updates)
        self.token = f"{bot.id}:{new_secret()}"

    # --- Running -------------------------------------------------------------

    async def __aenter__(self) -> Playground:
        folder = self._open_folder()
        if self._state_dir:
            self.token = f"{self.world.bot.id}:{kept_secret(folder / TOKEN_FILE)}"
        self._files = FileStore(folder / "playground-files")
        self._api = BotApi(
            self.world, self.token, self._files, self.limits, self.faults, self.webhook
        )
        self.webhook.answer = self._api.call
        self._snapshot = Snapshot(folder / STATE_FILE, self._collect)
        self._load()
        if self._state_dir:
            self.world.on_change = self._snapshot.touch
            self.world.updates.on_change = self._snapshot.touch
        self._open_page()
        await self._serve()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.webhook.aclose()
        self.world.updates.release(ApiError(502, "Bad Gateway"))
        self._events.close()
        for chat in self.world.chats.values():
            if chat.draft:
                chat.draft.expiry.cancel()
        if self._runner:
            await self._runner.cleanup()
        if self._state_dir:
            await self._snapshot.aclose()
        if self._temporary:
            self._temporary.cleanup()

    def _open_folder(self) -> Path:
        if self._state_dir:
            return private_folder(self._state_dir)
        self._temporary = tempfile.TemporaryDirectory(prefix="playground-")
        return Path(self._temporary.name)

    def _open_page(self) -> None:
        self._events = EventStream()
        actions = PageActions(
            self.world,
            self._files,
            self.faults,
            self.limits,
            self.clear,
            lambda: self._events.send({"event": "reload"}),
        )
        self._page = PageApi(self.world, self._api, self._files, self._events, actions)

    async def _serve(self) -> None:
        app = web.Application(
            middlewares=[Guard(self._host).middleware], client_max_size=MAX_UPLOAD + 2**20
        )
        for verb in ("GET", "POST"):
            app.router.add_route(verb, "/bot{token:[^/]+}/{method}", self._api.handle)
        app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._download, allow_head=False)
        self._page.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]

    # --- Addresses -----------------------------------------------------------

    @property
    def page_url(self) -> str:
        host = "127.0.0.1" if self._host in ("", "0.0.0.0", "::") else self._host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}/"

    @property
    def api_url(self) -> str:
        """The base for `TelegramAPIServer.from_base`."""
        return self.page_url.rstrip("/")

    # --- People and places ---------------------------------------------------

    def person(self, name: str) -> Person:
        """A person by name; an unknown name makes a new one."""
        found = next((user for user in self.world.people() if user.first_name == name), None)
        if not found and not is_encodable(name):
            raise NotAllowed(BROKEN_LETTER)
        return Person(self.world, self._files, found or self.world.add_person(name))

    @property
    def group(self) -> Chat:
        return self.world.chats[str(GROUP_ID)]

    @property
    def forum(self) -> Chat:
        return self.world.chats[str(FORUM_ID)]

    @property
    def channel(self) -> Chat:
        return self.world.chats[str(CHANNEL_ID)]

    @property
    def discussion(self) -> Chat:
        """The channel's discussion group: its posts are forwarded there, comments live there."""
        return self.world.chats[str(DISCUSSION_ID)]

    @property
    def calls(self) -> list[ApiCall]:
        """The last calls of the bot, oldest first; successful polls are left out."""
        return list(self._api.calls)

    @property
    def api(self) -> BotApi:
        return self._api

    def clear(self) -> None:
        """Forget messages, files, the queue and the log; people, chats and ids stay."""
        for chat in self.world.chats.values():
            self.world.drafts.end(chat)
            topics = {i: m for i, m in chat.messages.items() if i in chat.topics}
            chat.messages.clear()
            chat.messages.update(topics)
            chat.keyboard = chat.pinned = None
            self.world.publish("chat", chat, {})
        self.world.updates.drop()
        self.world.callbacks.clear()
        self._files.clear()
        self._api.calls.clear()

    # --- State ---------------------------------------------------------------

    def _load(self) -> None:
        state = self._snapshot.read() if self._state_dir else None
        if state:
            state.fill(self.world)
            self._files.load(state.files)
            self._api.commands.update(state.commands.get(str(self.world.bot.id), {}))
        else:
            self._furnish()
        self._other_commands = state.commands if state else {}
        self.world.admit_bot()

    def _collect(self) -> Json:
        commands = {**self._other_commands, str(self.world.bot.id): self._api.commands}
        return {**dump_world(self.world), "files": self._files.dump(), "commands": commands}

    def _furnish(self) -> None:
        """The people and chats that a new playground begins with."""
        people = [self.world.add_person(*person) for person in _PEOPLE]
        owner, *others = (person.id for person in people)
        members = {owner: "creator", **dict.fromkeys(others, "member")}
        add = self.world.add_chat
        add(Chat(GROUP_ID, "supergroup", "Друзья", members=dict(members)))
        forum = add(Chat(FORUM_ID, "supergroup", "Клуб", is_forum=True, members=dict(members)))
        add(Chat(CHANNEL_ID, "channel", "Новости дня", "novosti_dnya",
                 linked_id=DISCUSSION_ID, members=dict(members)))  # fmt: skip
        add(Chat(DISCUSSION_ID, "supergroup", "Новости дня: обсуждение",
                 linked_id=CHANNEL_ID, members=dict(members)))  # fmt: skip
        for person in people:
            self.world.private(person)
        for topic in _TOPICS:
            self.world.add_topic(forum, topic, Author.as_self(people[0]))

    # --- HTTP ----------------------------------------------------------------

    async def _download(self, request: web.Request) -> web.StreamResponse:
        stored = self._files.at(request.match_info["path"])
        if stored is None or not hmac.compare_digest(
            request.match_info["token"].encode(), self.token.encode()
        ):
            raise web.HTTPNotFound(text="Not Found")
        response = web.FileResponse(self._files.location(stored))
        response.content_type = "application/octet-stream"  # nothing here is shown as a page
        return response


def _bot_id(username: str) -> int:
    """A bot's id follows from its name, so that it is the same at the next start."""
    return 7_000_000_000 + int.from_bytes(hashlib.sha256(username.encode()).digest()[:3], "big")
