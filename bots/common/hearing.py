"""Voice messages, audio files and video notes become texts before any filter sees them.

The bot shows what it understood and the message goes on as if it had been typed. The text
replaces the recording in the journal, so that a crash after it doesn't cost a second hearing.
Recordings are held in memory only.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import aiohttp
from aiogram import BaseMiddleware, Bot
from aiogram.dispatcher.event.handler import FilterObject
from aiogram.exceptions import TelegramBadRequest, TelegramNetworkError
from aiogram.types import Audio, Message, MessageEntity, TelegramObject, Update, VideoNote, Voice
from telegramify_markdown import utf16_len

from bots.common import texts
from bots.common.conversation import (
    Addressed,
    author_of,
    conversation_key,
    is_private,
    opened_talk,
)
from bots.common.formatting import TEXT_LIMIT
from bots.common.intake import Journal
from bots.common.middlewares import Handler
from bots.common.notices import send_aside
from bots.common.replies import run_reply
from bots.common.slots import OneEach
from bots.common.turns import Turns
from services.errors import Busy, ServiceError, Unavailable
from services.media.speech import MAX_BYTES, MAX_SECONDS, NotUnderstood, Speech, Transcript
from services.storage import ConversationKey, HistoryStore

logger = logging.getLogger(__name__)

QUOTED = "🎙 "  # how the quotation of what was understood begins
DOUBTFUL = 0.6  # confidence below which the author is told how to correct

Sound = Voice | VideoNote | Audio


class Corrections(BaseMiddleware):
    """Outer middleware of updates: what its author corrects in a wrong hearing is asked anew.

    A correction is a text that replies to the bot's quotation, or the new caption of a
    recording. The question that was misheard leaves the history together with its answer.
    """

    def __init__(self, history: HistoryStore) -> None:
        self._history = history

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)  # noqa: S101  (registered on updates)
        bot: Bot = data["bot"]
        message = event.message
        edited = event.edited_message or (message if message and message.edit_date else None)
        if edited and edited.caption and sound_of(edited):
            await self._history.take_out(data["bot_name"], edited.chat.id, edited.message_id)
            event = event.model_copy(update={"message": corrected(edited), "edited_message": None})
        elif message and (misheard := quoted(message, bot.id)):
            await self._withdraw(conversation_key(data["bot_name"], message), message, misheard)
        return await handler(event, data)

    async def _withdraw(self, key: ConversationKey, message: Message, misheard: str) -> None:
        """Take the misheard question back; the right one is asked in the same talk."""
        author = author_of(message).id
        thread = await self._history.thread_of_words(key, author, misheard)
        if thread is None:
            return
        await self._history.withdraw(key._replace(thread_id=thread), author, misheard)
        if is_private(message):
            opened_talk.set(thread)


class Hearing(BaseMiddleware):
    """Outer middleware that transcribes recordings which are meant for the bot.

    `guards` are the middlewares that every message passes: here they come before the
    transcription. `filters` say which messages the bot answers at all.
    """

    def __init__(
        self,
        speech: Speech | None,
        journal: Journal,
        turns: Turns,
        guards: Sequence[BaseMiddleware],
        *,
        hints: str = "",
        filters: Sequence[Callable[..., Any]] = (),
    ) -> None:
        self._speech = speech
        self._journal = journal
        self._turns = turns
        self._guards = guards
        self._hints = hints
        self._one_each = OneEach()
        checks: tuple[Callable[..., Any], ...] = (Addressed(), *filters)
        self._filters = [FilterObject(check) for check in checks]

    async def aclose(self) -> None:
        if self._speech:
            await self._speech.aclose()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        if self._speech is None or sound_of(event) is None or not await self._wanted(event, data):
            return await handler(event, data)
        hear: Callable[[Any, dict[str, Any]], Awaitable[Any]] = partial(self._hear, self._speech)
        for guard in reversed(self._guards):
            hear = partial(guard, hear)
        heard = await hear(event, data)
        return await handler(heard, {**data, "paced": True}) if heard else None

    async def _wanted(self, message: Message, data: dict[str, Any]) -> bool:
        for check in self._filters:
            if not await check.call(message, **data):
                return False
        return True

    async def _hear(self, speech: Speech, message: Message, data: dict[str, Any]) -> Message | None:
        """The message with what it says in place of the recording; None when that's not known."""
        try:
            transcript = await self._transcript(speech, message, data)
        except NotUnderstood as problem:
            await send_aside(message, texts.NOT_UNDERSTOOD[problem.reason])
            return None
        except Busy:
            raise
        except ServiceError as error:
            logger.error("speech recognition: %s: %s", type(error).__name__, error)
            await send_aside(message, texts.DEAF)
            return None
        heard = as_text(message, transcript.text)
        update: Update = data["event_update"]
        await self._journal.rewrite(update.model_copy(update={"message": heard}))
        await show(message, transcript)
        return heard

    async def _transcript(
        self, speech: Speech, message: Message, data: dict[str, Any]
    ) -> Transcript:
        sound = sound_of(message)
        assert sound is not None  # noqa: S101  (asked before)
        check_limits(sound)
        bot: Bot = data["bot"]
        async with self._turns.turn(conversation_key(data["bot_name"], message)) as turn:

            async def work() -> Transcript:
                async with self._one_each.of(author_of(message).id):
                    recording = await download(bot, sound.file_id)
                    return await speech.transcribe(
                        recording, hints=self._hints, name=file_name(sound), report=loading
                    )

            def loading(_: str) -> None:
                turn.loading.loading = True

            try:
                return await run_reply(message, turn, work())
            finally:
                turn.loading.loading = False


