"""Buttons under Grisha's answers."""

from __future__ import annotations

from typing import Annotated

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from pydantic import AfterValidator


def _vote(value: int) -> int:
    if value not in (1, -1):
        raise ValueError("neither 1 nor -1")
    return value


class RatingCallback(CallbackData, prefix="rate"):
    """A 👍 (1) or 👎 (-1) under the message that carries the buttons."""

    value: Annotated[int, AfterValidator(_vote)]


def rating() -> InlineKeyboardMarkup:
    buttons = [
        InlineKeyboardButton(text=emoji, callback_data=RatingCallback(value=value).pack())
        for emoji, value in (("👍", 1), ("👎", -1))
    ]
    return InlineKeyboardMarkup(inline_keyboard=[buttons])
