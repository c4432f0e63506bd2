"""What a user keeps: favourites, saved searches, and /forget that deletes it all."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bots.common import texts as common_texts
from bots.common.conversation import author_of
from bots.common.forgetting import Forgetting
from bots.common.notices import send_notice
from bots.common.replies import send_reply
from bots.real_estate import texts, wording
from bots.real_estate.assistant import Assistant, OldButton
from bots.real_estate.keyboards import (
    ForgetCallback,
    KeptCallback,
    RequestCallback,
    favourites_keyboard,
    forget_keyboard,
    searches_keyboard,
)
from bots.real_estate.listings.keeping import to_csv


def create_router() -> Router:
    router = Router(name="kept")
    router.message.register(on_favourites, Command("favourites"))
    router.message.register(on_searches, Command("searches"))
    router.message.register(on_forget, Command("forget"))
    router.callback_query.register(on_forget_decided, ForgetCallback.filter())
    router.callback_query.register(on_watch, RequestCallback.filter(F.action == "watch"))
    router.callback_query.register(on_drop, KeptCallback.filter(F.action == "drop"))
    router.callback_query.register(on_export, KeptCallback.filter(F.action == "export"))
    return router


async def on_favourites(message: Message, assistant: Assistant) -> None:
    items = await assistant.favourites(author_of(message).id)
    if not items:
        await message.answer(texts.NO_FAVOURITES)
        return
    text = texts.FAVOURITES.format(lines=wording.flat_list(items))
    await send_reply(message, text, keyboard=favourites_keyboard(items))


async def on_export(callback: CallbackQuery, assistant: Assistant) -> None:
    items = await assistant.favourites(callback.from_user.id)
    await callback.answer()
    if items and isinstance(callback.message, Message):
        await callback.message.answer_document(BufferedInputFile(to_csv(items), texts.EXPORT_NAME))


async def on_watch(
    callback: CallbackQuery, callback_data: RequestCallback, assistant: Assistant
) -> None:
    if not callback.message:
        await callback.answer(texts.OLD_BUTTON, show_alert=True)
        return
    try:
        saved = await assistant.watch(
            callback.from_user.id, callback_data.key, callback.message.chat.id
        )
    except OldButton:
        await callback.answer(texts.OLD_BUTTON, show_alert=True)
        return
    await callback.answer(texts.SEARCH_SAVED if saved else texts.TOO_MANY_SEARCHES, show_alert=True)


async def on_searches(message: Message, assistant: Assistant) -> None:
    searches = await assistant.searches(author_of(message).id)
    if not searches:
        await message.answer(texts.NO_SEARCHES)
        return
    await send_notice(message, texts.SEARCHES, searches_keyboard(searches))


async def on_drop(
    callback: CallbackQuery, callback_data: KeptCallback, assistant: Assistant
) -> None:
    left = await assistant.unwatch(callback.from_user.id, callback_data.id)
    await callback.answer(texts.SEARCH_DROPPED)
    if isinstance(callback.message, Message):
        await callback.message.edit_reply_markup(reply_markup=searches_keyboard(left))


async def on_forget(message: Message) -> None:
    keyboard = forget_keyboard(author_of(message).id)
    await send_notice(message, texts.FORGET_ASK, keyboard)


async def on_forget_decided(
    callback: CallbackQuery, callback_data: ForgetCallback, forgetting: Forgetting
) -> None:
    if callback.from_user.id != callback_data.owner:
        await callback.answer(common_texts.NOT_YOUR_BUTTON, show_alert=True)
        return
    await callback.answer()
    if callback_data.accept:
        await forgetting.forget(callback_data.owner)
    if isinstance(callback.message, Message):
        said = texts.FORGOTTEN if callback_data.accept else texts.FORGET_CANCELLED
        await callback.message.edit_text(said)
