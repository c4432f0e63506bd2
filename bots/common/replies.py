"""Answers that appear as they are written, at a pace that Telegram bears.

In private chats the growing answer is a draft (`sendMessageDraft`), elsewhere, or
where drafts are refused, a message that is edited. Previews may be skipped; the
final text always goes out through `RetryMiddleware`. What a classic message can't show,
such as a table, goes as a rich message where there are such.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiogram import Bot
from aiogram.enums import ChatAction
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import InlineKeyboardMarkup, Message, ReplyParameters
from aiogram.utils.chat_action import ChatActionSender

from bots.common import texts
from bots.common.conversation import is_private
from bots.common.editing import replaced_messages
from bots.common.formatting import Formatted, Part, RichPart, classic_parts, rich_parts
from bots.common.retries import best_effort
from bots.common.rich import Block
from bots.common.rich_messages import RichAnswer, RichRefused
from bots.common.speaking import speak
from bots.common.turns import Interrupted, Interruption, Turn
from services.chat import Chunk, Completion
from services.errors import ServiceError
from services.loading import LoadingStatus
from services.texts import describe_error

logger = logging.getLogger(__name__)

PRIVATE_INTERVAL = 1.0  # seconds between previews; Telegram bears about one a second
GROUP_INTERVAL = 3.0  # and twenty a minute in a group
FIRST_PREVIEW = 0.7  # seconds after the question; `services.head_start` may hold it longer
TYPING_INTERVAL = 4.5  # a chat action lasts five seconds
DRAFT_LIFETIME = 25.0  # a draft that isn't renewed vanishes after thirty

T = TypeVar("T")

_draft_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered; `completion` is None when the answer was broken off."""

    text: str
    messages: tuple[Message, ...]
    completion: Completion | None


async def send_reply(
    to: Message,
    markdown: str,
    *,
    keyboard: InlineKeyboardMarkup | None = None,
    rich: Sequence[Block] = (),
) -> tuple[Message, ...]:
    """Answer at once with a whole text, in as many messages as it takes.

    `rich` says the same for where rich messages can be sent.
    """
    answer = _Answer(to, replaced_messages())
    await answer.finish(markdown, keyboard, rich)
    return tuple(answer.sent)


async def stream_reply(
    to: Message,
    stream: AsyncGenerator[Chunk, None],
    turn: Turn,
    *,
    keyboard: InlineKeyboardMarkup | None = None,
    footer: Callable[[Completion], str] | None = None,
) -> Reply:
    """Answer with a stream, showing it as it grows; return what was said.

    `footer` makes a last paragraph that isn't part of the answer. /stop keeps what has
    come; so does an error in mid-answer, which the user is told about. Raises ServiceError
    when nothing had come yet, Interrupted when the bot is shut down first.
    """
    answer = _Answer(to, replaced_messages())
    source = _Source(stream)

    async def show() -> float:
        await answer.preview(source.text or waiting_text(turn.loading))
        return answer.interval

    try:
        await turn.run(source.read(), show=show, show_after=FIRST_PREVIEW)
    except Interrupted as error:
        if error.reason is not Interruption.STOPPED:
            await answer.give_up(error.reason)
            raise
        await answer.finish(f"{source.text}\n\n{texts.STOPPED}")
        return Reply(source.text, tuple(answer.sent), None)
    except ServiceError as error:
        if not source.text.strip():
            await answer.withdraw()
            raise
        notice = texts.BROKEN_OFF.format(reason=describe_error(error))
        logger.warning("answer broken off: %s", type(error).__name__)
        await answer.finish(f"{source.text}\n\n{notice}")
        return Reply(source.text, tuple(answer.sent), None)
    note = footer(source.completion) if footer and source.completion else ""
    await answer.finish(f"{source.text.strip() or texts.EMPTY_ANSWER}\n\n{note}", keyboard)
    with suppress(Interrupted):  # the text is out: a voice that is cut off is no loss
        await turn.run(speak(to, source.text))
    return Reply(source.text, tuple(answer.sent), source.completion)


