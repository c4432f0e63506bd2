"""One flat: its card, whether it is worth its price, the map, comparing it with others."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bots.common.conversation import author_of
from bots.common.replies import send_reply
from bots.real_estate import texts, wording
from bots.real_estate.assistant import Assistant
from bots.real_estate.keyboards import FlatCallback, card_keyboard
from bots.real_estate.listings import Listing


def create_router() -> Router:
    router = Router(name="flats")
    router.message.register(on_compare, Command("compare"))
    actions = {"card": on_card, "worth": on_worth, "map": on_map, "star": on_star}
    for action, handler in actions.items():
        router.callback_query.register(handler, FlatCallback.filter(F.action == action))
    router.callback_query.register(on_add_to_compare, FlatCallback.filter(F.action == "compare"))
    return router


async def on_card(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    listing = await _find(callback, callback_data, assistant)
    if not listing or not isinstance(callback.message, Message):
        return
    await callback.answer()
    if listing.photo:
        await _send_photo(callback.message, listing.photo)
    keyboard = await _keyboard(assistant, callback.from_user.id, listing)
    await send_reply(callback.message, wording.card(listing), keyboard=keyboard)


async def on_worth(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    listing = await _find(callback, callback_data, assistant)
    if listing and isinstance(callback.message, Message):
        await callback.answer()
        await send_reply(callback.message, wording.worth(listing))


async def on_map(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    listing = await _find(callback, callback_data, assistant)
    if not listing or listing.flat.lat is None or listing.flat.lon is None:
        return
    await callback.answer()
    if isinstance(callback.message, Message):
        await callback.message.answer_location(listing.flat.lat, listing.flat.lon)


async def on_star(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    listing = await _find(callback, callback_data, assistant)
    if not listing:
        return
    starred = await assistant.saved_items.toggle_favourite(callback.from_user.id, listing.id)
    await callback.answer(texts.STARRED if starred else texts.UNSTARRED)
    await _refresh(callback, assistant, listing)


async def on_add_to_compare(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    listing = await _find(callback, callback_data, assistant)
    if not listing:
        return
    ids = await assistant.toggle_compared(callback.from_user.id, listing.id)
    await callback.answer(texts.COMPARE_ADDED.format(count=len(ids)))
    await _refresh(callback, assistant, listing)


async def on_compare(message: Message, assistant: Assistant) -> None:
    items = await assistant.store.get(await assistant.compared(author_of(message).id))
    if len(items) < 2:
        await message.answer(texts.COMPARE_FEW)
        return
    await send_reply(message, wording.comparison(items))


async def _find(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> Listing | None:
    """The listing of a button; the user is told when it is gone."""
    found = await assistant.store.get([callback_data.id])
    if not found:
        await callback.answer(texts.GONE, show_alert=True)
    return found[0] if found else None


async def _keyboard(assistant: Assistant, owner_id: int, listing: Listing) -> InlineKeyboardMarkup:
    favourites = await assistant.saved_items.favourites(owner_id)
    return card_keyboard(
        listing,
        starred=any(item.id == listing.id for item in favourites),
        compared=listing.id in await assistant.compared(owner_id),
    )


async def _refresh(callback: CallbackQuery, assistant: Assistant, listing: Listing) -> None:
    if isinstance(callback.message, Message):
        keyboard = await _keyboard(assistant, callback.from_user.id, listing)
        await callback.message.edit_reply_markup(reply_markup=keyboard)


async def _send_photo(message: Message, url: str) -> None:
    """A picture by its address; a portal's link that is dead costs the card nothing."""
    try:
        await message.answer_photo(url)
    except TelegramBadRequest:
        return
