"""/forget: deletes what is kept of a person while nothing of theirs is in progress.

An answer that is written while the rows are deleted would store them again. So every handler
is counted under the person who caused it; /forget stops their answers, waits until their
handlers have ended, holds the conversations they took part in, and only then deletes.
Messages that come meanwhile wait.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiogram import BaseMiddleware, Router
from aiogram.filters import Command
from aiogram.types import Message, MessageReactionUpdated, TelegramObject

from bots.common import texts
from bots.common.conversation import author_of, opened_talk
from bots.common.turns import Interrupted, Interruption, Turns
from services.errors import Busy
from services.storage import ConversationKey, HistoryStore

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
Delete = Callable[[int], Awaitable[object]]

STOP_INTERVAL = 0.05  # seconds between requests to stop: a handler may only now begin an answer


class Forgetting(BaseMiddleware):
    """Deletes a person's data; as a middleware it counts everybody's handlers in progress."""

    def __init__(self, bot_name: str, turns: Turns, history: HistoryStore) -> None:
        self._bot_name = bot_name
        self._turns = turns
        self._history = history
        self._deletes: list[Delete] = []
        self._running: defaultdict[int, set[asyncio.Task[Any] | None]] = defaultdict(set)
        self._closed: dict[int, asyncio.Event] = {}

    def also(self, delete: Delete) -> None:
        """Let `delete(person_id)` run with every /forget."""
        self._deletes.append(delete)

    async def forget(self, person_id: int) -> None:
        """Delete a person's messages, the answers that may repeat them, and what `also` named."""
        async with self.alone(person_id):
            await self._history.forget(self._bot_name, person_id)
            for delete in self._deletes:
                await delete(person_id)

    @asynccontextmanager
    async def alone(self, person_id: int) -> AsyncIterator[None]:
        """Run the block while no handler of the person runs and their conversations rest."""
        self._leave(person_id)
        while closed := self._closed.get(person_id):
            await closed.wait()
        opened = self._closed[person_id] = asyncio.Event()
        try:
            while self._running.get(person_id):
                self._turns.stop_person(person_id)
                await asyncio.sleep(STOP_INTERVAL)
            async with AsyncExitStack() as stack:
                # One order for all, so that two who forget don't wait for each other.
                for key in sorted(await self._history.conversations(self._bot_name, person_id)):
                    await stack.enter_async_context(self._quiet(key))
                yield
        finally:
            del self._closed[person_id]
            opened.set()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        person_id = person_of(event)
        while closed := self._closed.get(person_id):
            await closed.wait()
            if opened_talk.get() < 0:  # what /new began is forgotten
                opened_talk.set(0)
        self._running[person_id].add(asyncio.current_task())
        try:
            return await handler(event, data)
        finally:
            self._leave(person_id)

    def _leave(self, person_id: int) -> None:
        running = self._running.get(person_id, set())
        running.discard(asyncio.current_task())
        if not running:
            self._running.pop(person_id, None)

    @asynccontextmanager
    async def _quiet(self, key: ConversationKey) -> AsyncIterator[None]:
        """Hold a conversation's turn: an answer to somebody else may repeat the person's words."""
        async with AsyncExitStack() as stack:
            while True:
                await self._turns.stop(key)
                try:
                    await stack.enter_async_context(self._turns.turn(key))
                    break
                except Busy:
                    await asyncio.sleep(STOP_INTERVAL)
                except Interrupted as error:
                    if error.reason is Interruption.SHUTDOWN:
                        raise
            yield


def register(router: Router) -> None:
    """Give a bot's router the command /forget."""
    router.message.register(on_forget, Command("forget"), flags={"free": True})


async def on_forget(message: Message, forgetting: Forgetting) -> None:
    await forgetting.forget(author_of(message).id)
    await message.answer(texts.FORGOTTEN)


def person_of(event: TelegramObject) -> int:
    """The id of who caused an event: a user, or a chat that writes in its own name."""
    if isinstance(event, Message):
        return author_of(event).id
    if isinstance(event, MessageReactionUpdated):
        source = event.user or event.actor_chat
        return source.id if source else 0
    user = getattr(event, "from_user", None)
    return user.id if user else 0
