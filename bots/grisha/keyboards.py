"""Inline keyboards and their callback data."""

from __future__ import annotations

from typing import Annotated

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from pydantic import AfterValidator, Field


def _vote(value: int) -> int:
    if value not in (1, -1):
        raise ValueError("neither 1 nor -1")
    return value


class RatingCallback(CallbackData, prefix="rate"):
    """A 👍 (1) or 👎 (-1) under the message that carries the buttons."""

    value: Annotated[int, AfterValidator(_vote)]


class FactCallback(CallbackData, prefix="fact"):
    """A button under /me: delete a fact (`id`), or show a page (0)."""

    id: Annotated[int, Field(ge=0)]
    page: Annotated[int, Field(ge=0)]


def facts(numbers: dict[int, int], page: int, pages: int) -> InlineKeyboardMarkup:
    """A button with the number of each fact, which deletes it, and the pages beside."""
    buttons = [
        InlineKeyboardButton(
            text=f"❌ {number}", callback_data=FactCallback(id=fact, page=page).pack()
        )
        for number, fact in numbers.items()
    ]
    turns = [
        InlineKeyboardButton(text=arrow, callback_data=FactCallback(id=0, page=to).pack())
        for arrow, to in (("◀", page - 1), ("▶", page + 1))
        if 0 <= to < pages
    ]
    rows = [buttons[at : at + 5] for at in range(0, len(buttons), 5)]
    return InlineKeyboardMarkup(inline_keyboard=[*rows, *([turns] if turns else [])])


def rating() -> InlineKeyboardMarkup:
    buttons = [
        InlineKeyboardButton(text=emoji, callback_data=RatingCallback(value=value).pack())
        for emoji, value in (("👍", 1), ("👎", -1))
    ]
    return InlineKeyboardMarkup(inline_keyboard=[buttons])
