"""Inline keyboards and their callback data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.keyboard import InlineKeyboardBuilder
from pydantic import AfterValidator, Field

from bots.common.callbacks import MAX_ID, Id
from bots.real_estate.assistant import Answer
from bots.real_estate.checklists import BY_NAME, CHECKLISTS, Checklist
from bots.real_estate.listings import Listing
from bots.real_estate.listings.keeping import SavedSearch
from bots.real_estate.listings.search import PAGE
from bots.real_estate.request import SLOT_NAMES, Slots
from bots.real_estate.wording import STYLES, chip_text, understood

MAX_CHIPS = 8
MAX_OFFSET = 1_000_000
SORT_LABELS = {"price": "цена", "price_per_metre": "₽/м²", "discount": "выгода", "travel": "дорога"}


Key = Annotated[str, Field(pattern="^[0-9a-f]{8}$")]  # of the request that a button belongs to


def _slot(name: str) -> str:
    if name not in SLOT_NAMES:
        raise ValueError("no such slot")
    return name


class StyleCallback(CallbackData, prefix="style"):
    """A tap on a style; styles go by number, callback data are short."""

    number: Annotated[int, Field(ge=0, lt=len(STYLES))]


class ChipCallback(CallbackData, prefix="chip"):
    """Take a slot out of the request `key`."""

    slot: Annotated[str, AfterValidator(_slot)]
    key: Key


class PageCallback(CallbackData, prefix="page"):
    """Show the search `key` from `offset` on, in an order of its own."""

    key: Key
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)]
    sort: Literal["", "price", "price_per_metre", "discount", "travel"] = ""


class FlatCallback(CallbackData, prefix="flat"):
    """Something about one listing: card, worth, star, map, compare, loan."""

    action: Literal["card", "worth", "star", "map", "compare", "loan"]
    id: Id


class KeptCallback(CallbackData, prefix="kept"):
    """Saved searches and favourites: drop, export."""

    action: Literal["drop", "export"]
    id: Annotated[int, Field(ge=0, le=MAX_ID)] = 0


def _checklist(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError("no such checklist")
    return name


class RequestCallback(CallbackData, prefix="request"):
    """Something about the request `key`: watch for new flats, its estimate's details, a map."""

    action: Literal["watch", "details", "map"]
    key: Key


class ForgetCallback(CallbackData, prefix="forget"):
    """Delete everything of `owner`, or leave it."""

    owner: Annotated[int, Field(ge=-MAX_ID, le=MAX_ID)]
    accept: bool


class CheckCallback(CallbackData, prefix="check"):
    """A checklist, or a tick in it; -1 opens the list."""

    name: Annotated[str, AfterValidator(_checklist)]
    item: Annotated[int, Field(ge=-1, le=100)] = -1


class ImportCallback(CallbackData, prefix="import"):
    """Take the previewed file in, or leave it."""

    accept: bool


def style_keyboard(current: str) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for number, name in enumerate(STYLES):
        mark = "✓ " if name == current else ""
        builder.button(
            text=f"{mark}{name.capitalize()}", callback_data=StyleCallback(number=number)
        )
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(2).export())


def answer_keyboard(answer: Answer) -> InlineKeyboardMarkup | None:
    """Chips to take back what was understood, then what can be done with what was found."""
    builder = InlineKeyboardBuilder()
    said = _chips(answer.state.slots)
    for slot in said:
        text = f"✕ {chip_text(slot, answer.state.slots)}"
        builder.button(text=text, callback_data=ChipCallback(slot=slot, key=answer.state.key))
    sizes = _rows_of(len(said), 3)
    if answer.listings:
        sizes += _add_results(builder, answer)
    if answer.appraisal:
        details = RequestCallback(action="details", key=answer.state.key)
        builder.button(text="Подробнее", callback_data=details)
        sizes.append(1)
    if not sizes:
        return None
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(*sizes).export())


