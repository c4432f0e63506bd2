"""The plainest bot there can be: what the shared edge does is seen best without a character."""

from __future__ import annotations

from aiogram import Dispatcher, Router
from aiogram.filters import Command, CommandStart
from aiogram.types import BotCommand, Message

from bots.common.conversation import Addressed, HasText, author_of, conversation_key
from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.replies import stream_reply
from bots.common.turns import Turns
from services.chat import Image
from services.chat import Message as ChatMessage
from services.dialogue import Dialogue, room_for, with_pictures
from services.media.documents.shelf import DocumentShelf
from services.storage import HistoryStore, StoredMessage

COMMANDS = (BotCommand(command="start", description="Начать"),)
START = "Привет! Я говорю с тобой о чём угодно."
RESET = "Начнём сначала."


async def create_dispatcher(context: BotContext) -> Dispatcher:
    router = Router(name="talker")
    router.message.register(on_start, CommandStart())
    router.message.register(on_reset, Command("reset"))
    router.message.register(on_message, HasText(), Addressed(), flags={"gather": True})
    dispatcher = build_dispatcher(context, COMMANDS, router)
    dispatcher["dialogue"] = Dialogue(context.model, HistoryStore(context.database))
    return dispatcher


async def on_start(message: Message) -> None:
    await message.answer(START)


async def on_reset(
    message: Message, dialogue: Dialogue, documents: DocumentShelf, bot_name: str
) -> None:
    await dialogue.history.clear(conversation_key(bot_name, message))
    await documents.clear(conversation_key(bot_name, message))
    await message.answer(RESET)


async def on_message(
    message: Message,
    text: str,
    dialogue: Dialogue,
    documents: DocumentShelf,
    turns: Turns,
    bot_name: str,
    pictures: tuple[Image, ...] = (),
) -> None:
    key, author = conversation_key(bot_name, message), author_of(message)
    async with turns.turn(key) as turn:
        excerpts = await documents.about(key, text, room_for(dialogue.model))
        asked = ChatMessage("user", excerpts.add_to(text), attachments=pictures)
        stream = dialogue.stream(key, asked, system="Ты — собеседник.")
        reply = await stream_reply(
            message, stream, turn, footer=lambda done: excerpts.sources(done.text)
        )
        kept = with_pictures(text, pictures)
        question = StoredMessage("user", kept, author.id, author.name, message.message_id)
        await dialogue.remember(key, question, reply.text)
