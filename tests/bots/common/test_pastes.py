"""Long pastes: one question, at a bounded cost for everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from bots.common import slots, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from playground import Upload
from services.errors import Unavailable
from services.storage import ConversationKey, HistoryStore, SpendingStore
from tests.bots.common.test_edge import question, until
from tests.bots.harness import RunningBot, running_bot, stop
from tests.bots.talker import create_dispatcher

PART = "a" * 4096


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pastes, "QUIET", 0.1)
    monkeypatch.setattr(Pastes, "QUIET_AFTER_LONG", 0.3)


@pytest.fixture
async def bot_of_talker(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(create_dispatcher, tmp_path) as running:
        yield running


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
        heard = question(bot.model.history[-1][0]).split("\n")
        assert heard == [f"часть {number}" for number in range(5)]
        assert len([text for text in bot.texts() if "быстрее" in text]) == 1
        assert len(bot.texts()) == 2
        assert len(bot.model.history) <= 2  # the first part may have been asked alone


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
        await until(lambda: "часть 2" in str(bot.model.history[-1:]))
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


class TestHeadStart:
    """The model is asked at once; nothing of it lasts until the question is complete."""

    @pytest.fixture
    def unhurried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Parts of a paste may come for so long that the test decides what comes first."""
        monkeypatch.setattr(Pastes, "QUIET", 1.0)

    @pytest.mark.usefixtures("unhurried")
    async def test_a_part_that_comes_while_the_model_answers_makes_one_question(
        self, tmp_path: Path
    ) -> None:
        settings = BotSettings(daily_requests=100)
        async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
            before = taken_back()
            bot.model.gate.clear()
            bot.chat.send("начало вопроса")
            await until(lambda: bot.model.active == 1)
            bot.chat.send("и его конец")
            await until(lambda: bot.model.active == 0)  # taken back without a word
            bot.model.gate.set()
            await bot.chat.wait_for(bot.model.default)
            assert question(bot.model.history[-1][0]) == "начало вопроса\nи его конец"
            assert bot.texts() == [bot.model.default]
            assert await kept(bot) == ["начало вопроса\nи его конец", bot.model.default]
            spent = await SpendingStore(bot.context.database, "grisha").today(bot.chat.chat.id)
            assert spent.requests == 1
            assert taken_back() == before + 1

    @pytest.mark.usefixtures("unhurried")
    async def test_a_quick_answer_is_shown_only_when_no_part_can_come(
        self, bot_of_talker: RunningBot
    ) -> None:
        bot = bot_of_talker
        bot.model.enqueue("поспешный ответ")
        bot.chat.send("начало")
        await until(lambda: len(bot.model.history) == 1 and bot.model.active == 0)
        bot.chat.send("конец")
        await bot.chat.wait_for(bot.model.default)
        assert bot.texts() == [bot.model.default]
        assert await kept(bot) == ["начало\nконец", bot.model.default]

    @pytest.mark.usefixtures("unhurried")
    async def test_the_error_of_an_incomplete_question_is_not_told(
        self, bot_of_talker: RunningBot
    ) -> None:
        bot = bot_of_talker
        bot.model.enqueue(Unavailable("down"))
        bot.chat.send("начало")
        await until(lambda: len(bot.model.history) == 1 and bot.model.active == 0)
        bot.chat.send("конец")
        await bot.chat.wait_for(bot.model.default)
        assert bot.texts() == [bot.model.default]

    async def test_questions_one_after_the_other_are_two(self, bot_of_talker: RunningBot) -> None:
        bot = bot_of_talker
        bot.model.gate.clear()
        bot.chat.send("первый")
        await bot.chat.wait_draft()  # shown: so it stands
        bot.chat.send("второй")
        bot.model.gate.set()
        await until(lambda: len(bot.texts()) == 2)
        assert [question(messages) for messages, _ in bot.model.history] == ["первый", "второй"]

    @pytest.mark.usefixtures("unhurried")
    async def test_stop_right_after_a_question_stops_its_answer(
        self, bot_of_talker: RunningBot
    ) -> None:
        bot = bot_of_talker
        bot.model.gate.clear()
        bot.chat.send("вопрос")
        await until(lambda: bot.model.active == 1)
        bot.chat.send("/stop")
        await bot.chat.wait_for(texts.STOPPED)
        assert bot.model.active == 0
        assert len(bot.texts()) == 1
        bot.model.gate.set()


def taken_back() -> float:
    return REGISTRY.get_sample_value("model_requests_taken_back_total") or 0.0


async def kept(bot: RunningBot) -> list[str]:
    """What the history says once the answer is out."""
    history = HistoryStore(bot.context.database)
    key = ConversationKey("grisha", bot.chat.chat.id, 0)
    for _ in range(500):
        if messages := await history.recent(key, 10):
            return [message.content for message in messages]
        await asyncio.sleep(0.01)
    return []


async def test_a_captioned_file_amid_a_paste_is_a_question_of_its_own(
    bot_of_talker: RunningBot,
) -> None:
    bot = bot_of_talker
    bot.chat.send(PART)
    bot.chat.send("О чём здесь?", document=Upload("note.txt", "text/plain", "Кот спит.".encode()))
    bot.chat.send("и конец вставки")
    await until(lambda: len(bot.model.history) >= 2)
    asked = [question(each[0]) for each in bot.model.history]
    assert [text.endswith(f"{PART}и конец вставки") for text in asked] == [True, False]
    assert asked[1].endswith("О чём здесь?")
