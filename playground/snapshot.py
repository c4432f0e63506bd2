"""State that outlives the process: one JSON file, replaced as a whole.

It is written half a second after the first change since the last time, so a killed
process loses less than a second; a half-written file never takes the old one's place.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from playground.errors import Json
from playground.world import Chat, User, World

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


def load_world(world: World, state: Json) -> None:
    """Fill a new world; after a kill, ids go on behind those that may have been given out."""
    lost = 0 if state["clean"] else _LOST_IDS
    world.updates.load(state["updates"], skip=0 if state["clean"] else _LOST_UPDATES)
    for fields in state["users"]:
        world.users.setdefault(fields["id"], User(**fields))
    for fields in state["chats"]:
        chat = Chat(
            **{name: fields[name] for name in _CHAT_FIELDS},
            members=dict(fields["members"]),
            topics=dict(fields["topics"]),
            messages={message["message_id"]: message for message in fields["messages"]},
        )
        chat.last_id += lost
        world.chats[chat.key] = chat


class Snapshot:
    """Keeps a file up to date with what `collect` returns."""

    def __init__(self, path: Path, collect: Callable[[], Json]) -> None:
        self._path = path
        self._collect = collect
        self._dirty = False
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def read(self) -> Json | None:
        """The last state; a broken file is set aside, not overwritten."""
        try:
            state = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            aside = self._path.with_suffix(".broken")
            self._path.replace(aside)
            logger.warning("playground state was unreadable, kept as %s", aside.name)
            return None
        if not isinstance(state, dict) or state.get("version") != VERSION:
            logger.warning("playground state has another version and is not used")
            return None
        return state

    def touch(self) -> None:
        """Note that something changed; the file follows soon."""
        if not self._dirty:
            self._dirty = True
            self._task = asyncio.get_running_loop().create_task(self._save_soon())

    async def _save_soon(self) -> None:
        await asyncio.sleep(SAVE_SECONDS)
        await self.save()

    async def save(self, *, clean: bool = False) -> None:
        async with self._writing:
            self._dirty = False
            state = {"version": VERSION, "clean": clean, **self._collect()}
            encoded = json.dumps(state, ensure_ascii=False)
            await asyncio.to_thread(self._write, encoded)

    def _write(self, encoded: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    async def aclose(self) -> None:
        """Write everything and note that nothing is missing."""
        if self._task and self._dirty:
            self._task.cancel()  # it sleeps: what is being written is never cancelled
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)
        await self.save(clean=True)
