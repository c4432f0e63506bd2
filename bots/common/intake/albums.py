"""Gather the messages of an album, which Telegram delivers one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiogram.types import Message, Update

from bots.common.intake.journal import Journal

MAX_PARTS = 10  # Telegram's own bound

_Key = tuple[int, str]  # chat, media group


@dataclass(eq=False, slots=True)
class Album:
    """The messages of one album, in the order in which they were sent."""

    parts: list[Message]
    updates: list[int]  # ids of all parts
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    complete: bool = False

    async def gathered(self) -> list[Message]:
        """Wait until no further part comes; what comes later still begins an album anew."""
        while len(self.parts) < MAX_PARTS:
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), Albums.QUIET)
            except TimeoutError:
                break
        self.complete = True
        return sorted(self.parts, key=lambda part: part.message_id)


class Albums:
    """Lets the first message of an album be handled, and the others join it.

    The updates of all parts end together, so a crash loses none.
    """

    QUIET = 0.5  # seconds without a further part

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open: dict[_Key, Album] = {}

    def join(self, update: Update) -> bool:
        """Add a message to its album; False when it is the first one, or in none."""
        album = self._open.get(_key(update) or (0, ""))
        if album is None or update.message is None:
            return False
        if album.complete or len(album.parts) >= MAX_PARTS:
            return False
        album.parts.append(update.message)
        album.updates.append(update.update_id)
        album.arrived.set()
        self._journal.set_aside(update.update_id)
        return True

    @contextmanager
    def opened(self, update: Update, update_ids: list[int]) -> Iterator[Album | None]:
        """Let further parts join the message inside the block; their ids join `update_ids`."""
        key = _key(update)
        if key is None or update.message is None:
            yield None
            return
        album = self._open[key] = Album([update.message], update_ids)
        try:
            yield album
        finally:
            if self._open.get(key) is album:
                del self._open[key]


def _key(update: Update) -> _Key | None:
    message = update.message
    if message is None or not message.media_group_id:
        return None
    return message.chat.id, message.media_group_id