def _add_results(builder: InlineKeyboardBuilder, answer: Answer) -> list[int]:
    for number, listing in enumerate(answer.listings, start=answer.offset + 1):
        builder.button(text=str(number), callback_data=FlatCallback(action="card", id=listing.id))
    sizes = [len(answer.listings)]
    orders = [name for name in SORT_LABELS if name != answer.state.sort]
    if answer.state.slots.travel_to is None:
        orders.remove("travel")
    for name in orders:
        builder.button(
            text=f"⇅ {SORT_LABELS[name]}",
            callback_data=PageCallback(key=answer.state.key, offset=0, sort=name),
        )
    sizes.append(len(orders))
    last = 2
    if answer.offset + PAGE < answer.total:
        page = PageCallback(key=answer.state.key, offset=answer.offset + PAGE)
        builder.button(text="Ещё ▸", callback_data=page)
        last = 3
    builder.button(
        text="🗺 На карте", callback_data=RequestCallback(action="map", key=answer.state.key)
    )
    builder.button(
        text="🔔 Следить", callback_data=RequestCallback(action="watch", key=answer.state.key)
    )
    return [*sizes, last]


def card_keyboard(listing: Listing, *, starred: bool, compared: bool) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    number = listing.id
    star = "★ В избранном" if starred else "☆ В избранное"
    builder.button(text=star, callback_data=FlatCallback(action="star", id=number))
    builder.button(text="Выгодно?", callback_data=FlatCallback(action="worth", id=number))
    side = "⚖ Убрать из сравнения" if compared else "⚖ Сравнить"
    builder.button(text=side, callback_data=FlatCallback(action="compare", id=number))
    if listing.flat.price:
        builder.button(text="🏦 Ипотека", callback_data=FlatCallback(action="loan", id=number))
    if listing.flat.lat is not None and listing.flat.lon is not None:
        builder.button(text="🗺 Карта", callback_data=FlatCallback(action="map", id=number))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(2).export())


def favourites_keyboard(items: Sequence[Listing]) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for number, listing in enumerate(items, start=1):
        builder.button(text=str(number), callback_data=FlatCallback(action="card", id=listing.id))
    builder.button(text="⬇ CSV", callback_data=KeptCallback(action="export"))
    return InlineKeyboardMarkup(
        inline_keyboard=builder.adjust(*_rows_of(len(items), 8), 1).export()
    )


def searches_keyboard(searches: Sequence[SavedSearch]) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for saved in searches:
        text = understood(saved.slots).removeprefix("Я понял: ")
        builder.button(
            text=f"✕ {text}"[:60], callback_data=KeptCallback(action="drop", id=saved.id)
        )
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(1).export())


def checklists_keyboard() -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for checklist in CHECKLISTS:
        builder.button(text=checklist.title, callback_data=CheckCallback(name=checklist.name))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(2).export())


def checklist_keyboard(checklist: Checklist, ticked: Sequence[int]) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for number, text in enumerate(checklist.items):
        mark = "✅" if number in ticked else "⬜"
        builder.button(
            text=f"{mark} {text}", callback_data=CheckCallback(name=checklist.name, item=number)
        )
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(1).export())


def forget_keyboard(owner_id: int) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    builder.button(text="Удалить всё", callback_data=ForgetCallback(owner=owner_id, accept=True))
    builder.button(text="Оставить", callback_data=ForgetCallback(owner=owner_id, accept=False))
    return InlineKeyboardMarkup(inline_keyboard=builder.export())


def import_keyboard() -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    builder.button(text="Загрузить", callback_data=ImportCallback(accept=True))
    builder.button(text="Отмена", callback_data=ImportCallback(accept=False))
    return InlineKeyboardMarkup(inline_keyboard=builder.export())


def _chips(slots: Slots) -> list[str]:
    """The slots that have a chip; an exact price or area has one, not two."""
    return slots.shown()[:MAX_CHIPS]


def _rows_of(count: int, width: int) -> list[int]:
    return [width] * (count // width) + ([count % width] if count % width else [])
