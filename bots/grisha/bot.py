"""Grisha: a character with a memory."""

from __future__ import annotations

import sys

from aiogram import Dispatcher

from bots.common.app import BotContext, build_dispatcher
from bots.grisha.assistant import Grisha
from bots.grisha.handlers import create_router
from bots.grisha.texts import COMMANDS
from bots.launch import main
from services.dialogue import Dialogue
from services.storage import HistoryStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put Grisha together."""
    dispatcher = build_dispatcher(context, COMMANDS, create_router())
    dispatcher["grisha"] = Grisha(Dialogue(context.model, HistoryStore(context.database)))
    return dispatcher


if __name__ == "__main__":
    sys.exit(main(bot="grisha"))
