"""One flat: its card, whether it is worth its price, the map, comparing it with others."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bots.common.conversation import author_of
from bots.common.replies import send_reply
from bots.real_estate import rich_wording, texts, wording
from bots.real_estate.assistant import Assistant, FlatCard
from bots.real_estate.keyboards import FlatCallback, card_keyboard


def create_router() -> Router:
    router = Router(name="flats")
    router.message.register(on_compare, Command("compare"))
    actions = {"card": on_card, "worth": on_worth, "map": on_map, "star": on_star, "loan": on_loan}
    for action, handler in actions.items():
        router.callback_query.register(handler, FlatCallback.filter(F.action == action))
    router.callback_query.register(on_add_to_compare, FlatCallback.filter(F.action == "compare"))
    return router


async def on_card(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    card = await _find(callback, callback_data, assistant)
    if not card or not isinstance(callback.message, Message):
        return
    await callback.answer()
    if card.listing.photo:
        await _send_photo(callback.message, card.listing.photo)
    text = wording.card(card.listing, card.prices, card.way)
    await send_reply(callback.message, text, keyboard=_keyboard(card))


async def on_worth(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    card = await _find(callback, callback_data, assistant)
    if card and isinstance(callback.message, Message):
        await callback.answer()
        await send_reply(callback.message, wording.worth(card.listing))


async def on_loan(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    card = await _find(callback, callback_data, assistant)
    if card and isinstance(callback.message, Message):
        await callback.answer()
        table = await assistant.loans.for_flat(callback.from_user.id, card.listing.flat)
        await send_reply(callback.message, table)


async def on_map(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    card = await _find(callback, callback_data, assistant)
    if not card:
        return
    flat = card.listing.flat
    await callback.answer()
    if isinstance(callback.message, Message) and flat.lat is not None and flat.lon is not None:
        await callback.message.answer_location(flat.lat, flat.lon)


async def on_star(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    if not await _find(callback, callback_data, assistant):
        return
    starred = await assistant.toggle_favourite(callback.from_user.id, callback_data.id)
    await callback.answer(texts.STARRED if starred else texts.UNSTARRED)
    await _refresh(callback, callback_data, assistant)


async def on_add_to_compare(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    if not await _find(callback, callback_data, assistant):
        return
    ids = await assistant.toggle_compared(callback.from_user.id, callback_data.id)
    await callback.answer(texts.COMPARE_ADDED.format(count=len(ids)))
    await _refresh(callback, callback_data, assistant)


async def on_compare(message: Message, assistant: Assistant) -> None:
    items = await assistant.compared_flats(author_of(message).id)
    if len(items) < 2:
        await message.answer(texts.COMPARE_FEW)
        return
    await send_reply(message, wording.comparison(items), rich=rich_wording.comparison(items))


async def _find(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> FlatCard | None:
    """The listing of a button; the user is told when it is gone."""
    card = await assistant.card(callback.from_user.id, callback_data.id)
    if card is None:
        await callback.answer(texts.GONE, show_alert=True)
    return card


def _keyboard(card: FlatCard) -> InlineKeyboardMarkup:
    return card_keyboard(card.listing, starred=card.starred, compared=card.compared)


async def _refresh(
    callback: CallbackQuery, callback_data: FlatCallback, assistant: Assistant
) -> None:
    card = await assistant.card(callback.from_user.id, callback_data.id)
    if card and isinstance(callback.message, Message):
        await callback.message.edit_reply_markup(reply_markup=_keyboard(card))


async def _send_photo(message: Message, url: str) -> None:
    """A picture by its address; a portal's link that is dead costs the card nothing."""
    try:
        await message.answer_photo(url)
    except TelegramBadRequest:
        return
