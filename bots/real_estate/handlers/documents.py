"""A PDF in a private chat: an extract from ЕГРН is checked and not kept, others join the talk."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.types import Message

from bots.common import texts as common_texts
from bots.common.attachments import download
from bots.common.conversation import author_of, conversation_key, is_private
from bots.common.notices import send_notice
from bots.common.replies import run_reply, send_reply
from bots.common.turns import Turns
from bots.real_estate.assistant import Assistant
from bots.real_estate.egrn.check import describe_extract
from bots.real_estate.handlers.talk import on_message
from services.media.documents import Document, DocumentRefused, read_document
from services.media.documents.shelf import DocumentShelf


def create_router() -> Router:
    router = Router(name="documents")
    router.message.register(on_pdf, is_pdf)
    return router


async def is_pdf(message: Message) -> bool:
    return is_private_pdf(message)


def is_private_pdf(message: Message) -> bool:
    document = message.document
    if document is None or not is_private(message):
        return False
    named = (document.file_name or "").lower().endswith(".pdf")
    return named or document.mime_type == "application/pdf"


async def on_pdf(
    message: Message,
    bot: Bot,
    assistant: Assistant,
    documents: DocumentShelf,
    turns: Turns,
    bot_name: str,
) -> None:
    key = conversation_key(bot_name, message)
    async with turns.turn(key) as turn:
        try:
            document = await run_reply(message, turn, _read(message, bot))
        except DocumentRefused as error:
            await send_notice(message, str(error))
            return
        if answer := await describe_extract(document):
            await send_reply(message, answer)
            return
        await documents.put(key, author_of(message).id, message.message_id, [document])
    if message.caption:
        await on_message(message, message.caption, assistant, documents, turns, bot_name)
    else:
        await send_notice(message, common_texts.documents_read([document]))


async def _read(message: Message, bot: Bot) -> Document:
    assert message.document  # noqa: S101  (the filter has looked)
    content = await download(bot, message.document)
    return await read_document(content, message.document.file_name or "файл.pdf")
