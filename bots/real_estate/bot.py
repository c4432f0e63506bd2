"""A buyer's assistant: finds and values flats, in several styles of talk."""

from __future__ import annotations

import sys

from aiogram import Dispatcher

from bots.common.app import BotContext, build_dispatcher
from bots.launch import main
from bots.real_estate.handlers import create_router
from bots.real_estate.texts import COMMANDS
from services.dialogue import Dialogue
from services.storage import HistoryStore, PreferenceStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put the assistant together."""
    dispatcher = build_dispatcher(context, COMMANDS, create_router())
    dispatcher["dialogue"] = Dialogue(context.model, HistoryStore(context.database))
    dispatcher["preferences"] = PreferenceStore(context.database, context.name)
    return dispatcher


if __name__ == "__main__":
    sys.exit(main(bot="real_estate"))
