"""Saved state: one JSON file, replaced atomically.

It is written half a second after the first change since the last time, so a killed
process loses less than a second; a half-written file never takes the old one's place.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from playground.chats import Chat, User
from playground.errors import Json
from playground.files import StoredFile
from playground.markup import encodable
from playground.private_files import private_folder, write_private
from playground.updates import UpdateQueue
from playground.world import World

logger = logging.getLogger(__name__)

SAVE_SECONDS = 0.5
VERSION = 1
# A killed process may have given out ids that it didn't save; none is given out twice.
_LOST_IDS = 100
_LOST_UPDATES = 1000
_CHAT_FIELDS = (
    "id",
    "type",
    "title",
    "username",
    "bot_id",
    "is_forum",
    "linked_id",
    "keyboard",
    "pinned",
    "last_id",
)


def dump_world(world: World) -> Json:
    return {
        "updates": world.updates.dump(),
        "users": [asdict(user) for user in world.users.values()],
        "chats": [_dump_chat(chat) for chat in world.chats.values()],
    }


def _dump_chat(chat: Chat) -> Json:
    return {
        **{name: getattr(chat, name) for name in _CHAT_FIELDS},
        "members": list(chat.members.items()),
        "topics": list(chat.topics.items()),
        "messages": list(chat.messages.values()),
    }


@dataclass(frozen=True, slots=True)
class State:
    """A saved state, checked as far as a start needs it."""

    clean: bool
    updates: Json
    users: list[User]
    chats: list[Chat]
    files: list[StoredFile]
    commands: dict[str, dict[str, list[Json]]]

    def fill(self, world: World) -> None:
        """Fill a new world; after a kill, ids go on behind those that may have been given out."""
        world.updates.load(self.updates, skip=0 if self.clean else _LOST_UPDATES)
        for user in self.users:
            world.users.setdefault(user.id, user)
        for chat in self.chats:
            chat.last_id += 0 if self.clean else _LOST_IDS
            world.chats[chat.key] = chat


def parse_state(text: str) -> State:
    """Read a state; raise ValueError, or what a wrong shape leads to, when it can't be used."""
    state = json.loads(encodable(text))
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise ValueError("another version")
    UpdateQueue().load(state["updates"])
    return State(
        bool(state["clean"]),
        state["updates"],
        [User(**fields) for fields in state["users"]],
        [_load_chat(fields) for fields in state["chats"]],
        [StoredFile.load(fields) for fields in state["files"]],
        {str(bot): dict(commands) for bot, commands in state["commands"].items()},
    )


def _load_chat(fields: Json) -> Chat:
    return Chat(
        **{name: fields[name] for name in _CHAT_FIELDS},
        members=dict(fields["members"]),
        topics=dict(fields["topics"]),
        messages={_checked_id(message): message for message in fields["messages"]},
    )


def _checked_id(message: Json) -> int:
    if not all(isinstance(message[name], int) for name in ("message_id", "date", "_by")):
        raise ValueError("a message without its numbers")
    return int(message["message_id"])


class Snapshot:
    """Keeps a file up to date with what `collect` returns."""

    def __init__(self, path: Path, collect: Callable[[], Json]) -> None:
        self._path = path
        self._collect = collect
        self._dirty = False
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def read(self) -> State | None:
        """Return the last state; one that can't be used is set aside, never overwritten."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            self._path.chmod(0o600)
            return parse_state(data.decode("utf-8", "surrogatepass"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            aside = self._set_aside()
            logger.warning(
                "The playground state can't be used (%s): kept as %s, starting anew",
                type(error).__name__,
                aside.name,
            )
            return None

    def _set_aside(self) -> Path:
        for number in count(1):
            suffix = ".broken" if number == 1 else f".{number}.broken"
            aside = self._path.with_suffix(suffix)
            if not aside.exists():
                break
        self._path.replace(aside)
        return aside

    def touch(self) -> None:
        """Note that something changed; the file follows soon."""
        if not self._dirty:
            self._dirty = True
            self._task = asyncio.get_running_loop().create_task(self._save_soon())

    async def _save_soon(self) -> None:
        await asyncio.sleep(SAVE_SECONDS)
        await self.save()

    async def save(self, *, clean: bool = False) -> None:
        """Write the state; where that fails, the next change tries again."""
        async with self._writing:
            self._dirty = False
            state = {"version": VERSION, "clean": clean, **self._collect()}
            encoded = encodable(json.dumps(state, ensure_ascii=False)).encode()
            try:
                await asyncio.to_thread(self._write, encoded)
            except OSError as error:
                logger.error("The playground state couldn't be saved: %s", error.strerror)

    def _write(self, encoded: bytes) -> None:
        private_folder(self._path.parent)
        temporary = self._path.with_suffix(".tmp")
        write_private(temporary, encoded)
        temporary.replace(self._path)

    async def aclose(self) -> None:
        """Write everything and note that nothing is missing."""
        if self._task and self._dirty:
            self._task.cancel()  # it sleeps: what is being written is never cancelled
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)
        await self.save(clean=True)
