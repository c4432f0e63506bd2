"""Questions asked while the model still loads are held and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from bots.common import replies, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from bots.grisha.bot import create_dispatcher as create_grisha
from bots.real_estate.bot import create_dispatcher as create_real_estate
from playground import Playground, RateLimits
from services import loading
from services.chat import DEFAULT_OPTIONS, Chunk, GenerationOptions, Message
from services.errors import Unavailable
from services.texts import describe_error
from tests.bots.common.test_edge import question, until
from tests.bots.harness import running_bot, stop
from tests.bots.talker import create_dispatcher
from tests.fakes.chat import FakeChatModel


class LoadingModel(FakeChatModel):
    """Behaves as the local model does: calls wait until it is loaded, and tell how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded = asyncio.Event()
        self.progress: float | None = None
        self.failure: Exception | None = None
        self.warmed: list[Sequence[Message]] = []

    @property
    def loading_progress(self) -> float | None:
        return None if self.loaded.is_set() and not self.failure else self.progress or 0.0

    async def warm_up(self, messages: Sequence[Message]) -> None:
        await self.ready()
        self.warmed.append(messages)

    async def ready(self) -> None:
        await self.loaded.wait()
        if self.failure:
            raise self.failure

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        await self.ready()
        async for chunk in super().stream(messages, options):
            yield chunk

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        if len(messages) > 1:  # the fake counts its own answers, too
            await self.ready()
        return await super().count_tokens(messages)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.05)
    monkeypatch.setattr(replies, "GROUP_INTERVAL", 0.05)
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.03)
    monkeypatch.setattr(loading, "PROGRESS_INTERVAL", 0.05)


@pytest.mark.parametrize("create", [create_dispatcher, create_grisha])
async def test_a_question_is_held_with_its_progress_and_answered(
    create: object, tmp_path: Path
) -> None:
    model = LoadingModel()
    async with running_bot(create, tmp_path, model=model) as bot:  # type: ignore[arg-type]
        bot.chat.send("Сколько ножек у паука?")
        await bot.chat.wait_draft(texts.WAKING_UP)
        model.progress = 0.4
        await bot.chat.wait_draft("40\u00a0%")
        model.loaded.set()
        await bot.chat.wait_for(model.default)
        assert not any("загружа" in text for text in bot.texts())


async def test_grisha_has_the_model_read_his_persona_ahead(tmp_path: Path) -> None:
    model = LoadingModel()
    async with running_bot(create_grisha, tmp_path, model=model):
        model.loaded.set()
        await until(lambda: len(model.warmed) == 2)
    persona, opening = model.warmed
    assert "Гриша" in persona[0].content
    assert opening[0].content.startswith(persona[0].content.strip())


async def test_in_a_group_the_notice_becomes_the_answer(tmp_path: Path) -> None:
    model = LoadingModel()
    async with running_bot(create_dispatcher, tmp_path, model=model) as bot:
        group = bot.playground.person("Аня").in_(bot.playground.group)
        group.send("@grisha_bot привет")
        await group.wait_for(texts.WAKING_UP)
        model.loaded.set()
        await group.wait_for(model.default)
        assert texts.WAKING_UP not in [message.text for message in group.messages]


async def test_what_a_crash_left_is_answered_once_the_model_is_there(tmp_path: Path) -> None:
    async with Playground(
        bot_name="Гриша", bot_username="grisha_bot", limits=RateLimits(enabled=False)
    ) as playground:
        chat = playground.person("Аня").private
        settings = BotSettings(shutdown_timeout=0.1)
        model = LoadingModel()
        async with running_bot(
            create_dispatcher, tmp_path, model=model, settings=settings, playground=playground
        ) as bot:
            chat.send("вопрос перед перезапуском")
            await chat.wait_draft(texts.WAKING_UP)
            await stop(bot.dispatcher, bot.polling)
            await chat.wait_for(texts.RESTARTING)
        again = LoadingModel()
        async with running_bot(create_dispatcher, tmp_path, model=again, playground=playground):
            await chat.wait_draft(texts.WAKING_UP)
            again.loaded.set()
            await chat.wait_for(again.default)
            assert question(again.history[0][0]) == "вопрос перед перезапуском"


async def test_stop_ends_the_waiting(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path, model=LoadingModel()) as bot:
        bot.chat.send("привет")
        await bot.chat.wait_draft(texts.WAKING_UP)
        bot.chat.send("/stop")
        await bot.chat.wait_for(texts.STOPPED)


async def test_a_failed_load_is_told(tmp_path: Path) -> None:
    model = LoadingModel()
    async with running_bot(create_dispatcher, tmp_path, model=model) as bot:
        bot.chat.send("привет")
        await bot.chat.wait_draft(texts.WAKING_UP)
        model.failure = Unavailable("no memory")
        model.loaded.set()
        await bot.chat.wait_for(describe_error(model.failure))


async def test_flats_are_found_without_waiting_for_words(tmp_path: Path) -> None:
    model = LoadingModel()
    async with running_bot(create_real_estate, tmp_path, name="real_estate", model=model) as bot:
        bot.chat.send("двушка в Москве до 20 млн")
        answer = await bot.chat.wait_for(lambda message: bool(message.reply_markup), 30)
        assert "Я понял" in (answer.text or "")
        await until(lambda: not model.history)
