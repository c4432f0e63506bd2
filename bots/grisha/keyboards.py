"""Buttons under Grisha's answers."""

from __future__ import annotations

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup


class RatingCallback(CallbackData, prefix="rate"):
    """A 👍 (1) or 👎 (-1) under the message that carries the buttons."""

    value: int


def rating() -> InlineKeyboardMarkup:
    buttons = [
        InlineKeyboardButton(text=emoji, callback_data=RatingCallback(value=value).pack())
        for emoji, value in (("👍", 1), ("👎", -1))
    ]
    return InlineKeyboardMarkup(inline_keyboard=[buttons])
