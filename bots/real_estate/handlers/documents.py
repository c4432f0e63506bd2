"""An extract from ЕГРН that somebody sends: read, answered, not kept."""

from __future__ import annotations

import io

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.types import Message

from bots.common.conversation import Matches, conversation_key
from bots.common.replies import run_reply, send_reply
from bots.common.turns import Turns
from bots.real_estate.egrn.check import check_extract
from services.media.documents import DocumentRefused

_PDF = "application/pdf"


def create_router() -> Router:
    router = Router(name="documents")
    is_pdf = (F.document.mime_type == _PDF) | F.document.file_name.lower().endswith(".pdf")
    router.message.register(on_pdf, Matches(is_pdf), Matches(F.chat.type == ChatType.PRIVATE))
    return router


async def on_pdf(message: Message, bot: Bot, turns: Turns, bot_name: str) -> None:
    async with turns.turn(conversation_key(bot_name, message)) as turn:
        answer = await run_reply(message, turn, _check(message, bot))
        await send_reply(message, answer)


async def _check(message: Message, bot: Bot) -> str:
    content = io.BytesIO()
    if message.document:
        await bot.download(message.document, content)
    try:
        return await check_extract(content.getvalue())
    except DocumentRefused as error:
        return str(error)
