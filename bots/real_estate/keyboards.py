"""Buttons."""

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.keyboard import InlineKeyboardBuilder

from bots.real_estate.prompts import STYLES


class StyleCallback(CallbackData, prefix="style"):
    """A tap on a style; styles go by number, callback data are short."""

    number: int


def style_keyboard() -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for number, name in enumerate(STYLES):
        builder.button(text=name.capitalize(), callback_data=StyleCallback(number=number))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(2).export())
