"""The talk itself: text in, an answer with its buttons out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bots.common.conversation import Addressed, HasText, author_of, conversation_key
from bots.common.notices import send_notice
from bots.common.replies import run_reply, send_reply
from bots.common.rights import clear_documents
from bots.common.speaking import speak
from bots.common.turns import Interrupted, Turns
from bots.real_estate import texts
from bots.real_estate.assistant import Answer, Assistant, OldButton
from bots.real_estate.keyboards import (
    SORT_LABELS,
    ChipCallback,
    PageCallback,
    RequestCallback,
    StyleCallback,
    answer_keyboard,
    style_keyboard,
)
from bots.real_estate.pictures import draw_comparables, draw_found, draw_waterfall
from bots.real_estate.wording import STYLES
from services.chat import Image
from services.media.documents.shelf import DocumentShelf


def create_router() -> Router:
    router = Router(name="talk")
    router.message.register(on_start, CommandStart())
    router.message.register(on_help, Command("help"))
    router.message.register(on_style, Command("style"))
    router.message.register(on_reset, Command("reset"))
    router.callback_query.register(on_style_chosen, StyleCallback.filter())
    router.callback_query.register(on_chip, ChipCallback.filter())
    router.callback_query.register(on_page, PageCallback.filter())
    router.message.register(on_value, Command("value"))
    router.callback_query.register(on_details, RequestCallback.filter(F.action == "details"))
    router.callback_query.register(on_found_map, RequestCallback.filter(F.action == "map"))
    router.message.register(on_message, HasText(), Addressed(), flags={"gather": True})
    return router


async def on_start(message: Message) -> None:
    await message.answer(texts.START)


async def on_help(message: Message) -> None:
    await message.answer(texts.HELP)


async def on_style(message: Message, assistant: Assistant) -> None:
    style = await assistant.style(author_of(message).id)
    await send_notice(message, texts.CHOOSE_STYLE, style_keyboard(style))


async def on_style_chosen(
    callback: CallbackQuery, callback_data: StyleCallback, assistant: Assistant
) -> None:
    style = STYLES[callback_data.number]
    await assistant.set_style(callback.from_user.id, style)
    await callback.answer(texts.STYLE_CHOSEN.format(style=style))


async def on_reset(
    message: Message, bot: Bot, assistant: Assistant, documents: DocumentShelf, bot_name: str
) -> None:
    await assistant.reset(author_of(message).id)
    await clear_documents(documents, conversation_key(bot_name, message), message, bot)
    await message.answer(texts.RESET)


async def on_value(
    message: Message,
    command: CommandObject,
    assistant: Assistant,
    documents: DocumentShelf,
    turns: Turns,
    bot_name: str,
) -> None:
    if not command.args:
        await message.answer(texts.VALUE)
        return
    request = texts.VALUE_REQUEST.format(flat=command.args)
    await on_message(message, request, assistant, documents, turns, bot_name)


async def on_message(
    message: Message,
    text: str,
    assistant: Assistant,
    documents: DocumentShelf,
    turns: Turns,
    bot_name: str,
    pictures: tuple[Image, ...] = (),
) -> None:
    key = conversation_key(bot_name, message)
    async with turns.turn(key) as turn:
        person = author_of(message).id
        excerpts = await documents.about(key, text, assistant.room)
        work = assistant.reply(person, text, excerpts=excerpts, pictures=pictures)
        answer = await run_reply(message, turn, work)
        await _send(message, answer)
        with suppress(Interrupted):
            await turn.run(speak(message, answer.text))
        comment = None
        with suppress(Interrupted):  # the answer is out: there is nothing to repeat
            comment = await turn.run(assistant.comment(person, answer, text))
    if comment:
        await send_reply(message, comment)


async def on_chip(
    callback: CallbackQuery, callback_data: ChipCallback, assistant: Assistant
) -> None:
    work = assistant.drop(callback.from_user.id, callback_data.key, callback_data.slot)
    await _answer(callback, work)


async def on_page(
    callback: CallbackQuery, callback_data: PageCallback, assistant: Assistant
) -> None:
    sort = callback_data.sort if callback_data.sort in SORT_LABELS else None
    work = assistant.show(
        callback.from_user.id, callback_data.key, offset=max(0, callback_data.offset), sort=sort
    )
    await _answer(callback, work)


async def on_details(
    callback: CallbackQuery, callback_data: RequestCallback, assistant: Assistant
) -> None:
    try:
        details = await assistant.details(callback.from_user.id, callback_data.key)
    except OldButton:
        await callback.answer(texts.OLD_BUTTON, show_alert=True)
        return
    await callback.answer()
    if isinstance(callback.message, Message) and details.appraisal:
        await send_reply(callback.message, details.text, rich=details.rich)
        if picture := await asyncio.to_thread(draw_comparables, details.appraisal):
            await callback.message.answer_photo(BufferedInputFile(picture, "comparables.png"))


async def on_found_map(
    callback: CallbackQuery, callback_data: RequestCallback, assistant: Assistant
) -> None:
    try:
        page, name = await assistant.found(callback.from_user.id, callback_data.key)
    except OldButton:
        await callback.answer(texts.OLD_BUTTON, show_alert=True)
        return
    picture = await asyncio.to_thread(draw_found, [item.flat for item in page.listings], name)
    if picture is None:
        await callback.answer(texts.NO_PLACES, show_alert=True)
        return
    await callback.answer()
    if isinstance(callback.message, Message):
        caption = texts.FOUND_MAP.format(shown=len(page.listings), total=page.total)
        await callback.message.answer_photo(BufferedInputFile(picture, "map.png"), caption=caption)


async def _answer(callback: CallbackQuery, work: Awaitable[Answer]) -> None:
    try:
        answer = await work
    except OldButton:
        await callback.answer(texts.OLD_BUTTON, show_alert=True)
        return
    await callback.answer()
    if isinstance(callback.message, Message):
        await _send(callback.message, answer)


async def _send(message: Message, answer: Answer) -> None:
    keyboard = answer_keyboard(answer)
    await send_reply(message, answer.text, keyboard=keyboard, rich=answer.rich)
    if answer.appraisal:
        picture = await asyncio.to_thread(draw_waterfall, answer.appraisal)
        await message.answer_photo(BufferedInputFile(picture, "factors.png"))
