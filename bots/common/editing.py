"""Answer a person's last message anew when they edit it.

The edited message takes the way of a new one. What the old wording left is undone first: its
answer is stopped if it still runs, both are taken out of the history, and the bot's own traces
go through `Editing.also`. The new answer takes the place of the old one in the chat.

Which message was the last, and what answered it, is known in this process only; after a restart
the history tells the message, and the new answer is sent below.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.methods import DeleteMessage, TelegramMethod
from aiogram.types import Message, TelegramObject, Update

from bots.common.conversation import author_of, opened_talk
from bots.common.middlewares import Handler
from bots.common.turns import Interruption, Turns
from services.budgets import asked_in
from services.head_start import settled
from services.storage import HistoryStore

MAX_KEPT = 10_000  # last exchanges
NOT_ONE = 0  # instead of a message id: several messages were answered as one


class OldWording(NamedTuple):
    """What an edited message was before, and the messages that answered it."""

    person_id: int
    chat_id: int
    message_id: int
    answers: Sequence[int]


Undo = Callable[[OldWording], Awaitable[object]]
_Key = tuple[int, int, int]  # chat, thread, author


@dataclass(eq=False, slots=True)
class _Exchange:
    message_id: int
    text: str
    update: str
    talk: int
    answers: dict[int, Message] = field(default_factory=dict)
    replaced: list[Message] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


_current: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


class Editing(BaseMiddleware):
    """Turns the edit of a last message into a question; as a middleware it keeps the exchanges."""

    def __init__(self, bot_name: str, turns: Turns, history: HistoryStore) -> None:
        self._bot_name = bot_name
        self._turns = turns
        self._history = history
        self._undo: list[Undo] = []
        self._last: dict[_Key, _Exchange] = {}

    def also(self, undo: Undo) -> None:
        """Let `undo` remove what a bot keeps of a message, before its new wording is answered."""
        self._undo.append(undo)

    async def forget(self, person_id: int) -> None:
        """Drop the exchanges of a person, and of their private chat."""
        gone = [key for key in self._last if person_id in (key[0], key[2])]
        for key in gone:
            del self._last[key]

    async def as_question(self, update: Update, *, replayed: bool = False) -> Update:
        """The update as a new message, if it edits the last one of its author.

        A replayed one was found to be that before.
        """
        message = update.edited_message
        if message is None or not (replayed or await self._is_last(message)):
            return update
        return update.model_copy(update={"message": message, "edited_message": None})

    async def talk_of(self, message: Message) -> int | None:
        """The talk that a message of a private chat was answered in, if it is known."""
        known = self._last.get(_key(message))
        if known and known.message_id == message.message_id:
            return known.talk
        return await self._history.thread_of(self._bot_name, message.chat.id, message.message_id)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        if not get_flag(data, "gather"):
            return await handler(event, data)
        key, before = _key(event), self._last.pop(_key(event), None)
        text = _text(event)
        single = data["text"] == text.strip()  # a part of a paste alone says too little
        number = event.message_id if single else NOT_ONE
        exchange = _Exchange(number, text, asked_in.get(), opened_talk.get())
        self._last[key] = exchange
        if len(self._last) > MAX_KEPT:
            del self._last[next(iter(self._last))]
        token = _current.set(exchange)
        try:
            if event.edit_date:
                await settled()  # what is undone here can't be taken back
                if before and before.message_id == number:
                    exchange.replaced = await self._answers_to(before)
                await self._take_out(event, exchange.replaced)
            return await handler(event, data)
        finally:
            exchange.ended.set()
            _current.reset(token)

    async def _is_last(self, message: Message) -> bool:
        text = _text(message)
        if not text or text.startswith("/"):
            return False
        if known := self._last.get(_key(message)):
            return known.message_id == message.message_id and known.text != text
        last = await self._history.last_question(
            self._bot_name, message.chat.id, author_of(message).id
        )
        return last is not None and last.source_id == message.message_id and last.content != text

    async def _answers_to(self, exchange: _Exchange) -> list[Message]:
        """What is shown of an answer, once nothing more comes."""
        self._turns.interrupt(exchange.update, Interruption.EDITED)
        await exchange.ended.wait()
        return [*exchange.replaced, *exchange.answers.values()]

    async def _take_out(self, message: Message, answers: Sequence[Message]) -> None:
        numbers = [answer.message_id for answer in answers]
        old = OldWording(author_of(message).id, message.chat.id, message.message_id, numbers)
        await self._history.take_out(self._bot_name, old.chat_id, old.message_id)
        for undo in self._undo:
            await undo(old)


def replaced_messages() -> list[Message]:
    """The messages of the old answer; whoever asks first has to change or delete them."""
    exchange = _current.get()
    if exchange is None:
        return []
    messages, exchange.replaced = exchange.replaced, []
    exchange.answers.update((message.message_id, message) for message in messages)
    return messages


def note_call(method: TelegramMethod[Any], result: object) -> None:
    """Remember which messages the answer in progress consists of."""
    exchange = _current.get()
    if exchange is None:
        return
    if isinstance(result, Message) and result.message_id:
        exchange.answers[result.message_id] = result
    elif isinstance(method, DeleteMessage):
        exchange.answers.pop(method.message_id, None)


def _text(message: Message) -> str:
    return message.text or message.caption or ""


def _key(message: Message) -> _Key:
    return message.chat.id, message.message_thread_id or 0, author_of(message).id