async def run_reply(
    to: Message,
    turn: Turn,
    work: Coroutine[Any, Any, T],
    *,
    action: ChatAction | None = ChatAction.TYPING,
) -> T:
    """Do the work of an answer before it can be shown, under a chat action; return its result.

    Raises Interrupted when /stop or a shutdown comes first; the user is told so.
    """
    answer = _Answer(to)

    async def show() -> float:
        if waiting := waiting_text(turn.loading):
            await answer.preview(waiting)
        return answer.interval

    try:
        async with _chat_action(to, action):
            result = await turn.run(work, show=show, show_after=FIRST_PREVIEW)
    except Interrupted as error:
        await answer.give_up(error.reason)
        raise
    except ServiceError:
        await answer.withdraw()
        raise
    await answer.withdraw()
    return result


def _chat_action(to: Message, action: ChatAction | None) -> AbstractAsyncContextManager[object]:
    if action is None:
        return nullcontext()
    assert to.bot is not None  # noqa: S101  (a message that came from a bot's update)
    topic = to.message_thread_id if to.is_topic_message else None
    return ChatActionSender(bot=to.bot, chat_id=to.chat.id, message_thread_id=topic, action=action)


def waiting_text(status: LoadingStatus) -> str:
    """What stands in place of an answer while the model loads; nothing once it is loaded."""
    if not status.loading:
        return ""
    if status.progress is None:
        return texts.WAKING_UP
    return texts.WAKING_UP_PROGRESS.format(percent=round(status.progress * 100))


def _holds_text(message: Message) -> bool:
    return bool(message.text or message.rich_message)


@dataclass(slots=True)
class _Source:
    """The stream and what has come of it."""

    stream: AsyncGenerator[Chunk, None]
    parts: list[str] = field(default_factory=list)
    completion: Completion | None = None

    @property
    def text(self) -> str:
        return "".join(self.parts)

    async def read(self) -> None:
        async with aclosing(self.stream) as stream:
            async for chunk in stream:
                self.parts.append(chunk.text)
                self.completion = chunk.completion


