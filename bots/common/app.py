"""How a bot is put together and run: what every `bots/<name>/bot.py` starts from."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
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
from bots.common.retries import RetryMiddleware
from bots.common.rich_messages import PREFERENCE as RICH
from bots.common.rich_messages import RichMessages
from bots.common.settings_menu import SettingsMenu, switch
from bots.common.slots import SlotMiddleware
from bots.common.speaking import PREFERENCE as VOICE
from bots.common.speaking import Speaking
from bots.common.starting import Start
from bots.common.talks import TalkMiddleware, TalkStore, TalkTitles
from bots.common.turns import Turns
from bots.common.watchdog import loop_watchdog
from bots.common.web import Web
from bots.registry import BotSpec
from services.backends import Backend, open_chat_model
from services.budgets import Budget, Meter
from services.chat import ChatModel
from services.env import missing, read_settings
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
    StorageSettings,
    process_lock,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line chose; None leaves it to the bot's own default."""

    backend: Backend | None = None
    model: str | None = None
    playground: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    webhook: bool = False
    topics: bool = False


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

    Handlers get `context`, `model`, `database`, `documents`, `turns`, `forgetting` and
    `bot_name` by name. What a bot keeps of people in tables of its own it names to
    `forgetting.also`, what it keeps of single messages to `editing.also`. `hints` are words
    that people say to this bot; `answers` are filters of the messages that it answers, beside
    being addressed: no others are transcribed, and no other files are read. `own_files` are
    those that a handler of the bot takes itself. What `report` says of
    a document is the answer to it, and it isn't kept. Answers go out as rich messages, where there
    are such, only if `rich`.
    """
    coordination, settings = context.coordination, context.settings
    journal = Journal(Inbox(context.database, context.name, coordination.replica))
    pastes = Pastes(journal, coordination, settings.rate_limit)
    turns, history = Turns(coordination), HistoryStore(context.database)
    editing = Editing(context.name, turns, history)
    intake = Intake(journal, pastes, editing, coordination)
    forgetting = Forgetting(context.name, turns, history)
    forgetting.also(editing.forget)
    preferences = PreferenceStore(context.database, context.name)
    forgetting.also(preferences.forget)
    forgetting.also(context.meter.forget)
    documents = DocumentShelf(DocumentStore(context.database, context.name), shared_encoder)
    forgetting.also(documents.forget)
    dispatcher = Dispatcher(
        storage=coordination.states,
        context=context,
        model=context.model,
        database=context.database,
        documents=documents,
        turns=turns,
        forgetting=forgetting,
        editing=editing,
        intake=intake,
        bot_name=context.name,
    )
    dispatcher.update.outer_middleware(intake)
    talk_store = TalkStore(preferences)
    dispatcher["talks"] = talk_store
    menu = SettingsMenu()
    dispatcher["settings_menu"] = menu
    dispatcher["history"] = history
    dispatcher["exports"] = ExportStore(context.database, context.name)
    dispatcher["meter"] = context.meter
    dispatcher.update.outer_middleware(TalkMiddleware(talk_store))
    if rich:
        menu.add(switch(preferences, RICH, texts.RICH_SETTING))
        dispatcher.update.outer_middleware(RichMessages(settings.rich_messages, preferences))
    speaking = Speaking(open_synthesiser(read_settings(SynthesisSettings)), preferences)
    if speaking.possible:
        menu.add(switch(preferences, VOICE, texts.VOICE_SETTING, default=False))
    dispatcher.update.outer_middleware(Corrections(history))
    dispatcher["speaking"] = speaking
    dispatcher.update.outer_middleware(speaking)
    access, slots = AccessMiddleware(settings), SlotMiddleware()
    throttle = ThrottleMiddleware(coordination, settings.rate_limit)
    guards = (forgetting, access, throttle)
    hearing = Hearing(
        open_speech(read_settings(SpeechSettings)),
        journal,
        turns,
        guards,
        hints=hints,
        filters=answers,
    )
    dispatcher.message.outer_middleware(hearing)
    dispatcher.message.outer_middleware(
        Attachments(
            documents, journal, turns, guards, filters=answers, own=own_files, report=report
        )
    )
    for observer in (dispatcher.message, dispatcher.callback_query, dispatcher.message_reaction):
        observer.middleware(forgetting)
    for observer in (dispatcher.message, dispatcher.callback_query):
        observer.middleware(access)
        observer.middleware(throttle)
    dispatcher.callback_query.middleware(OwnerMiddleware())
    dispatcher.message_reaction.middleware(access)
    dispatcher.message.middleware(TalkTitles(talk_store))
    dispatcher.message.middleware(pastes)
    dispatcher.message.middleware(editing)
    for observer in (dispatcher.message, dispatcher.callback_query, dispatcher.message_reaction):
        observer.middleware(slots)
    basic = (default_handlers.create_router(), admin.create_router(settings.admin_ids))
    dispatcher.include_routers(
        errors.create_router(),
        *basic,
        unknown_commands.create_router(commands, (*basic, *routers)),
        *routers,
        default_handlers.create_fallback_router(),
    )

    async def on_startup(bot: Bot) -> None:
        await bot.set_my_commands(list(commands))
        await coordination.listen(turns.stop_here)
        await intake.start(bot, dispatcher)

    async def on_shutdown() -> None:
        await turns.drain(settings.shutdown_timeout)
        await intake.close(settings.shutdown_timeout)
        await hearing.aclose()
        await speaking.aclose()

    dispatcher.startup.register(on_startup)
    dispatcher.shutdown.register(on_shutdown)
    return dispatcher


async def run_bot(spec: BotSpec, settings: BotSettings, options: RunOptions) -> None:
    """Run one bot until SIGINT or SIGTERM; raise ConfigError when a setting is missing."""
    storage = read_settings(StorageSettings)
    if options.playground:
        storage = storage.model_copy(
            update={"data_dir": storage.data_dir / "playground", "database_url": None}
        )
    backend = options.backend or spec.backend
    # Before the database is opened: the bot's module declares tables of its own.
    module = import_module(spec.module)
    create: Callable[[BotContext], Awaitable[Dispatcher]] = module.create_dispatcher
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(loop_watchdog())
        start = await stack.enter_async_context(Start())
        start.enter("opening the database and its migrations")
        database = await stack.enter_async_context(Database.open(storage))
        start.enter("agreeing with other processes")
        coordination = await stack.enter_async_context(_coordination(spec, settings, storage))
        start.enter("opening the connection to Telegram")
        bot, page_url = await stack.enter_async_context(
            _open_bot(spec, settings, options, storage.data_dir)
        )
        start.enter("opening the model")
        model = open_chat_model(backend, options.model)
        context = BotContext(
            spec.name,
            backend,
            model,
            database,
            settings,
            storage.data_dir,
            coordination,
            hashlib.sha256(f"accounts of {bot.token}".encode()).digest(),
        )
        context = replace(context, model=context.metered(model))
        stack.push_async_callback(context.model.aclose)
        start.enter(f"putting {spec.name} together")
        dispatcher = await create(context)
        dispatcher.startup.register(start.end)  # the last of the startup's handlers
        start.enter("asking Telegram who the bot is, taking up what was interrupted")
        logger.info("%s answers with %s (%s)", spec.name, model.name, backend)
        if page_url:
            dispatcher.startup.register(partial(_show_address, page_url))
        web = Web(settings, (database.ping, coordination.ping))
        if options.webhook:
            await web.receive(bot, dispatcher, playground=options.playground)
            return
        if settings.web_port is not None:
            await stack.enter_async_context(web)
        await bot.delete_webhook()
        await dispatcher.start_polling(bot, close_bot_session=False)


@asynccontextmanager
async def _coordination(
    spec: BotSpec, settings: BotSettings, storage: StorageSettings
) -> AsyncIterator[Coordination]:
    """The agreements with replicas where REDIS_URL is set; otherwise there may be none."""
    if settings.redis_url is None:
        with process_lock(storage.data_dir, spec.name):
            yield SingleProcess()
        return
    from bots.common.replicas import Replicas

    if storage.database_url is None:
        logger.warning("REDIS_URL without DATABASE_URL: replicas must share this DATA_DIR")
    replicas = await Replicas.open(settings.redis_url.get_secret_value(), spec.name)
    try:
        yield replicas
    finally:
        await replicas.aclose()


@asynccontextmanager
async def _open_bot(
    spec: BotSpec, settings: BotSettings, options: RunOptions, data_dir: Path
) -> AsyncIterator[tuple[Bot, str]]:
    """Open the bot on Telegram, or on a playground beside it; yield the page's address too."""
    page_url = ""
    async with AsyncExitStack() as stack:
        if options.playground:
            from playground import Playground

            playground = await stack.enter_async_context(
                Playground(
                    host=options.host,
                    port=options.port,
                    state_dir=data_dir,
                    bot_name=spec.title,
                    bot_username=f"{spec.name}_bot",
                    private_topics=options.topics,
                )
            )
            page_url = playground.page_url
            token, server = playground.token, TelegramAPIServer.from_base(playground.api_url)
        else:
            secret = spec.token
            if secret is None:
                raise missing(spec.token_env[0])
            token, server = secret.get_secret_value(), PRODUCTION
            if settings.telegram_api_url:
                server = TelegramAPIServer.from_base(settings.telegram_api_url)
        session = AiohttpSession(api=server)
        session.middleware(RetryMiddleware())
        yield await stack.enter_async_context(Bot(token, session=session)), page_url


async def _show_address(page_url: str) -> None:
    """Say where the page is, once the bot behind it is ready."""
    print(f"Открой страницу: {page_url}  (Ctrl+C — выход)", flush=True)  # noqa: T201