def quoted(message: Message, bot_id: int) -> str:
    """What the bot had understood, where a text replies to the quotation of it."""
    target = message.reply_to_message
    if not message.text or target is None or target.from_user is None:
        return ""
    said = target.text or ""
    if target.from_user.id != bot_id or not said.startswith(QUOTED):
        return ""
    return said.removeprefix(QUOTED).removesuffix(f"\n{texts.MISHEARD}")


def corrected(message: Message) -> Message:
    """A recording as if its new caption had been typed instead."""
    return as_text(message.model_copy(update={"caption": None}), message.caption or "").model_copy(
        update={"entities": message.caption_entities}
    )


def sound_of(message: Message) -> Sound | None:
    return message.voice or message.video_note or message.audio


def check_limits(sound: Sound) -> None:
    """Refuse by what Telegram says of a recording, before it is downloaded."""
    if (sound.file_size or 0) > MAX_BYTES:
        raise NotUnderstood("large")
    if sound.duration > MAX_SECONDS:
        raise NotUnderstood("long")


async def download(bot: Bot, file_id: str) -> bytes:
    try:
        file = await bot.download(file_id)
    except TelegramBadRequest as error:
        if "too big" in error.message:
            raise NotUnderstood("large") from None
        raise NotUnderstood("broken") from error
    except (TimeoutError, TelegramNetworkError, aiohttp.ClientError) as error:
        raise Unavailable(type(error).__name__, service="telegram files") from error
    return file.read() if file else b""


def file_name(sound: Sound) -> str:
    """A name by which a server knows the format."""
    if isinstance(sound, VideoNote):
        return "video.mp4"
    given = sound.file_name if isinstance(sound, Audio) else None
    return given or "voice.ogg"


def as_text(message: Message, text: str) -> Message:
    """The message as if its author had typed the caption and then what was said."""
    typed = f"{message.caption}\n\n{text}" if message.caption else text.lstrip("/")
    return message.model_copy(
        update={
            "text": typed,
            "entities": message.caption_entities,
            "caption": None,
            "caption_entities": None,
            "voice": None,
            "video_note": None,
            "audio": None,
        }
    )


async def show(message: Message, transcript: Transcript) -> None:
    """Quote what was understood; the quotation can be expanded."""
    shown = f"{QUOTED}{transcript.text}"
    doubtful = transcript.confidence is not None and transcript.confidence < DOUBTFUL
    note = f"\n{texts.MISHEARD}" if doubtful else ""
    if utf16_len(shown) + utf16_len(note) > TEXT_LIMIT:
        shown = f"{shown[: TEXT_LIMIT // 2]}…"
    quotation = MessageEntity(type="expandable_blockquote", offset=0, length=utf16_len(shown))
    try:
        await message.answer(
            shown + note,
            entities=[quotation],
            reply_parameters=message.as_reply_parameters(allow_sending_without_reply=True),
            disable_notification=True,
        )
    except TelegramBadRequest as error:
        logger.info("the quotation was refused: %s", error.message)
