"""/settings: one message with a button for each setting, alike in all bots."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aiogram import Router
from aiogram.filters import Command
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.keyboard import InlineKeyboardBuilder

from bots.common import texts
from bots.common.callbacks import Number
from bots.common.conversation import author_of, is_private
from bots.common.notices import send_notice
from services.storage import PreferenceStore


class SettingCallback(CallbackData, prefix="setting"):
    """A tap on a setting: it takes its next value."""

    number: Number


@dataclass(frozen=True, slots=True)
class Setting:
    """What a person may choose, and how it is kept; `of_chat` ones hold for a private chat only."""

    title: str
    options: Sequence[str]
    get: Callable[[int], Awaitable[str]]
    set: Callable[[int, str], Awaitable[object]]
    of_chat: bool = False

    async def next(self, person_id: int) -> None:
        """Choose what follows the present value, after the last the first."""
        now = await self.get(person_id)
        place = self.options.index(now) + 1 if now in self.options else 0
        await self.set(person_id, self.options[place % len(self.options)])


def switch(
    preferences: PreferenceStore,
    key: str,
    title: str,
    *,
    default: bool = True,
    of_chat: bool = False,
) -> Setting:
    """A setting that is on or off."""

    async def get(person_id: int) -> str:
        return texts.ON if await preferences.get(person_id, key, default) else texts.OFF

    async def choose(person_id: int, option: str) -> None:
        await preferences.set(person_id, key, option == texts.ON)

    return Setting(title, (texts.ON, texts.OFF), get, choose, of_chat)


@dataclass(slots=True)
class SettingsMenu:
    """The settings of one bot, in the order of their buttons."""

    settings: list[Setting] = field(default_factory=list)

    def add(self, *settings: Setting) -> None:
        """Put a bot's own settings before those that all bots have."""
        self.settings = [*(each for each in settings if len(each.options) > 1), *self.settings]

    async def keyboard(self, person_id: int, *, private: bool) -> InlineKeyboardMarkup:
        builder = InlineKeyboardBuilder()
        for number, setting in enumerate(self.settings):
            if setting.of_chat and not private:
                continue
            label = f"{setting.title}: {await setting.get(person_id)}"
            builder.button(text=label, callback_data=SettingCallback(number=number))
        return InlineKeyboardMarkup(inline_keyboard=builder.adjust(1).export())


def register(router: Router) -> None:
    """Give a router the command /settings."""
    router.message.register(on_settings, Command("settings"))
    router.callback_query.register(on_setting, SettingCallback.filter())


async def on_settings(message: Message, settings_menu: SettingsMenu) -> None:
    keyboard = await settings_menu.keyboard(author_of(message).id, private=is_private(message))
    await send_notice(message, texts.SETTINGS, keyboard)


async def on_setting(
    callback: CallbackQuery, callback_data: SettingCallback, settings_menu: SettingsMenu
) -> None:
    menu, number = callback.message, callback_data.number
    private = isinstance(menu, Message) and is_private(menu)
    setting = next(iter(settings_menu.settings[number : number + 1]), None)
    if setting is None or (setting.of_chat and not private):
        await callback.answer(texts.STALE_BUTTON)
        return
    person = callback.from_user.id
    await setting.next(person)
    await callback.answer(f"{setting.title}: {await setting.get(person)}")
    if isinstance(menu, Message):
        keyboard = await settings_menu.keyboard(person, private=private)
        await menu.edit_reply_markup(reply_markup=keyboard)
