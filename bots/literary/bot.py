"""What temperature does to a model's prose."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from aiogram import Dispatcher

from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.settings_menu import Setting
from bots.common.talks import TalkPreferences
from bots.literary import texts
from bots.literary.handlers import create_router
from bots.literary.prompts import FORMS, GENRES
from bots.literary.texts import COMMANDS, VOICE_HINTS
from bots.literary.workshop import Workshop
from services.storage import PreferenceStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put the writer together."""
    dispatcher = build_dispatcher(context, COMMANDS, create_router(), hints=VOICE_HINTS)
    preferences = TalkPreferences(PreferenceStore(context.database, context.name), "work")
    workshop = dispatcher["workshop"] = Workshop(context.model, preferences)
    dispatcher["settings_menu"].add(
        choice(workshop, texts.FORM_SETTING, "form", FORMS),
        choice(workshop, texts.GENRE_SETTING, "genre", GENRES),
    )
    return dispatcher


def choice(workshop: Workshop, title: str, name: str, options: Iterable[str]) -> Setting:
    """A setting of the workshop as /settings shows it."""

    async def get(person_id: int) -> str:
        return str(getattr(await workshop.settings(person_id), name))

    async def choose(person_id: int, option: str) -> None:
        await workshop.change(person_id, **{name: option})

    return Setting(title, tuple(options), get, choose)


if __name__ == "__main__":
    from bots.launch import main

    sys.exit(main(bot="literary"))
