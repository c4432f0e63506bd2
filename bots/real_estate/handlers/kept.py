"""What a user keeps: favourites, saved searches, and /forget that deletes it all."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bots.common.conversation import author_of
from bots.common.forgetting import Forgetting
from bots.common.replies import send_reply
from bots.real_estate import texts, wording
from bots.real_estate.assistant import Assistant
from bots.real_estate.keyboards import KeptCallback, favourites_keyboard, searches_keyboard
from bots.real_estate.listings.keeping import to_csv


def create_router() -> Router:
    router = Router(name="kept")
    router.message.register(on_favourites, Command("favourites"))
    router.message.register(on_searches, Command("searches"))
    router.message.register(on_forget, Command("forget"))
    router.callback_query.register(on_save, KeptCallback.filter(F.action == "save"))
    router.callback_query.register(on_drop, KeptCallback.filter(F.action == "drop"))
    router.callback_query.register(on_export, KeptCallback.filter(F.action == "export"))
    return router


async def on_favourites(message: Message, assistant: Assistant) -> None:
    items = await assistant.saved_items.favourites(author_of(message).id)
    if not items:
        await message.answer(texts.NO_FAVOURITES)
        return
    lines = "\n".join(
        f"{number}. **{wording.money(item.flat.price or 0)}** · {wording.flat_line(item.flat)}"
        + (f" · {wording.DEMO}" if item.demo else "")
        for number, item in enumerate(items, start=1)
    )
    text = texts.FAVOURITES.format(lines=lines)
    await send_reply(message, text, keyboard=favourites_keyboard(items))


async def on_export(callback: CallbackQuery, assistant: Assistant) -> None:
    items = await assistant.saved_items.favourites(callback.from_user.id)
    await callback.answer()
    if items and isinstance(callback.message, Message):
        await callback.message.answer_document(BufferedInputFile(to_csv(items), texts.EXPORT_NAME))


async def on_save(callback: CallbackQuery, assistant: Assistant) -> None:
    state = await assistant.state(callback.from_user.id)
    if not state.slots.said() or not callback.message:
        await callback.answer(texts.NOTHING_TO_SAVE, show_alert=True)
        return
    saved = await assistant.saved_items.save_search(
        callback.from_user.id, callback.message.chat.id, state.slots
    )
    await callback.answer(texts.SEARCH_SAVED if saved else texts.TOO_MANY_SEARCHES, show_alert=True)


async def on_searches(message: Message, assistant: Assistant) -> None:
    searches = await assistant.saved_items.searches(author_of(message).id)
    if not searches:
        await message.answer(texts.NO_SEARCHES)
        return
    await message.answer(texts.SEARCHES, reply_markup=searches_keyboard(searches))


async def on_drop(
    callback: CallbackQuery, callback_data: KeptCallback, assistant: Assistant
) -> None:
    owner = callback.from_user.id
    await assistant.saved_items.remove_search(owner, callback_data.id)
    await callback.answer(texts.SEARCH_DROPPED)
    if isinstance(callback.message, Message):
        left = await assistant.saved_items.searches(owner)
        await callback.message.edit_reply_markup(reply_markup=searches_keyboard(left))


async def on_forget(message: Message, forgetting: Forgetting) -> None:
    await forgetting.forget(author_of(message).id)
    await message.answer(texts.FORGOTTEN)
