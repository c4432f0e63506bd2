"""The update queue: pending updates, long polls, and allowed_updates."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import NamedTuple

from playground.errors import ApiError, Json

# Not sent unless a bot asks for them by name.
ON_REQUEST = frozenset(("chat_member", "message_reaction", "message_reaction_count"))
MAX_UPDATES = 100_000
_encode = json.JSONEncoder(ensure_ascii=False).encode
_GONE = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)


class Update(NamedTuple):
    """An update encoded when it happened, so later edits don't change it."""

    id: int
    chat_id: int
    body: str


class UpdateQueue:
    """Updates in order until the bot confirms them, by polling on or by its webhook's 200."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._updates: deque[Update] = deque(maxlen=MAX_UPDATES)
        self._on_the_way: dict[int, Update] = {}
        self._poll: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()
        self.on_change = on_change
        self.last_id = int(time.time() * 1000)  # a new playground repeats no old one's ids
        self.allowed: frozenset[str] | None = None

    def __len__(self) -> int:
        return len(self._updates) + len(self._on_the_way)

    def allow(self, kinds: Collection[str] | None) -> None:
        """Remember which kinds the bot wants; None keeps what it said before."""
        if kinds is not None:
            self.allowed = frozenset(kinds) or None
            self.on_change()

    def push(self, kind: str, chat_id: int, body: Json) -> None:
        wanted = kind in self.allowed if self.allowed else kind not in ON_REQUEST
        if not wanted:
            return
        self.last_id += 1
        encoded = _encode({"update_id": self.last_id, kind: body})
        self._updates.append(Update(self.last_id, chat_id, encoded))
        self._arrived.set()
        self.on_change()

    def confirm(self, offset: int) -> None:
        """Drop updates before `offset`; a negative one keeps that many of the newest."""
        if offset < 0:
            offset = self._updates[offset].id if -offset <= len(self._updates) else 0
        while self._updates and self._updates[0].id < offset:
            self._updates.popleft()
            self.on_change()

    def drop(self) -> None:
        self._updates.clear()
        self._on_the_way.clear()
        self.on_change()

    async def take(self) -> Update:
        """Take the oldest update for delivery by webhook; wait for one if there is none."""
        await self.arrival()
        update = self._updates.popleft()
        self._on_the_way[update.id] = update
        return update

    def delivered(self, update: Update) -> None:
        self._on_the_way.pop(update.id, None)
        self.on_change()

    def put_back(self) -> None:
        """Return undelivered updates to the queue in their old order."""
        self._updates.extendleft(reversed(self._on_the_way.values()))
        self._on_the_way.clear()

    async def arrival(self) -> None:
        """Return when there is something in the queue."""
        while not self._updates:
            self._arrived.clear()
            await self._arrived.wait()

    async def poll(self, offset: int, limit: int, timeout: float) -> list[str]:
        """Wait for updates; a later poll ends this one with a conflict."""
        self.release(ApiError(409, _GONE))
        self.confirm(offset)
        if not self._updates and timeout > 0:
            await self._hold(timeout)
        return [update.body for update in islice(self._updates, limit)]

    async def _hold(self, timeout: float) -> None:
        held = self._poll = asyncio.get_running_loop().create_future()
        arrival = asyncio.ensure_future(self.arrival())
        try:
            await asyncio.wait((held, arrival), timeout=timeout, return_when="FIRST_COMPLETED")
            if held.done():
                held.result()
        finally:
            arrival.cancel()
            if self._poll is held:
                self._poll = None

    def release(self, reason: ApiError) -> None:
        """End the current long poll with an error."""
        if self._poll and not self._poll.done():
            self._poll.set_exception(reason)
            self._poll = None

    def dump(self) -> Json:
        allowed = sorted(self.allowed) if self.allowed else None
        waiting = [*self._on_the_way.values(), *self._updates]
        return {"last_id": self.last_id, "allowed": allowed, "updates": waiting}

    def load(self, state: Json, *, skip: int = 0) -> None:
        """Go on from a saved state, `skip` ids further."""
        self.last_id = state["last_id"] + skip
        self.allowed = frozenset(state["allowed"]) if state["allowed"] else None
        self._updates.extend(_loaded(state["updates"]))


def _loaded(updates: Iterable[list[object]]) -> Iterable[Update]:
    return (Update(int(str(i)), int(str(chat)), str(body)) for i, chat, body in updates)
