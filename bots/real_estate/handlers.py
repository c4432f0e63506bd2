"""How Telegram's messages reach the assistant."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, Message

from bots.common.conversation import Addressed, author_of, conversation_key
from bots.common.replies import stream_reply
from bots.common.turns import Turns
from bots.real_estate import texts
from bots.real_estate.keyboards import StyleCallback, style_keyboard
from bots.real_estate.prompts import DEFAULT_STYLE, STYLES, TASK
from services.chat import Message as ChatMessage
from services.dialogue import Dialogue
from services.storage import PreferenceStore, StoredMessage


def create_router() -> Router:
    router = Router(name="real_estate")
    router.message.register(on_start, CommandStart())
    router.message.register(on_style, Command("style"))
    router.message.register(on_reset, Command("reset"))
    router.callback_query.register(on_style_chosen, StyleCallback.filter())
    router.message.register(on_message, F.text, Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message) -> None:
    await message.answer(texts.START)


async def on_style(message: Message) -> None:
    await message.answer(texts.CHOOSE_STYLE, reply_markup=style_keyboard())


async def on_style_chosen(
    callback: CallbackQuery, callback_data: StyleCallback, preferences: PreferenceStore
) -> None:
    style = list(STYLES)[callback_data.number]
    await preferences.set(callback.from_user.id, "style", style)
    await callback.answer(texts.STYLE_CHOSEN.format(style=style))


async def on_reset(message: Message, dialogue: Dialogue, bot_name: str) -> None:
    await dialogue.history.clear(conversation_key(bot_name, message))
    await message.answer(texts.RESET)


async def on_message(
    message: Message,
    text: str,
    dialogue: Dialogue,
    preferences: PreferenceStore,
    turns: Turns,
    bot_name: str,
) -> None:
    key, author = conversation_key(bot_name, message), author_of(message)
    style = await preferences.get(author.id, "style", DEFAULT_STYLE)
    async with turns.turn(key) as turn:
        stream = dialogue.stream(key, ChatMessage("user", text), system=f"{TASK} {STYLES[style]}")
        reply = await stream_reply(message, stream, turn)
        question = StoredMessage("user", text, author.id, author.name, message.message_id)
        await dialogue.remember(key, question, reply.text)
