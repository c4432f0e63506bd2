"""A person edits their last message: it is answered anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.common import replies
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from bots.real_estate import bot as real_estate
from services.errors import Unavailable
from services.storage import ConversationKey, HistoryStore
from services.texts import describe_error
from tests.bots.common.test_edge import question, until
from tests.bots.harness import RunningBot, running_bot, stop
from tests.bots.talker import create_dispatcher


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(create_dispatcher, tmp_path) as running:
        yield running


async def settle(bot: RunningBot) -> None:
    """Wait until everything that was sent is handled."""
    handled = bot.dispatcher["intake"].journal
    await asyncio.sleep(0.1)
    await asyncio.wait_for(handled._idle.wait(), 10)


async def history(bot: RunningBot) -> list[str]:
    await settle(bot)
    key = ConversationKey("grisha", bot.chat.chat.id, 0)
    kept = await HistoryStore(bot.context.database).recent(key, 10)
    return [message.content for message in kept]


async def test_the_exchange_is_replaced_in_the_chat_and_in_the_history(bot: RunningBot) -> None:
    bot.model.enqueue("первый", "о котах", "о китах")
    bot.chat.send("привет")
    await bot.chat.wait_for("первый")
    asked = bot.chat.send("расскажи о котах")
    answer = await bot.chat.wait_for("о котах")
    bot.chat.edit(asked.message_id, "расскажи о китах")
    edited = await bot.chat.wait_for("о китах")
    assert edited.message_id == answer.message_id
    assert await history(bot) == ["привет", "первый", "расскажи о китах", "о китах"]
    assert "котах" not in str(bot.model.history[-1][0])


async def test_only_the_last_message_counts_and_only_a_change_of_words(bot: RunningBot) -> None:
    first = bot.chat.send("первый вопрос")
    await bot.chat.wait_for(bot.model.default)
    await settle(bot)
    second = bot.chat.send("второй вопрос")
    await bot.chat.wait_for(bot.model.default)
    bot.chat.edit(first.message_id, "не первый вопрос")
    bot.chat.edit(second.message_id, "второй вопрос")
    assert len(await history(bot)) == 4
    assert len(bot.model.history) == 2


async def test_an_answer_in_progress_is_given_up_without_a_word(bot: RunningBot) -> None:
    bot.model.gate.clear()
    asked = bot.chat.send("о котах")
    await until(lambda: bot.model.active == 1)
    await bot.chat.wait_draft()
    bot.chat.edit(asked.message_id, "о китах")
    await until(lambda: bot.model.active == 1 and len(bot.model.history) == 2)
    bot.model.gate.set()
    await bot.chat.wait_for(bot.model.default)
    assert await history(bot) == ["о китах", bot.model.default]
    assert bot.texts() == [bot.model.default]


async def test_a_long_answer_leaves_nothing_behind_a_short_one(tmp_path: Path) -> None:
    settings = BotSettings(rich_messages="never")
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        bot.model.enqueue("\n\n".join("слово " * 300 for _ in range(5)), "кратко")
        asked = bot.chat.send("длинно")
        await until(lambda: len(bot.texts()) >= 2)
        await settle(bot)
        bot.chat.edit(asked.message_id, "коротко")
        await bot.chat.wait_for("кратко")
        await settle(bot)
        answers = [m.text for m in bot.chat.messages if m.from_user and m.from_user.is_bot]
        assert answers == ["кратко"]


async def test_after_a_restart_the_new_answer_stands_below(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        asked = bot.chat.send("о котах")
        await bot.chat.wait_for(bot.model.default)
        await settle(bot)
        await stop(bot.dispatcher, bot.polling)
        async with running_bot(create_dispatcher, tmp_path, playground=bot.playground) as again:
            again.model.enqueue("о китах")
            again.chat.edit(asked.message_id, "расскажи о китах")
            await again.chat.wait_for("о китах")
            assert await history(again) == ["расскажи о китах", "о китах"]


async def test_the_search_goes_back_before_the_old_wording(tmp_path: Path) -> None:
    async with running_bot(real_estate.create_dispatcher, tmp_path, name="real_estate") as bot:
        asked = bot.chat.send("двушка в Казани до 9 млн")
        await bot.chat.wait_for(timeout=30)
        await settle(bot)
        bot.chat.edit(asked.message_id, "двушка до 9 млн")
        await bot.chat.wait_for(timeout=30)
        await until(lambda: bot.dispatcher["intake"].journal._idle.is_set())
        state = await bot.dispatcher["assistant"].state(bot.chat.chat.id)
        assert state.slots.city is None


async def test_a_failing_model_leaves_no_old_answer(bot: RunningBot) -> None:
    error = Unavailable("down")
    bot.model.enqueue("о котах", error)
    asked = bot.chat.send("расскажи о котах")
    await bot.chat.wait_for("о котах")
    await settle(bot)
    bot.chat.edit(asked.message_id, "расскажи о китах")
    await bot.chat.wait_for(describe_error(error))
    assert await history(bot) == []
    assert "о котах" not in [message.text for message in bot.chat.messages]
    assert question(bot.model.history[-1][0]) == "расскажи о китах"
