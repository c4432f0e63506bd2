"""Put a long paste back together, which clients split into several messages.

The answer begins with the first message: nearly always it is the whole question. If another
part follows within a moment, what has begun is taken back (`services.head_start`) and the
whole is answered. A message so long that it was probably cut waits for the rest first, and so
does what has already got a second part: no question is asked more than twice.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.flags import get_flag
from aiogram.types import Message, TelegramObject, Update
from telegramify_markdown import utf16_len

from bots.common import texts
from bots.common.conversation import author_of
from bots.common.coordination import Coordination, RateDecision
from bots.common.formatting import TEXT_LIMIT
from bots.common.intake.journal import Journal
from bots.common.metrics import PASTE_PARTS
from bots.common.middlewares import Handler
from bots.common.notices import send_aside
from services.head_start import HeadStart, TakenBack, settled
from services.texts import wait_text

MAX_BYTES = 128 * 1024  # of one paste, in UTF-8

_Key = tuple[int, int, int]  # chat, thread, author


@dataclass(eq=False, slots=True)
class Paste:
    """A message and the further parts that have joined it."""

    key: _Key
    first: int  # message id
    parts: dict[int, str]  # by message id
    size: int  # bytes
    updates: list[int]  # ids of all parts
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    head_start: HeadStart | None = None
    deadline: float = math.inf  # of the last part, in the event loop's time
    timer: asyncio.TimerHandle | None = None
    told_too_long: bool = False

    @property
    def text(self) -> str:
        """The parts as one text: those of exactly the limit were cut, others end a line."""
        parts = [self.parts[number] for number in sorted(self.parts)]
        return "".join(
            part if utf16_len(part) == TEXT_LIMIT else f"{part}\n" for part in parts
        ).strip()

    @property
    def ends_long(self) -> bool:
        return utf16_len(self.parts[max(self.parts)]) >= Pastes.LONG

    def continues(self, message: Message) -> bool:
        """Whether the part before this message is so long that it was probably cut."""
        before = [number for number in self.parts if number < message.message_id]
        return bool(before) and utf16_len(self.parts[max(before)]) >= Pastes.LONG

    def add(self, message: Message) -> bool:
        """Add a part; False when the paste would become larger than MAX_BYTES."""
        text = message.text or ""
        if self.size + _size(text) > MAX_BYTES:
            return False
        self.parts[message.message_id] = text
        self.size += _size(text)
        if self.head_start:
            self.head_start.take_back()
        return True

    def tell_too_long(self) -> bool:
        """Whether the author has yet to be told that the paste is too long."""
        told, self.told_too_long = self.told_too_long, True
        return not told


class Pastes(BaseMiddleware):
    """Joins messages that follow each other at once into one text for one handler.

    `opened` and `join` are called for every update before any filter: a message that nobody
    handles alone may still be a part. As an inner middleware it passes what has come as `text`
    to handlers with the flag `gather`, and runs them again when more comes before the question
    is settled; for other handlers nothing is joined. The updates of joined parts end together
    with the first one, so a crash loses none.
    """

    QUIET = 0.3  # seconds without a further part
    QUIET_AFTER_LONG = 1.5
    LONG = 4000  # UTF-16 units: such a message was probably cut, and more will come
    MAX_WAIT = 10.0  # seconds for all parts together

    def __init__(self, journal: Journal, coordination: Coordination, per_minute: int) -> None:
        self._journal = journal
        self._coordination = coordination
        self._per_minute = per_minute
        self._open: dict[_Key, Paste] = {}

    async def join(self, update: Update, *, unlimited: bool = False) -> bool:
        """Add a message to the open paste of its author; False when it stands alone.

        A part that is refused is finished at once. `unlimited` parts aren't throttled.
        """
        message = update.message
        if message is None or not message.text or message.text.startswith("/"):
            return False
        key = _key(message)
        while paste := self._open.get(key):
            await paste.decided.wait()
            pace = RateDecision() if unlimited else await self._pace(paste, message)
            if self._open.get(key) is not paste:
                continue
            if not pace.wait and paste.add(message):
                paste.updates.append(update.update_id)
                self._journal.set_aside(update.update_id)
                PASTE_PARTS.labels("joined").inc()
                return True
            PASTE_PARTS.labels("refused").inc()
            await self._journal.finish(update.update_id)
            if pace.tell:
                await send_aside(message, texts.TOO_FAST.format(wait=wait_text(pace.wait)))
            elif not pace.wait:
                self._settle_later(paste)
                if paste.tell_too_long():
                    await send_aside(message, texts.PASTE_TOO_LONG)
            return True
        return False

    @contextmanager
    def opened(self, update: Update, update_ids: list[int]) -> Iterator[None]:
        """Let further parts join the message inside the block; their ids join `update_ids`.

        A file with a caption that comes amid a paste is a question of its own.
        """
        message = update.message
        text = message.text or message.caption if message else None
        if message is None or not text or text.startswith("/") or _key(message) in self._open:
            yield
            return
        paste = Paste(
            _key(message), message.message_id, {message.message_id: text}, _size(text), update_ids
        )
        self._open[paste.key] = paste
        try:
            yield
        finally:
            self._close(paste)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        paste = self._open.get(_key(event))
        if paste and paste.first != event.message_id:
            paste = None
        if not get_flag(data, "gather"):
            if paste:
                self._close(paste)
            return await handler(event, data)
        text = event.text or event.caption or ""
        if paste is None:
            return await handler(event, {**data, "text": text.strip()})
        paste.parts[event.message_id] = text  # a caption has got what the recording says
        paste.decided.set()

        async def answer() -> Any:
            if paste.ends_long or len(paste.parts) > 1 or data.get("replayed"):
                await settled()
            return await handler(event, {**data, "text": paste.text})

        return await self._answer(paste, answer)

    async def _answer(self, paste: Paste, answer: Callable[[], Awaitable[Any]]) -> Any:
        """Answer the paste as it is; begin anew with every part that comes before it's settled."""
        paste.deadline = asyncio.get_running_loop().time() + self.MAX_WAIT
        while True:
            paste.head_start = head_start = HeadStart()
            self._settle_later(paste)
            try:
                return await head_start.run(answer)
            except TakenBack:
                PASTE_PARTS.labels("restarted").inc()
            finally:
                head_start.settle()

    def _settle_later(self, paste: Paste) -> None:
        """Close the paste when no further part has come for a while."""
        if paste.timer:
            paste.timer.cancel()
        loop = asyncio.get_running_loop()
        quiet = self.QUIET_AFTER_LONG if paste.ends_long else self.QUIET
        paste.timer = loop.call_at(min(loop.time() + quiet, paste.deadline), self._close, paste)

    async def _pace(self, paste: Paste, message: Message) -> RateDecision:
        """What continues a cut text is free up to MAX_BYTES; other parts count as messages."""
        if paste.continues(message):
            return RateDecision()
        return await self._coordination.consume_quota(author_of(message).id, self._per_minute)

    def _close(self, paste: Paste) -> None:
        if self._open.get(paste.key) is paste:
            del self._open[paste.key]
        paste.decided.set()
        if paste.timer:
            paste.timer.cancel()
        if paste.head_start:
            paste.head_start.settle()


def _key(message: Message) -> _Key:
    return message.chat.id, message.message_thread_id or 0, author_of(message).id


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
