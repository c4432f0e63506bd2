"""Grisha: a character who remembers, learns and knows when to speak."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aiogram import Dispatcher

from bots.common import texts as common_texts
from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.editing import OldWording
from bots.common.settings_menu import Setting
from bots.grisha.assistant import MEMORY, Grisha
from bots.grisha.comments import Comments
from bots.grisha.config import GrishaSettings
from bots.grisha.facts import FactMemory, FactStore
from bots.grisha.facts.with_model import ModelReader
from bots.grisha.handlers import Talkative, Welcome, create_router
from bots.grisha.knowledge import OWN_DATASET, Knowledge
from bots.grisha.learning import Learning
from bots.grisha.names import extract_name
from bots.grisha.old_talk import OldTalk
from bots.grisha.people import BOT, SummaryStore, UserMemory
from bots.grisha.texts import COMMANDS, VOICE_HINTS
from services.chat import ChatModel
from services.env import read_settings
from services.errors import ConfigError
from services.retrieval import Encoder, QueryEncoder, RetrievalSettings, open_encoder, open_index
from services.storage import Database, HistoryStore, PreferenceStore


async def create_dispatcher(context: BotContext) -> Dispatcher:
    """Put Grisha together."""
    settings = read_settings(GrishaSettings)
    encoder = await asyncio.to_thread(_warm_up)
    knowledge = Knowledge(
        await open_index(context.database, encoder, read_settings(RetrievalSettings))
    )
    dispatcher = build_dispatcher(
        context,
        COMMANDS,
        create_router(),
        hints=VOICE_HINTS,
        answers=(Welcome(), Talkative()),
        rich=False,
    )
    grisha = open_grisha(context.model, context.database, knowledge, settings, encoder)
    await grisha.learning.reconcile()
    dispatcher["grisha"] = grisha
    dispatcher["settings_menu"].add(memory_setting(grisha))
    dispatcher["forgetting"].also(grisha.forget)
    dispatcher["talks"].also(grisha.reset)
    dispatcher["editing"].also(partial(_unlearn, grisha))
    dispatcher["comments"] = Comments(
        context.database, settings.comments_per_hour, settings.comment_pause
    )
    dispatcher["chats"] = PreferenceStore(context.database, context.name)
    _load_in_background(dispatcher, knowledge, (OWN_DATASET, settings.dataset_file))
    _run_in_background(dispatcher, "warming", grisha.keep_warm)
    if grisha.reader:
        _run_in_background(dispatcher, "reading", grisha.reader.run)
    return dispatcher


async def _unlearn(grisha: Grisha, old: OldWording) -> None:
    await grisha.unlearn(old.person_id, old.chat_id, old.answers)
    await grisha.unsay(old.person_id, old.chat_id, old.message_id)


def _warm_up() -> Encoder | None:
    """Open the encoder, and load it and the dictionary before the first message waits for them."""
    extract_name("меня зовут Гриша")
    encoder = open_encoder()
    if encoder:
        encoder.encode(["Привет!"])
    return QueryEncoder(encoder) if encoder else None


def _load_in_background(
    dispatcher: Dispatcher, knowledge: Knowledge, paths: Sequence[Path]
) -> None:
    """Index the data sets while he already talks: the first time a large one takes minutes."""

    async def load() -> None:
        for path in paths:
            if path.exists():
                await knowledge.load(path)

    _run_in_background(dispatcher, "loading", load)


def _run_in_background(
    dispatcher: Dispatcher, name: str, work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Work from the start to the stop of the bot; its task is `dispatcher[name]`."""

    async def on_startup() -> None:
        dispatcher[name] = asyncio.create_task(work())

    async def on_shutdown() -> None:
        dispatcher[name].cancel()
        await asyncio.gather(dispatcher[name], return_exceptions=True)

    dispatcher.startup.register(on_startup)
    dispatcher.shutdown.register(on_shutdown)


def open_grisha(
    model: ChatModel,
    database: Database,
    knowledge: Knowledge,
    settings: GrishaSettings,
    encoder: Encoder | None = None,
) -> Grisha:
    """The character over his stores."""
    try:
        persona = settings.persona_file.read_text("utf-8")
    except OSError:
        raise ConfigError(f"GRISHA_PERSONA_FILE: не читается {settings.persona_file}") from None
    facts, switches = FactMemory(FactStore(database), encoder), PreferenceStore(database, BOT)

    async def may_read(person_id: int) -> bool:
        return bool(await switches.get(person_id, MEMORY, True))

    return Grisha(
        model,
        HistoryStore(database),
        UserMemory(database),
        SummaryStore(database),
        knowledge,
        Learning(database, knowledge.index),
        facts,
        OldTalk(database, encoder),
        switches,
        settings,
        persona,
        ModelReader(model, facts, may_read) if settings.read_facts else None,
    )


def memory_setting(grisha: Grisha) -> Setting:
    """/memory as /settings shows it."""

    async def get(person_id: int) -> str:
        return common_texts.ON if await grisha.remembers(person_id) else common_texts.OFF

    async def choose(person_id: int, option: str) -> None:
        await grisha.switch_memory(person_id, on=option == common_texts.ON)

    options = (common_texts.ON, common_texts.OFF)
    return Setting(common_texts.MEMORY_SETTING, options, get, choose)


if __name__ == "__main__":
    from bots.launch import main

    sys.exit(main(bot="grisha"))
