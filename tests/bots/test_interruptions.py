"""Every command that takes long: it can be stopped, and a restart doesn't lose it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from aiogram.types import Message

from bots.common import replies, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from bots.grisha import bot as grisha_bot
from bots.registry import BOTS
from playground import Conversation, Playground
from services.backends import open_chat_model
from tests.bots.common.test_edge import until
from tests.bots.harness import RunningBot, running_bot, stop
from tests.fakes.chat import FakeChatModel
from tests.fakes.openai_server import OpenAIServer, Stall

WAIT = 20
IMPATIENT = BotSettings(shutdown_timeout=0.2)
MODULES = {spec.name: spec.module for spec in BOTS}


@dataclass(frozen=True, slots=True)
class LongCommand:
    """A message, or a button of the last message, that keeps the model busy."""

    bot: str
    send: str
    answer: str  # a part of it; «photo» for a picture
    before: str = ""  # a message to send first, and
    before_answer: str = ""  # a part of the answer to wait for
    button: bool = False

    def __str__(self) -> str:
        return f"{self.bot} {self.send}"


STORY = {"before": "про маяк", "before_answer": "Что изменилось"}
COMMANDS = [
    LongCommand("grisha", "Сколько ножек у паука?", "Привет, мир!"),
    LongCommand("real_estate", "Расскажи что-нибудь про море и маяк", "Привет, мир!"),
    LongCommand("literary", "про маяк", "Что изменилось"),
    LongCommand("literary", "/chart", "photo", **STORY),
    LongCommand("literary", "/again", "ответов: 2", **STORY),
    LongCommand("literary", "ещё раз 0,7", "ответов: 2", **STORY),
    LongCommand("literary", "продолжи версию 2", "Продолжение", **STORY),
    LongCommand("literary", "▶ версия 1,2", "Продолжение", button=True, **STORY),
    LongCommand("hf_demo", "Почему небо голубое?", "Привет, мир!"),
]
OF_SEVERAL_MODELS = [
    LongCommand("hf_demo", "Почему небо голубое?", "⏱ llama3"),
    LongCommand("hf_demo", "/compare Почему?", "Итог"),
    LongCommand("hf_demo", "Спросить и deepseek и qwen2", "Итог", "Раз", "⏱", button=True),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.1)
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.03)
    monkeypatch.setattr(grisha_bot, "open_encoder", lambda: None)


def run(
    command: LongCommand, folder: Path, playground: Playground | None = None
) -> AbstractAsyncContextManager[RunningBot]:
    return running_bot(
        import_module(MODULES[command.bot]).create_dispatcher,
        folder,
        name=command.bot,
        settings=IMPATIENT,
        playground=playground,
    )


async def prepare(chat: Conversation, command: LongCommand) -> Message | None:
    """Do what comes before; return the message whose button the command may be."""
    if not command.before:
        return None
    chat.send(command.before)
    return await chat.wait_for(command.before_answer, WAIT)


def begin(chat: Conversation, command: LongCommand, shown: Message | None) -> None:
    if command.button and shown:
        chat.start_press(shown.message_id, command.send)
    else:
        chat.send(command.send)


async def wait_for_answer(chat: Conversation, command: LongCommand) -> None:
    if command.answer == "photo":
        await chat.wait_for(lambda message: bool(message.photo), WAIT)
    else:
        await chat.wait_for(command.answer, WAIT)


def idle(bot: RunningBot) -> Callable[[], bool]:
    return lambda: not bot.dispatcher["intake"].journal._in_work


@pytest.mark.parametrize("command", COMMANDS, ids=str)
async def test_stop_ends_it_with_a_word(command: LongCommand, tmp_path: Path) -> None:
    async with run(command, tmp_path) as bot:
        chat = bot.chat
        shown = await prepare(chat, command)
        bot.model.gate.clear()
        begin(chat, command, shown)
        await until(lambda: bot.model.active > 0)
        chat.send("/stop")
        await chat.wait_for(texts.STOPPED, WAIT)
        await until(lambda: bot.model.active == 0)
        await until(idle(bot))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
async def test_a_restart_says_so_and_answers_after_it(command: LongCommand, tmp_path: Path) -> None:
    async with run(command, tmp_path) as bot:
        chat = bot.chat
        shown = await prepare(chat, command)
        bot.model.gate.clear()
        begin(chat, command, shown)
        await until(lambda: bot.model.active > 0)
        await stop(bot.dispatcher, bot.polling)
        await chat.wait_for(texts.RESTARTING, WAIT)
        async with run(command, tmp_path, bot.playground) as again:
            await wait_for_answer(chat, command)
            await until(idle(again))
        assert texts.INTERNAL_ERROR not in bot.texts()


@asynccontextmanager
async def several_models(
    folder: Path, playground: Playground | None = None
) -> AsyncIterator[RunningBot]:
    async with running_bot(
        import_module(MODULES["hf_demo"]).create_dispatcher,
        folder,
        name="hf_demo",
        backend="huggingface",
        model=open_chat_model("huggingface"),
        settings=IMPATIENT,
        playground=playground,
    ) as bot:
        yield bot


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer().running() as server:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("HF_BASE_URL", server.url)
        yield server


@pytest.mark.parametrize("command", OF_SEVERAL_MODELS, ids=str)
async def test_a_comparison_stops_and_survives_a_restart(
    command: LongCommand, server: OpenAIServer, tmp_path: Path
) -> None:
    async with several_models(tmp_path) as bot:
        chat = bot.chat
        shown = await prepare(chat, command)
        stalls = [Stall(words=1) for _ in range(3)]
        server.enqueue(*stalls)
        begin(chat, command, shown)
        await asyncio.wait_for(stalls[0].arrived.wait(), WAIT)
        await stop(bot.dispatcher, bot.polling)
        await chat.wait_for(texts.RESTARTING, WAIT)
        server._queue.clear()
        async with several_models(tmp_path, bot.playground) as again:
            await wait_for_answer(chat, command)
            await until(idle(again))
            assert texts.INTERNAL_ERROR not in again.texts()


async def test_a_restart_between_two_versions_drops_none(tmp_path: Path) -> None:
    command = LongCommand("literary", "про маяк", "Что изменилось")
    settings = BotSettings(shutdown_timeout=1.0)
    create = import_module(MODULES["literary"]).create_dispatcher
    async with running_bot(create, tmp_path, name="literary", settings=settings) as bot:
        chat = bot.chat
        bot.playground.faults.inject("flood", methods=["sendMessage"], retry_after=2)
        chat.send(command.send)
        await until(lambda: len(bot.model.history) == 3)
        await asyncio.sleep(0.5)  # the first version is written and waits for Telegram
        await stop(bot.dispatcher, bot.polling)
        async with run(command, tmp_path, bot.playground):
            await wait_for_answer(chat, command)


async def test_a_summary_that_is_cut_does_not_repeat_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def summarise(self: object, key: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("bots.grisha.assistant.Grisha.summarise", summarise)
    command = COMMANDS[0]
    async with run(command, tmp_path) as bot:
        chat = bot.chat
        chat.send(command.send)
        await chat.wait_for(FakeChatModel().default, WAIT)
        await stop(bot.dispatcher, bot.polling)
        async with run(command, tmp_path, bot.playground) as again:
            await asyncio.sleep(0.5)
            assert again.texts().count(again.model.default) == 1
