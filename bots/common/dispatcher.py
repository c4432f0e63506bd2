"""Put a bot's dispatcher together: its routers, between what every bot has around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.types import BotCommand, Message

from bots.common import admin, default_handlers, errors, texts, unknown_commands
from bots.common.attachments import Attachments
from bots.common.callbacks import OwnerMiddleware
from bots.common.config import BotSettings
from bots.common.coordination import Coordination, SingleProcess
from bots.common.editing import Editing
from bots.common.forgetting import Forgetting
from bots.common.hearing import Corrections, Hearing
from bots.common.intake import Intake, Journal, Pastes
from bots.common.middlewares import AccessMiddleware, ThrottleMiddleware
from bots.common.rich_messages import PREFERENCE as RICH
from bots.common.rich_messages import RichMessages
from bots.common.settings_menu import SettingsMenu, switch
from bots.common.slots import SlotMiddleware
from bots.common.speaking import PREFERENCE as VOICE
from bots.common.speaking import Speaking
from bots.common.talks import TalkMiddleware, TalkStore, TalkTitles
from bots.common.turns import Turns
from services.backends import Backend
from services.budgets import Budget, Meter
from services.chat import ChatModel
from services.env import read_settings
from services.loading import hold_while_loading
from services.media.config import SpeechSettings
from services.media.documents import Document
from services.media.documents.shelf import DocumentShelf
from services.media.speech import open_speech
from services.media.synthesis import SynthesisSettings, open_synthesiser
from services.retrieval.encoder import shared_encoder
from services.storage import (
    Database,
    DocumentStore,
    ExportStore,
    HistoryStore,
    Inbox,
    PreferenceStore,
    SpendingStore,
)


@dataclass(frozen=True, slots=True)
class BotContext:
    """What a bot is built from. `data_dir` is where it may keep files of its own."""

    name: str
    backend: Backend
    model: ChatModel
    database: Database
    settings: BotSettings
    data_dir: Path
    coordination: Coordination = field(default_factory=SingleProcess)
    account_key: bytes = field(default=b"", repr=False)  # for accounts of forgotten people
    meter: Meter = None  # type: ignore[assignment]  # built from the others when not given

    def __post_init__(self) -> None:
        if self.meter is None:
            settings = self.settings
            budget = Budget(settings.daily_requests, settings.daily_tokens, settings.admin_ids)
            meter = Meter(SpendingStore(self.database, self.name, self.account_key), budget)
            object.__setattr__(self, "meter", meter)

    def metered(self, model: ChatModel) -> ChatModel:
        """Wrap a model: it waits while it loads, and its answers are charged to whoever asked."""
        return self.meter.on(hold_while_loading(model))


class _Shared:
    """What every bot has around its routers."""

    def __init__(self, context: BotContext) -> None:
        name, database, coordination = context.name, context.database, context.coordination
        self.history = HistoryStore(database)
        self.preferences = PreferenceStore(database, name)
        self.documents = DocumentShelf(DocumentStore(database, name), shared_encoder)
        self.talks = TalkStore(name, self.preferences)
        self.talks.also(self.history.clear)
        self.talks.also(self.documents.clear)
        self.turns = Turns(coordination)
        self.editing = Editing(name, self.turns, self.history)
        self.journal = Journal(Inbox(database, name, coordination.replica))
        self.pastes = Pastes(self.journal, coordination, context.settings.rate_limit)
        self.intake = Intake(self.journal, self.pastes, self.editing, coordination)
        self.speaking = Speaking(
            open_synthesiser(read_settings(SynthesisSettings)), self.preferences
        )
        self.settings_menu = SettingsMenu()
        self.forgetting = Forgetting(name, self.turns, self.history)
        for forget in (
            self.editing.forget,
            self.preferences.forget,
            context.meter.forget,
            self.documents.forget,
        ):
            self.forgetting.also(forget)


def build_dispatcher(
    context: BotContext,
    commands: Sequence[BotCommand],
    *routers: Router,
    hints: str = "",
    answers: Sequence[Callable[..., Any]] = (),
    own_files: Callable[[Message], bool] = lambda _: False,
    report: Callable[[Document], str | None] = lambda _: None,
    rich: bool = True,
) -> Dispatcher:
    """Wire a bot's routers between what every bot has before and after them.

    Handlers get `context`, `model`, `database`, `documents`, `turns`, `forgetting` and `bot_name`
    by name. What a bot keeps of people in tables of its own it names to `forgetting.also`, what
    it keeps of single messages to `editing.also`.

    `hints` are words that people say to this bot, for speech recognition. `answers` are filters
    of the messages that it answers beside being addressed: of no others recordings or files are
    read. `own_files` are files that a handler of the bot takes itself. What `report` says of a
    document is the answer to it, and such a document isn't kept. Answers go out as rich messages,
    where there are such, only if `rich`.
    """
    shared = _Shared(context)
    dispatcher = Dispatcher(
        storage=context.coordination.states,
        context=context,
        model=context.model,
        meter=context.meter,
        database=context.database,
        bot_name=context.name,
        history=shared.history,
        documents=shared.documents,
        talks=shared.talks,
        turns=shared.turns,
        forgetting=shared.forgetting,
        editing=shared.editing,
        intake=shared.intake,
        speaking=shared.speaking,
        settings_menu=shared.settings_menu,
        exports=ExportStore(context.database, context.name),
    )
    guards = (
        shared.forgetting,
        AccessMiddleware(context.settings),
        ThrottleMiddleware(context.coordination, context.settings.rate_limit),
    )
    hearing = Hearing(
        open_speech(read_settings(SpeechSettings)),
        shared.journal,
        shared.turns,
        guards,
        hints=hints,
        filters=answers,
    )
    attachments = Attachments(
        shared.documents,
        shared.journal,
        shared.turns,
        guards,
        filters=answers,
        own=own_files,
        report=report,
    )
    _wrap_updates(dispatcher, shared, context.settings, rich=rich)
    dispatcher.message.outer_middleware(unknown_commands.ForwardedCommands())
    dispatcher.message.outer_middleware(hearing)
    dispatcher.message.outer_middleware(attachments)
    _wrap_handlers(dispatcher, shared, guards)
    basic = (default_handlers.create_router(), admin.create_router(context.settings.admin_ids))
    dispatcher.include_routers(
        errors.create_router(),
        *basic,
        unknown_commands.create_router(commands, (*basic, *routers)),
        *routers,
        default_handlers.create_fallback_router(),
    )

    async def on_startup(bot: Bot) -> None:
        await bot.set_my_commands(list(commands))
        await context.coordination.listen(shared.turns.stop_here)
        await shared.intake.start(bot, dispatcher)

    async def on_shutdown() -> None:
        await shared.turns.drain(context.settings.shutdown_timeout)
        await shared.intake.close(context.settings.shutdown_timeout)
        await hearing.aclose()
        await shared.speaking.aclose()

    dispatcher.startup.register(on_startup)
    dispatcher.shutdown.register(on_shutdown)
    return dispatcher


def _wrap_updates(
    dispatcher: Dispatcher, shared: _Shared, settings: BotSettings, *, rich: bool
) -> None:
    """Add the middlewares that every update passes before the filters, in this order."""
    dispatcher.update.outer_middleware(shared.intake)
    dispatcher.update.outer_middleware(TalkMiddleware(shared.talks, shared.editing.talk_of))
    if rich:
        shared.settings_menu.add(switch(shared.preferences, RICH, texts.RICH_SETTING))
        dispatcher.update.outer_middleware(RichMessages(settings.rich_messages, shared.preferences))
    if shared.speaking.possible:
        voice = switch(shared.preferences, VOICE, texts.VOICE_SETTING, default=False, of_chat=True)
        shared.settings_menu.add(voice)
    dispatcher.update.outer_middleware(Corrections(shared.history))
    dispatcher.update.outer_middleware(shared.speaking)


def _wrap_handlers(
    dispatcher: Dispatcher,
    shared: _Shared,
    guards: tuple[Forgetting, AccessMiddleware, ThrottleMiddleware],
) -> None:
    """Add the middlewares between the filters and a handler, in this order."""
    forgetting, access, _ = guards
    slots = SlotMiddleware()
    for each in (*guards, TalkTitles(shared.talks), shared.pastes, shared.editing, slots):
        dispatcher.message.middleware(each)
    for middleware in (*guards, OwnerMiddleware(), slots):
        dispatcher.callback_query.middleware(middleware)
    for around in (forgetting, access, slots):
        dispatcher.message_reaction.middleware(around)
