"""The shared edge with a remembered dialogue behind it, and a bare aiogram bot to compare with.

`python -m benchmarks.edge_bot edge|edge-webhook|bare`: both call the same model through the
same client. The bare one keeps nothing, promises nothing and answers with the whole text.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message

from bots.common.app import RunOptions, run_bot
from bots.common.config import BotSettings
from bots.common.conversation import Addressed, HasText, author_of, conversation_key
from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.replies import stream_reply
from bots.common.turns import Turns
from bots.registry import BotSpec
from services.backends import open_chat_model
from services.chat import Message as ChatMessage
from services.chat import complete_stream
from services.dialogue import Dialogue
from services.env import read_settings
from services.storage import HistoryStore, StoredMessage

SYSTEM = "Отвечай коротко."
SPEC = BotSpec("edge", "Edge", "benchmarks.edge_bot", ("BOT_TOKEN",), "openai", "")


async def create_dispatcher(context: BotContext) -> Dispatcher:
    router = Router()
    router.message.register(on_message, HasText(), Addressed(), flags={"gather": True})
    dispatcher = build_dispatcher(context, (), router)
    dispatcher["dialogue"] = Dialogue(context.model, HistoryStore(context.database))
    return dispatcher


async def on_message(
    message: Message, text: str, dialogue: Dialogue, turns: Turns, bot_name: str
) -> None:
    key, author = conversation_key(bot_name, message), author_of(message)
    async with turns.turn(key) as turn:
        stream = dialogue.stream(key, ChatMessage("user", text), system=SYSTEM)
        reply = await stream_reply(message, stream, turn)
        question = StoredMessage("user", text, author.id, author.name, message.message_id)
        await dialogue.remember(key, question, reply.text)


async def run_bare() -> None:
    model = open_chat_model("openai")
    dispatcher = Dispatcher()

    @dispatcher.message(F.text)
    async def answer(message: Message) -> None:
        messages = (ChatMessage("system", SYSTEM), ChatMessage("user", message.text or ""))
        completion = await complete_stream(model.stream(messages))
        await message.answer(completion.text)

    server = TelegramAPIServer.from_base(os.environ["TELEGRAM_API_URL"])
    async with Bot(os.environ["BOT_TOKEN"], session=AiohttpSession(api=server)) as bot:
        await dispatcher.start_polling(bot)
    await model.aclose()


def main(kind: str) -> None:
    logging.basicConfig(level=logging.WARNING)
    if kind == "bare":
        asyncio.run(run_bare())
    else:
        options = RunOptions(webhook=kind == "edge-webhook")
        asyncio.run(run_bot(SPEC, read_settings(BotSettings), options))


if __name__ == "__main__":
    main(sys.argv[1])
