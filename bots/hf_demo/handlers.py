"""How Telegram's messages reach the chosen model."""

from __future__ import annotations

import time

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.keyboard import InlineKeyboardBuilder

from bots.common.conversation import Addressed, author_of, conversation_key
from bots.common.replies import stream_reply
from bots.common.turns import Turns
from bots.hf_demo import texts
from bots.hf_demo.models import ModelShelf
from services.chat import Completion
from services.chat import Message as ChatMessage
from services.dialogue import Dialogue
from services.storage import StoredMessage

SYSTEM = "Ты — помощник. Отвечай по-русски, коротко и точно."


class ModelCallback(CallbackData, prefix="model"):
    """A tap on a model's name."""

    name: str


def create_router() -> Router:
    router = Router(name="hf_demo")
    router.message.register(on_start, CommandStart())
    router.message.register(on_model, Command("model"))
    router.message.register(on_reset, Command("reset"))
    router.callback_query.register(on_model_chosen, ModelCallback.filter())
    router.message.register(on_message, F.text, Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message, shelf: ModelShelf) -> None:
    chosen = await shelf.chosen(author_of(message).id)
    await message.answer(texts.START.format(model=chosen.name))


async def on_model(message: Message, shelf: ModelShelf) -> None:
    chosen = await shelf.chosen(author_of(message).id)
    if not shelf.names:
        await message.answer(texts.ONE_MODEL.format(model=chosen.name))
        return
    await message.answer(
        texts.CHOOSE_MODEL.format(model=chosen.name), reply_markup=model_keyboard(shelf.names)
    )


def model_keyboard(names: tuple[str, ...]) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for name in names:
        builder.button(text=name, callback_data=ModelCallback(name=name))
    return builder.as_markup()


async def on_model_chosen(
    callback: CallbackQuery, callback_data: ModelCallback, shelf: ModelShelf
) -> None:
    model = await shelf.choose(callback.from_user.id, callback_data.name)
    await callback.answer(texts.MODEL_CHOSEN.format(model=model.name))


async def on_reset(message: Message, dialogue: Dialogue, bot_name: str) -> None:
    await dialogue.history.clear(conversation_key(bot_name, message))
    await message.answer(texts.RESET)


async def on_message(
    message: Message,
    text: str,
    dialogue: Dialogue,
    shelf: ModelShelf,
    turns: Turns,
    bot_name: str,
) -> None:
    key, author = conversation_key(bot_name, message), author_of(message)
    async with turns.turn(key) as turn:
        started = time.monotonic()

        def footer(completion: Completion) -> str:
            note = texts.FOOTER.format(seconds=time.monotonic() - started)
            if usage := completion.usage:
                note += texts.FOOTER_TOKENS.format(
                    prompt=usage.prompt_tokens, completion=usage.completion_tokens
                )
            return f"{completion.model} · {note}"

        stream = dialogue.stream(
            key, ChatMessage("user", text), system=SYSTEM, model=await shelf.chosen(author.id)
        )
        reply = await stream_reply(message, stream, turn, footer=footer)
        question = StoredMessage("user", text, author.id, author.name, message.message_id)
        await dialogue.remember(key, question, reply.text)
