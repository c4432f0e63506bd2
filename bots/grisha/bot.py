"""Grisha: a character who remembers, learns and knows when to speak."""

from __future__ import annotations

import asyncio
import sys

from aiogram import Dispatcher

from bots.common.app import BotContext, build_dispatcher
from bots.grisha.assistant import Grisha
from bots.grisha.comments import Comments
from bots.grisha.config import GrishaSettings
from bots.grisha.handlers import create_router
from bots.grisha.knowledge import OWN_DATASET, Knowledge
from bots.grisha.learning import Learning
from bots.grisha.memory import SummaryStore, UserMemory
from bots.grisha.texts import COMMANDS
from bots.launch import main
from services.chat import ChatModel
from services.env import read_settings
from services.errors import ConfigError
from services.retrieval import DialogueIndex, open_encoder
from services.storage import Database, HistoryStore, PreferenceStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put Grisha together."""
    settings = read_settings(GrishaSettings)
    knowledge = await open_knowledge(context, settings)
    dispatcher = build_dispatcher(context, COMMANDS, create_router())
    dispatcher["grisha"] = open_grisha(context.model, context.database, knowledge, settings)
    dispatcher["comments"] = Comments(
        context.database, settings.comments_per_hour, settings.comment_pause
    )
    dispatcher["chats"] = PreferenceStore(context.database, context.name)
    return dispatcher


async def open_knowledge(context: BotContext, settings: GrishaSettings) -> Knowledge:
    """The index with the shipped dialogues and, where there is one, the operator's data set."""
    encoder = await asyncio.to_thread(open_encoder)
    knowledge = Knowledge(await DialogueIndex.open(context.database, encoder, context.data_dir))
    for path in (OWN_DATASET, settings.dataset_file):
        if path.exists():
            await knowledge.load(path)
    return knowledge


def open_grisha(
    model: ChatModel, database: Database, knowledge: Knowledge, settings: GrishaSettings
) -> Grisha:
    """The character over his stores."""
    try:
        persona = settings.persona_file.read_text("utf-8")
    except OSError:
        raise ConfigError(f"GRISHA_PERSONA_FILE: {settings.persona_file} can't be read") from None
    return Grisha(
        model,
        HistoryStore(database),
        UserMemory(database),
        SummaryStore(database),
        knowledge,
        Learning(database, knowledge.index),
        settings,
        persona,
    )


if __name__ == "__main__":
    sys.exit(main(bot="grisha"))
