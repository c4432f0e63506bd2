"""How Telegram's messages reach Grisha."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.types import Message

from bots.common.conversation import Addressed, author_of, conversation_key
from bots.common.replies import stream_reply
from bots.common.turns import Turns
from bots.grisha import texts
from bots.grisha.assistant import Grisha
from services.storage import StoredMessage


def create_router() -> Router:
    router = Router(name="grisha")
    router.message.register(on_start, CommandStart())
    router.message.register(on_help, Command("help"))
    router.message.register(on_reset, Command("reset"))
    router.message.register(on_message, F.text, Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message) -> None:
    await message.answer(texts.START)


async def on_help(message: Message) -> None:
    await message.answer(texts.HELP)


async def on_reset(message: Message, grisha: Grisha, bot_name: str) -> None:
    await grisha.reset(conversation_key(bot_name, message))
    await message.answer(texts.RESET)


async def on_message(
    message: Message, text: str, grisha: Grisha, turns: Turns, bot_name: str
) -> None:
    key, author = conversation_key(bot_name, message), author_of(message)
    async with turns.turn(key) as turn:
        reply = await stream_reply(message, grisha.answer(key, text, author.name), turn)
        question = StoredMessage("user", text, author.id, author.name, message.message_id)
        await grisha.remember(key, question, reply.text)
