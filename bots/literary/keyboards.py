"""Buttons."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.keyboard import InlineKeyboardBuilder

from bots.literary import texts
from bots.literary.prompts import FORMS, GENRES
from bots.literary.temperatures import spoken
from bots.literary.workshop import Settings, Version


class FormCallback(CallbackData, prefix="form"):
    """A tap on a form or a genre, by number."""

    kind: str
    number: int


class VersionCallback(CallbackData, prefix="version"):
    """Write once more at a version's temperature, or go on with it."""

    action: str
    number: int


def form_keyboard(settings: Settings) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for kind, names, chosen in (
        ("form", FORMS, settings.form),
        ("genre", GENRES, settings.genre),
    ):
        for number, name in enumerate(names):
            mark = "✓ " if name == chosen else ""
            builder.button(text=mark + name, callback_data=FormCallback(kind=kind, number=number))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(3, 2, 3, 2).export())


def versions_keyboard(versions: Sequence[Version]) -> InlineKeyboardMarkup:
    """Two buttons for each version; they go by the version's place in the work."""
    builder = InlineKeyboardBuilder()
    for action, label in (("again", texts.AGAIN_BUTTON), ("continue", texts.CONTINUE_BUTTON)):
        for number, version in enumerate(versions):
            text = label.format(value=spoken(version.temperature))
            builder.button(text=text, callback_data=VersionCallback(action=action, number=number))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(min(3, len(versions))).export())
