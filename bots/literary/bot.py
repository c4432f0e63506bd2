"""What temperature does to a model's prose."""

from __future__ import annotations

import sys

from aiogram import Dispatcher

from bots.common.app import BotContext, build_dispatcher
from bots.common.talks import TalkPreferences
from bots.literary.handlers import create_router
from bots.literary.texts import COMMANDS, VOICE_HINTS
from bots.literary.workshop import Workshop
from services.storage import PreferenceStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put the writer together."""
    dispatcher = build_dispatcher(context, COMMANDS, create_router(), hints=VOICE_HINTS)
    preferences = TalkPreferences(PreferenceStore(context.database, context.name), "work")
    dispatcher["workshop"] = Workshop(context.model, preferences)
    return dispatcher


if __name__ == "__main__":
    from bots.launch import main

    sys.exit(main(bot="literary"))
