"""Try the models of Hugging Face."""

from __future__ import annotations

import sys

from aiogram import Dispatcher

from bots.common import texts as common_texts
from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.settings_menu import Setting
from bots.common.talks import TalkPreferences
from bots.hf_demo.handlers import Demo, create_router
from bots.hf_demo.models import ModelShelf
from bots.hf_demo.texts import COMMANDS, VOICE_HINTS
from services.dialogue import Dialogue
from services.storage import HistoryStore, PreferenceStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put the demo together."""
    dispatcher = build_dispatcher(context, COMMANDS, create_router(), hints=VOICE_HINTS)
    preferences = TalkPreferences(PreferenceStore(context.database, context.name))
    shelf = ModelShelf(context.backend, context.model, preferences, context.metered)
    model = Setting(common_texts.MODEL_SETTING, shelf.names, shelf.chosen, shelf.choose)
    dispatcher["settings_menu"].add(model)
    dialogue = Dialogue(context.model, HistoryStore(context.database))
    turns, documents = dispatcher["turns"], dispatcher["documents"]
    dispatcher["demo"] = Demo(context.name, dialogue, shelf, turns, documents)
    dispatcher.shutdown.register(shelf.aclose)
    return dispatcher


if __name__ == "__main__":
    from bots.launch import main

    sys.exit(main(bot="hf_demo"))
