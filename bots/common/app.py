"""Run a bot: open its database, Telegram, the model and the web server, and close them."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer

from bots.common.config import BotSettings
from bots.common.coordination import Coordination, SingleProcess
from bots.common.dispatcher import BotContext
from bots.common.retries import RetryMiddleware
from bots.common.starting import Start
from bots.common.watchdog import loop_watchdog
from bots.common.web import Web
from bots.registry import BotSpec
from services.backends import Backend, open_chat_model
from services.env import missing, read_settings
from services.storage import (
    Database,
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
        dispatcher.startup.register(_spare_the_collector)
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


async def _spare_the_collector() -> None:
    """Let the garbage collector pass over what a bot is made of: it lives as long as the process.

    Each full collection would look through it, and hold everybody's answers meanwhile.
    """
    gc.collect()
    gc.freeze()


async def _show_address(page_url: str) -> None:
    """Say where the page is, once the bot behind it is ready."""
    print(f"Открой страницу: {page_url}  (Ctrl+C — выход)", flush=True)  # noqa: T201
