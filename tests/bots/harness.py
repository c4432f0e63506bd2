"""A whole bot over real HTTP: its own dispatcher, long polling against a playground."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from bots.common.config import BotSettings
from bots.common.dispatcher import BotContext
from bots.common.retries import RetryMiddleware
from playground import Conversation, Playground, RateLimits
from services.backends import Backend
from services.chat import ChatModel
from services.storage import Database, StorageSettings
from tests.fakes.chat import FakeChatModel

Create = Callable[[BotContext], Awaitable[Dispatcher]]


@dataclass(slots=True)
class RunningBot:
    """A bot at work, the people who write to it, and the model behind it."""

    playground: Playground
    model: FakeChatModel
    context: BotContext
    dispatcher: Dispatcher
    polling: asyncio.Task[None]

    @property
    def chat(self) -> Conversation:
        """Аня's private chat with the bot."""
        return self.playground.person("Аня").private

    def texts(self, method: str = "sendMessage") -> list[str]:
        """What the bot sent with `method`, oldest first."""
        return [
            str(call.params.get("text", ""))
            for call in self.playground.calls
            if call.method.lower() == method.lower()
        ]


@asynccontextmanager
async def running_bot(
    create: Create,
    folder: Path,
    *,
    name: str = "grisha",
    backend: Backend = "local",
    model: ChatModel | None = None,
    settings: BotSettings | None = None,
    playground: Playground | None = None,
    limits: bool = False,
    database_url: str | None = None,
) -> AsyncIterator[RunningBot]:
    """Run the bot that `create` makes until the block ends; Telegram's limits are off."""
    fake = model or FakeChatModel()
    storage = StorageSettings(data_dir=folder, database_url=database_url)
    async with (
        _playground(playground, limits) as playground,
        Database.open(storage) as database,
    ):
        server = TelegramAPIServer.from_base(playground.api_url)
        session = AiohttpSession(api=server)
        session.middleware(RetryMiddleware())
        context = BotContext(name, backend, fake, database, settings or BotSettings(), folder)
        context = replace(context, model=context.metered(fake))
        dispatcher = await create(context)
        async with Bot(playground.token, session=session) as bot:
            polling = asyncio.create_task(
                dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False)
            )
            try:
                yield RunningBot(playground, fake, context, dispatcher, polling)
            finally:
                await stop(dispatcher, polling)
                await context.model.aclose()


async def stop(dispatcher: Dispatcher, polling: asyncio.Task[None]) -> None:
    """Stop a bot as SIGTERM does, whether it has begun to poll or not."""
    while not polling.done():
        try:
            await dispatcher.stop_polling()
        except RuntimeError:  # not started yet
            await asyncio.sleep(0.01)
            continue
        break
    await asyncio.wait_for(polling, 30)


@asynccontextmanager
async def _playground(given: Playground | None, limits: bool) -> AsyncIterator[Playground]:
    if given:
        yield given
        return
    async with Playground(
        bot_name="Гриша", bot_username="grisha_bot", limits=RateLimits(enabled=limits)
    ) as own:
        yield own
