"""How a bot is put together and run: what every `bots/<name>/bot.py` starts from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from aiogram import Bot, Dispatcher, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.types import BotCommand, Update

from bots.common import basics, errors
from bots.common.config import BotSettings
from bots.common.middlewares import (
    AccessMiddleware,
    InboxMiddleware,
    PasteMiddleware,
    ThrottleMiddleware,
)
from bots.common.retries import RetryMiddleware
from bots.common.turns import Turns
from bots.registry import BotSpec
from services.backends import Backend, open_chat_model
from services.chat import ChatModel
from services.env import missing, read_settings
from services.storage import Database, Inbox, StorageSettings

logger = logging.getLogger(__name__)

CONCURRENT_UPDATES = 200  # more wait at Telegram's


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line chose; None leaves it to the bot's own default."""

    backend: Backend | None = None
    model: str | None = None
    playground: bool = False
    host: str = "127.0.0.1"
    port: int = 8080


@dataclass(frozen=True, slots=True)
class BotContext:
    """What a bot is built from. `data_dir` is where it may keep files of its own."""

    name: str
    backend: Backend
    model: ChatModel
    database: Database
    settings: BotSettings
    data_dir: Path
    commands: tuple[BotCommand, ...] = field(default=())


def build_dispatcher(
    context: BotContext, commands: Sequence[BotCommand], *routers: Router
) -> Dispatcher:
    """Wire a bot's routers between what every bot has before and after them.

    Handlers get `context`, `model`, `database`, `turns` and `bot_name` by name.
    """
    turns, inbox, pastes = Turns(), Inbox(context.database, context.name), PasteMiddleware()
    dispatcher = Dispatcher(
        context=context,
        model=context.model,
        database=context.database,
        turns=turns,
        bot_name=context.name,
    )
    dispatcher.update.outer_middleware(InboxMiddleware(inbox))
    dispatcher.message.outer_middleware(pastes.join)
    access = AccessMiddleware(context.settings.allowed_user_ids)
    throttle = ThrottleMiddleware(context.settings.rate_limit)
    for observer in (dispatcher.message, dispatcher.callback_query):
        observer.middleware(access)
        observer.middleware(throttle)
    dispatcher.message.middleware(pastes.gather)
    dispatcher.include_routers(
        errors.create_router(), basics.create_router(), *routers, basics.create_fallback_router()
    )

    async def on_startup(bot: Bot) -> None:
        await bot.set_my_commands(list(commands))
        for body in await inbox.unfinished():
            update = Update.model_validate_json(body, context={"bot": bot})
            logger.info("update %d was interrupted, once more", update.update_id)
            resumed.add(asyncio.create_task(dispatcher.feed_update(bot, update, replayed=True)))

    async def on_shutdown() -> None:
        await turns.drain(context.settings.shutdown_timeout)

    resumed: set[asyncio.Task[object]] = set()
    dispatcher.startup.register(on_startup)
    dispatcher.shutdown.register(on_shutdown)
    return dispatcher


async def run_bot(spec: BotSpec, settings: BotSettings, options: RunOptions) -> None:
    """Run one bot until SIGINT or SIGTERM; raise ConfigError when a setting is missing."""
    storage = read_settings(StorageSettings)
    if options.playground:
        storage = storage.model_copy(update={"data_dir": storage.data_dir / "playground"})
    backend = options.backend or spec.backend
    async with AsyncExitStack() as stack:
        bot = await stack.enter_async_context(_open_bot(spec, settings, options, storage.data_dir))
        model = open_chat_model(backend, options.model)
        stack.push_async_callback(model.aclose)
        context = BotContext(
            spec.name,
            backend,
            model,
            await stack.enter_async_context(Database.open(storage)),
            settings,
            storage.data_dir,
        )
        create: Callable[[BotContext], Awaitable[Dispatcher]] = import_module(
            spec.module
        ).create_dispatcher
        dispatcher = await create(context)
        logger.info("%s answers with %s (%s)", spec.name, model.name, backend)
        await dispatcher.start_polling(
            bot, tasks_concurrency_limit=CONCURRENT_UPDATES, close_bot_session=False
        )


@asynccontextmanager
async def _open_bot(
    spec: BotSpec, settings: BotSettings, options: RunOptions, data_dir: Path
) -> AsyncIterator[Bot]:
    """The bot on Telegram, or on a playground of its own that runs beside it."""
    async with AsyncExitStack() as stack:
        if options.playground:
            from services.playground import Playground

            playground = await stack.enter_async_context(
                Playground(
                    host=options.host,
                    port=options.port,
                    state_dir=data_dir,
                    bot_name=spec.title,
                    bot_username=f"{spec.name}_bot",
                )
            )
            print(f"Открой страницу: {playground.page_url}  (Ctrl+C — выход)", flush=True)  # noqa: T201
            token, server = playground.token, TelegramAPIServer.from_base(playground.api_url)
        else:
            secret = settings.token(spec.token_env)
            if secret is None:
                raise missing(spec.token_env[0])
            token, server = secret.get_secret_value(), PRODUCTION
            if settings.telegram_api_url:
                server = TelegramAPIServer.from_base(settings.telegram_api_url)
        session = AiohttpSession(api=server)
        session.middleware(RetryMiddleware())
        yield await stack.enter_async_context(Bot(token, session=session))
