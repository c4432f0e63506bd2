"""Documents and pictures that come with a message, read before any filter sees it.

The text of a document joins the talk, pictures go along with the question; the caption is the
question and goes on as if it had been typed. Files are held in memory only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
from aiogram import BaseMiddleware, Bot
from aiogram.dispatcher.event.handler import FilterObject
from aiogram.exceptions import TelegramBadRequest, TelegramNetworkError
from aiogram.types import Document as TelegramDocument
from aiogram.types import Message, PhotoSize, TelegramObject, Update

from bots.common import texts
from bots.common.conversation import Addressed, Author, author_of, conversation_key
from bots.common.intake import Journal
from bots.common.intake.albums import Album
from bots.common.middlewares import Handler
from bots.common.notices import send_notice
from bots.common.replies import run_reply, send_reply
from bots.common.slots import OneEach
from bots.common.turns import Turns
from services.chat import Image
from services.errors import Unavailable
from services.media.documents import Document, DocumentRefused, read_document
from services.media.documents.shelf import DocumentShelf
from services.media.pictures import PictureRefused, is_picture, read_picture
from services.storage.documents import MAX_IN_TALK

MAX_BYTES = 20 * 2**20  # what a bot may download from Telegram

File = TelegramDocument | PhotoSize


@dataclass(slots=True)
class Files:
    """What was read, and a line for the user about each file that wasn't."""

    documents: list[Document] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    refusals: dict[str, None] = field(default_factory=dict)  # in order, each once


class Attachments(BaseMiddleware):
    """Outer middleware that reads files which are meant for the bot.

    `guards` are the middlewares that every message passes: here they come before a file is
    downloaded. `filters` say which messages the bot answers at all; `own` are files that the bot
    has a handler of its own for. What `report` says of a document is the answer to it, and such a
    document isn't kept. Handlers get `pictures`; documents lie on the shelf.
    """

    def __init__(
        self,
        shelf: DocumentShelf,
        journal: Journal,
        turns: Turns,
        guards: Sequence[BaseMiddleware],
        *,
        filters: Sequence[Callable[..., Any]] = (),
        own: Callable[[Message], bool] = lambda _: False,
        report: Callable[[Document], str | None] = lambda _: None,
    ) -> None:
        self._shelf = shelf
        self._journal = journal
        self._turns = turns
        self._guards = guards
        self._own = own
        self._report = report
        self._one_each = OneEach()
        checks: tuple[Callable[..., Any], ...] = (Addressed(), *filters)
        self._filters = [FilterObject(check) for check in checks]

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        album: Album | None = data.get("album")
        parts = await album.gathered() if album else [event]
        message = with_caption(event, parts)
        files = [file for part in parts if (file := file_of(part))]
        quoted = () if files else quoted_file(message)
        if not (files or quoted) or self._own(message) or not await self._wanted(message, data):
            return await handler(event, data)
        take: Callable[[Any, dict[str, Any]], Awaitable[Any]] = partial(
            self._take, files=files or quoted
        )
        for guard in reversed(self._guards):
            take = partial(guard, take)
        taken = await take(message, data)
        if taken is None:
            return None
        question, pictures = taken
        return await handler(question, {**data, "paced": True, "pictures": pictures})

    async def _wanted(self, message: Message, data: dict[str, Any]) -> bool:
        for check in self._filters:
            if not await check.call(message, **data):
                return False
        return True

    async def _take(
        self, message: Message, data: dict[str, Any], *, files: Sequence[File]
    ) -> tuple[Message, tuple[Image, ...]] | None:
        """The question and its pictures; None when there is nothing to answer."""
        key = conversation_key(data["bot_name"], message)
        async with self._turns.turn(key) as turn:
            read = await run_reply(message, turn, self._read(message, data["bot"], files))
            read.documents = [it for it in read.documents if not await self._told(message, it)]
            for surplus in read.documents[MAX_IN_TALK:]:
                read.refusals[texts.ONE_DOCUMENT_TOO_MANY.format(name=surplus.name[:100])] = None
            del read.documents[MAX_IN_TALK:]
            if read.documents:
                author = self._owner(message).id
                await self._shelf.put(key, author, message.message_id, read.documents)
        if read.refusals:
            await send_notice(message, "\n".join(read.refusals))
        if message.text:  # it quotes the file
            return message, tuple(read.pictures)
        if read.documents and (not message.caption or any(map(texts.remarks, read.documents))):
            await send_notice(message, texts.documents_read(read.documents))
        if not (read.pictures or (read.documents and message.caption)):
            return None
        question = as_text(message, message.caption or texts.WHAT_IS_THIS)
        if not read.pictures:  # a replay would have to read them anew: they are on the shelf
            update: Update = data["event_update"]
            await self._journal.rewrite(update.model_copy(update={"message": question}))
        return question, tuple(read.pictures)

    async def _read(self, message: Message, bot: Bot, files: Sequence[File]) -> Files:
        async with self._one_each.of(author_of(message).id):
            return await read_files(bot, files)

    @staticmethod
    def _owner(message: Message) -> Author:
        """Whose files they are: of the message that is quoted, where one is."""
        target = message.reply_to_message
        return author_of(target if message.text and target else message)

    async def _told(self, message: Message, document: Document) -> bool:
        """Whether the bot has said what there is to say of a document."""
        words = await asyncio.to_thread(self._report, document)
        if words:
            await send_reply(message, words)
        return bool(words)


def file_of(message: Message) -> File | None:
    """The document of a message, or its photo in the largest size."""
    return message.document or (message.photo[-1] if message.photo else None)


def quoted_file(message: Message) -> tuple[File, ...]:
    """The picture or document of another's message that a question replies to."""
    target = message.reply_to_message
    if not message.text or message.text.startswith("/") or target is None:
        return ()
    by_bot = target.from_user is not None and target.from_user.is_bot
    file = None if by_bot else file_of(target)
    return (file,) if file else ()


def with_caption(message: Message, parts: Sequence[Message]) -> Message:
    """The first message of an album with the caption of whichever has one."""
    captioned = next((part for part in parts if part.caption), None)
    if captioned is None or message.caption:
        return message
    return message.model_copy(
        update={"caption": captioned.caption, "caption_entities": captioned.caption_entities}
    )


async def read_files(bot: Bot, files: Sequence[File]) -> Files:
    """Download and read files one after another; what is wrong with one costs no other."""
    read = Files()
    for file in files:
        try:
            content = await download(bot, file)
            if is_picture(content):
                read.pictures.append(await read_picture(content))
            else:
                name = (file.file_name if isinstance(file, TelegramDocument) else None) or "файл"
                read.documents.append(await read_document(content, name))
        except (DocumentRefused, PictureRefused) as refusal:
            read.refusals[str(refusal)] = None
    return read


async def download(bot: Bot, file: File) -> bytes:
    if (file.file_size or 0) > MAX_BYTES:
        raise DocumentRefused(texts.FILE_TOO_LARGE)
    try:
        content = await bot.download(file.file_id)
    except TelegramBadRequest as error:
        large = "too big" in error.message
        raise DocumentRefused(texts.FILE_TOO_LARGE if large else texts.FILE_GONE) from error
    except (TimeoutError, TelegramNetworkError, aiohttp.ClientError) as error:
        raise Unavailable(type(error).__name__, service="telegram files") from error
    return content.read() if content else b""


def as_text(message: Message, text: str) -> Message:
    """The message as if its author had typed the caption."""
    return message.model_copy(
        update={
            "text": text,
            "entities": message.caption_entities,
            "caption": None,
            "caption_entities": None,
            "document": None,
            "photo": None,
        }
    )
