"""Long pastes: one question, at a bounded cost for everybody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bots.common import slots, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from tests.bots.common.test_edge import question, until
from tests.bots.harness import running_bot, stop
from tests.bots.talker import create_dispatcher

PART = "a" * 4096


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pastes, "QUIET", 0.1)
    monkeypatch.setattr(Pastes, "QUIET_AFTER_LONG", 0.3)


async def test_parts_hold_no_slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "MAX_CONCURRENT", 2)
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.model.gate.clear()
        for number in range(10):
            bot.chat.send(f"часть {number}")
        await until(lambda: bot.model.active == 1)
        bot.playground.person("Борис").private.send("мой вопрос")
        await until(lambda: bot.model.active == 2)
        bot.model.gate.set()


async def test_those_who_wait_for_their_turn_hold_no_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "MAX_CONCURRENT", 2)
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.model.gate.clear()
        for number in range(4):
            bot.chat.send(f"вопрос {number}")
            await asyncio.sleep(0.2)
        bot.playground.person("Борис").private.send("мой вопрос")
        await until(lambda: bot.model.active == 2)
        bot.model.gate.set()
        await until(lambda: len(bot.model.history) == 5)


async def test_short_parts_count_as_messages(tmp_path: Path) -> None:
    settings = BotSettings(rate_limit=5)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        for number in range(30):
            bot.chat.send(f"часть {number}")
        await bot.chat.wait_for(bot.model.default)
        heard = question(bot.model.history[0][0]).split("\n")
        assert heard == [f"часть {number}" for number in range(5)]
        assert len([text for text in bot.texts() if "быстрее" in text]) == 1
        assert len(bot.model.history) == 1


async def test_cut_text_is_free_up_to_128_kilobytes(tmp_path: Path) -> None:
    settings = BotSettings(rate_limit=2)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        for _ in range(32):
            bot.chat.send(PART)
        await bot.chat.wait_for(bot.model.default)
        assert question(bot.model.history[0][0]) == PART * 32
        assert len(bot.texts()) == 1


async def test_what_is_longer_is_cut_with_a_word(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        for _ in range(25):
            bot.chat.send("ы" * 4096)
        await bot.chat.wait_for(bot.model.default)
        assert question(bot.model.history[0][0]) == "ы" * (4096 * 16)
        assert bot.texts().count(texts.PASTE_TOO_LONG) == 1
        assert len(bot.model.history) == 1


async def test_a_paste_survives_a_restart_whole_whatever_the_limit(tmp_path: Path) -> None:
    settings = BotSettings(shutdown_timeout=0.2, rate_limit=3)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        bot.model.gate.clear()
        for number in range(3):
            bot.chat.send(f"часть {number}")
        await until(lambda: bot.model.active == 1)
        await stop(bot.dispatcher, bot.polling)
        coming = BotSettings(rate_limit=1)
        async with running_bot(
            create_dispatcher, tmp_path, settings=coming, playground=bot.playground
        ) as again:
            await bot.chat.wait_for(again.model.default)
            assert question(again.model.history[0][0]) == "часть 0\nчасть 1\nчасть 2"
        bot.model.gate.set()


async def test_messages_that_no_handler_joins_are_handled_one_by_one(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        group = bot.playground.person("Аня").in_(bot.playground.group)
        group.send("никому")
        group.send("@grisha_bot привет")
        await group.wait_for(bot.model.default)
        assert "привет" in question(bot.model.history[0][0])
        assert "никому" not in question(bot.model.history[0][0])