class _Answer:
    """The messages that show one answer; the last one grows until `finish`.

    `sent` are messages of an older answer whose place this one takes; a voice or a file
    can't become a text and is deleted.
    """

    def __init__(self, to: Message, sent: Sequence[Message] = ()) -> None:
        assert to.bot is not None  # noqa: S101  (a message that came from a bot's update)
        self._to = to
        self._bot: Bot = to.bot
        self._drafts = is_private(to) and not sent
        taken = [message for message in sent if _holds_text(message)]
        self._others = [message for message in sent if message not in taken]
        self._draft_id = next(_draft_ids)
        self._rich = RichAnswer()
        self._shown: list[Part | None] = [None] * len(taken)
        self._quiet_until = 0.0
        self._typing_until = 0.0
        self._draft_until = 0.0
        self.sent: list[Message] = taken

    @property
    def interval(self) -> float:
        return PRIVATE_INTERVAL if is_private(self._to) else GROUP_INTERVAL

    async def preview(self, markdown: str) -> None:
        """Show what has come so far, if Telegram lets us; never fails."""
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            return
        try:
            with best_effort():
                if self._drafts:
                    await self._draft(markdown)
                elif parts := await self._parts(markdown):
                    await self._show(parts, None)
                elif now >= self._typing_until:
                    await self._bot.send_chat_action(
                        self._to.chat.id,
                        ChatAction.TYPING,
                        message_thread_id=self._topic,
                    )
                    self._typing_until = now + TYPING_INTERVAL
        except TelegramRetryAfter as error:
            self._quiet_until = now + error.retry_after
        except TelegramBadRequest as error:
            logger.info("preview refused: %s", error.message)
            self._drafts = False
        except RichRefused:
            logger.info("rich preview refused")  # the next one is classic
        except TelegramAPIError as error:
            logger.info("preview failed: %s", type(error).__name__)

    async def finish(
        self,
        markdown: str,
        keyboard: InlineKeyboardMarkup | None = None,
        rich: Sequence[Block] = (),
    ) -> None:
        """Put the whole text out, whatever the previews showed."""
        parts = await self._parts(markdown, rich)
        try:
            await self._show(parts, keyboard)
        except RichRefused:
            parts = classic_parts(markdown)
            await self._show(parts, keyboard)
        await self._delete(self.sent[len(parts) :] + self._others)
        del self.sent[len(parts) :]

    async def give_up(self, reason: Interruption) -> None:
        """Say why there is no answer; about an edited question there is nothing to say."""
        if reason is Interruption.EDITED:
            await self.withdraw()
        else:
            stopped = reason is Interruption.STOPPED
            await self.finish(texts.STOPPED if stopped else texts.RESTARTING)

    async def withdraw(self) -> None:
        """Delete the previews that were sent as messages."""
        await self._delete(self.sent + self._others)
        self.sent.clear()
        self._shown.clear()

    async def _delete(self, messages: Sequence[Message]) -> None:
        self._others = []
        for message in messages:
            try:
                await message.delete()
            except TelegramBadRequest as error:  # somebody has deleted it, or it is too old
                logger.info("message not deleted: %s", error.message)

    @property
    def _topic(self) -> int | None:
        return self._to.message_thread_id if self._to.is_topic_message else None

    async def _parts(self, markdown: str, rich: Sequence[Block] = ()) -> Sequence[Part]:
        """The messages that say it: rich ones where they show more and can be sent."""
        classic = classic_parts(markdown)
        wanted = rich_parts(markdown, rich, long=len(classic) > 1)
        return wanted if wanted and await self._rich.allowed() else classic

    async def _draft(self, markdown: str) -> None:
        parts = await self._parts(markdown)
        shown = parts[-1] if parts else Formatted("")
        now = asyncio.get_running_loop().time()
        if self._shown == [shown] and now < self._draft_until:
            return
        place: dict[str, Any] = {"message_thread_id": self._topic}
        stopping: dict[str, Any] = {"can_stop": True, "keep_on_stop": True}
        chat, draft = self._to.chat.id, self._draft_id
        if isinstance(shown, RichPart):
            content = shown.content()
            call = self._bot.send_rich_message_draft(chat, draft, content, **place, **stopping)
            await self._rich.attempt(call)
        else:
            entities = list(shown.entities)
            await self._bot.send_message_draft(
                chat, draft, text=shown.text, entities=entities, **place, **stopping
            )
        self._shown, self._draft_until = [shown], now + DRAFT_LIFETIME

    async def _show(self, parts: Sequence[Part], keyboard: InlineKeyboardMarkup | None) -> None:
        for number, part in enumerate(parts):
            markup = keyboard if number == len(parts) - 1 else None
            if number >= len(self.sent):
                self.sent.append(await self._send(part, markup, first=number == 0))
            elif part != self._shown[number] or markup:
                self.sent[number] = await self._edit(self.sent[number], part, markup)
            else:
                continue
            self._shown[number:] = [part]

    async def _send(
        self, part: Part, keyboard: InlineKeyboardMarkup | None, *, first: bool
    ) -> Message:
        reply = None
        if first and not is_private(self._to):
            reply = ReplyParameters(
                message_id=self._to.message_id, allow_sending_without_reply=True
            )
        place: dict[str, Any] = {"message_thread_id": self._topic, "reply_parameters": reply}
        chat = self._to.chat.id
        if isinstance(part, RichPart):
            content = part.content()
            call = self._bot.send_rich_message(chat, content, reply_markup=keyboard, **place)
            return await self._rich.attempt(call)
        return await self._accepted(
            part,
            lambda part: self._bot.send_message(
                chat, part.text, entities=list(part.entities), reply_markup=keyboard, **place
            ),
        )

    async def _edit(
        self, message: Message, part: Part, keyboard: InlineKeyboardMarkup | None
    ) -> Message:
        try:
            edited = await self._edited(message, part, keyboard)
        except TelegramBadRequest as error:
            if "not modified" in error.message:
                return message
            logger.warning("edit refused, sent anew: %s", error.message)
            return await self._send(part, keyboard, first=True)
        return edited if isinstance(edited, Message) else message

    async def _edited(
        self, message: Message, part: Part, keyboard: InlineKeyboardMarkup | None
    ) -> Message | bool:
        place: dict[str, Any] = {"chat_id": message.chat.id, "message_id": message.message_id}
        if isinstance(part, RichPart):
            return await self._rich.attempt(
                self._bot.edit_message_text(
                    rich_message=part.content(), reply_markup=keyboard, **place
                )
            )
        return await self._accepted(
            part,
            lambda part: self._bot.edit_message_text(
                part.text, entities=list(part.entities), reply_markup=keyboard, **place
            ),
        )

    async def _accepted(self, part: Formatted, call: Callable[[Formatted], Awaitable[T]]) -> T:
        """Make the call; when Telegram doesn't like the entities, make it without them."""
        try:
            return await call(part)
        except TelegramBadRequest as error:
            if not part.entities or "entit" not in error.message.lower():
                raise
            logger.warning("entities refused, sent plain: %s", error.message)
            return await call(Formatted(part.text))
