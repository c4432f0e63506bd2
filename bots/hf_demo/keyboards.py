"""Inline keyboards and their callback data."""

from collections.abc import Sequence
from typing import Annotated

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.keyboard import InlineKeyboardBuilder
from pydantic import AfterValidator

from bots.common.callbacks import Id
from bots.hf_demo import texts
from services.huggingface.config import MODELS


def _known(name: str) -> str:
    if name not in MODELS:
        raise ValueError("no such model")
    return name


ModelName = Annotated[str, AfterValidator(_known)]


class ModelCallback(CallbackData, prefix="model"):
    """A tap on a model's name."""

    name: ModelName


class OthersCallback(CallbackData, prefix="others"):
    """A tap on "ask the others" under what `name` answered to the message `source`."""

    name: ModelName
    source: Id


class SwitchCallback(CallbackData, prefix="switch"):
    """A tap on another model under a failure; `again` asks it what failed."""

    name: ModelName
    again: bool


def model_keyboard(names: Sequence[str], chosen: str) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for name in names:
        mark = texts.CHOSEN_MARK if name == chosen else ""
        builder.button(text=f"{mark}{name}", callback_data=ModelCallback(name=name))
    return builder.as_markup()


def others_keyboard(name: str, others: Sequence[str], source: int) -> InlineKeyboardMarkup | None:
    if not others:
        return None
    builder = InlineKeyboardBuilder()
    builder.button(
        text=texts.ASK_OTHERS.format(names=texts.listed(others)),
        callback_data=OthersCallback(name=name, source=source),
    )
    return builder.as_markup()


def switch_keyboard(others: Sequence[str], *, again: bool) -> InlineKeyboardMarkup:
    builder = InlineKeyboardBuilder()
    for name in others:
        builder.button(
            text=(texts.SWITCH_AND_ASK if again else texts.SWITCH).format(name=name),
            callback_data=SwitchCallback(name=name, again=again),
        )
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(1).export())
