"""Callback queries: pressed inline buttons that wait for the bot's answer."""

from __future__ import annotations

import asyncio
import hashlib
import time

from playground.chats import Chat, User
from playground.drafts import Notify
from playground.errors import Json
from playground.messages import public

_MAX_WAITING = 1000


class Callbacks:
    """Open queries by id; the oldest is dropped when there are too many."""

    def __init__(self, tell_bot: Notify) -> None:
        self._tell_bot = tell_bot
        self._waiting: dict[str, asyncio.Future[Json]] = {}

    def press(self, chat: Chat, message: Json, person: User, data: str) -> asyncio.Future[Json]:
        """Press an inline button and return the answer to come."""
        number = int(time.time() * 1000) * 1000 + len(self._waiting) % 1000
        query_id = str((person.id << 64 | number) % 10**19)
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[query_id] = answer
        while len(self._waiting) > _MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting))).cancel()
        body = {
            "id": query_id,
            "from": person.wire(),
            "chat_instance": hashlib.sha256(chat.key.encode()).hexdigest()[:16],
            "message": public(message),
            "data": data,
        }
        self._tell_bot("callback_query", chat, body)
        return answer

    def answer(self, query_id: str, body: Json) -> bool:
        """Answer a query; False when it isn't open any more."""
        waiting = self._waiting.pop(query_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(body)
        return waiting is not None

    def clear(self) -> None:
        self._waiting.clear()
