"""Inline keyboards and their callback data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.keyboard import InlineKeyboardBuilder
from pydantic import Field

from bots.common.callbacks import Number
from bots.literary import texts
from bots.literary.prompts import FORMS, GENRES
from bots.literary.temperatures import spoken
from bots.literary.workshop import Settings, Work

WorkKey = Annotated[str, Field(pattern="^[0-9a-f]{8}$")]


class FormCallback(CallbackData, prefix="form"):
    """A tap on a form or a genre, by number."""

    kind: Literal["form", "genre"]
    number: Number


class VersionCallback(CallbackData, prefix="version"):
    """Write once more at a version's temperature, or go on with it."""

    action: Literal["again", "continue"]
    number: Number
    work: WorkKey


def form_keyboard(settings: Settings) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    kinds: tuple[tuple[Literal["form", "genre"], Iterable[str], str], ...] = (
        ("form", FORMS, settings.form),
        ("genre", GENRES, settings.genre),
    )
    for kind, names, chosen in kinds:
        for number, name in enumerate(names):
            mark = "✓ " if name == chosen else ""
            builder.button(text=mark + name, callback_data=FormCallback(kind=kind, number=number))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(3, 2, 3, 2).export())


def versions_keyboard(work: Work) -> InlineKeyboardMarkup:
    """Two buttons for each version; they go by the version's place in the work."""
    builder, versions = InlineKeyboardBuilder(), work.versions
    actions: tuple[tuple[Literal["again", "continue"], str], ...] = (
        ("again", texts.AGAIN_BUTTON),
        ("continue", texts.CONTINUE_BUTTON),
    )
    for action, label in actions:
        for number, version in enumerate(versions):
            text = label.format(value=spoken(version.temperature))
            data = VersionCallback(action=action, number=number, work=work.key)
            builder.button(text=text, callback_data=data)
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(min(3, len(versions))).export())
