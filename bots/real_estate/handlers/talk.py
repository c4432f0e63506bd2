"""The talk itself: text in, an answer with its buttons out."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, Message

from bots.common.conversation import Addressed, HasText, author_of, conversation_key
from bots.common.replies import run_reply, send_reply
from bots.common.turns import Turns
from bots.real_estate import texts
from bots.real_estate.assistant import Answer, Assistant
from bots.real_estate.keyboards import (
    ChipCallback,
    PageCallback,
    StyleCallback,
    answer_keyboard,
    style_keyboard,
)
from bots.real_estate.wording import STYLES


def create_router() -> Router:
    router = Router(name="talk")
    router.message.register(on_start, CommandStart())
    router.message.register(on_start, Command("help"))
    router.message.register(on_style, Command("style"))
    router.message.register(on_reset, Command("reset"))
    router.callback_query.register(on_style_chosen, StyleCallback.filter())
    router.callback_query.register(on_chip, ChipCallback.filter())
    router.callback_query.register(on_page, PageCallback.filter())
    router.message.register(on_message, HasText(), Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message) -> None:
    await message.answer(texts.START)


async def on_style(message: Message, assistant: Assistant) -> None:
    style = await assistant.style(author_of(message).id)
    await message.answer(texts.CHOOSE_STYLE, reply_markup=style_keyboard(style))


async def on_style_chosen(
    callback: CallbackQuery, callback_data: StyleCallback, assistant: Assistant
) -> None:
    style = STYLES[callback_data.number % len(STYLES)]
    await assistant.set_style(callback.from_user.id, style)
    await callback.answer(texts.STYLE_CHOSEN.format(style=style))


async def on_reset(message: Message, assistant: Assistant) -> None:
    await assistant.reset(author_of(message).id)
    await message.answer(texts.RESET)


async def on_message(
    message: Message, text: str, assistant: Assistant, turns: Turns, bot_name: str
) -> None:
    async with turns.turn(conversation_key(bot_name, message)) as turn:
        answer = await run_reply(message, turn, assistant.reply(author_of(message).id, text))
        await _send(message, answer)


async def on_chip(
    callback: CallbackQuery, callback_data: ChipCallback, assistant: Assistant
) -> None:
    answer = await assistant.drop(callback.from_user.id, callback_data.slot)
    await _answer(callback, answer)


async def on_page(
    callback: CallbackQuery, callback_data: PageCallback, assistant: Assistant
) -> None:
    answer = await assistant.show(
        callback.from_user.id, offset=callback_data.offset, sort=callback_data.sort or None
    )
    await _answer(callback, answer)


async def _answer(callback: CallbackQuery, answer: Answer) -> None:
    await callback.answer()
    if isinstance(callback.message, Message):
        await _send(callback.message, answer)


async def _send(message: Message, answer: Answer) -> None:
    await send_reply(message, answer.text, keyboard=answer_keyboard(answer))
