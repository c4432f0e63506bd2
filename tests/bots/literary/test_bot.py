"""The whole bot over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.common.config import BotSettings
from bots.common.formatting import shown_text
from bots.literary import bot
from services.errors import Unavailable
from tests.bots.harness import RunningBot, running_bot

WAIT = 20


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(bot.create_dispatcher, tmp_path, name="literary") as running:
        yield running


async def _until_active(running: RunningBot, count: int) -> None:
    for _ in range(1000):
        if running.model.active == count:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{running.model.active} streams are open, not {count}")


async def test_figures_without_rich_messages(tmp_path: Path) -> None:
    settings = BotSettings(rich_messages="never")
    async with running_bot(
        bot.create_dispatcher, tmp_path, name="literary", settings=settings
    ) as running:
        running.chat.send("начало рассказа про маяк")
        summary = (await running.chat.wait_for("Что изменилось", WAIT)).text or ""
        assert "• 0: 2 слова\n" in summary


async def test_versions_side_by_side_and_figures(running: RunningBot) -> None:
    running.model.enqueue("Маяк горит.", "Маяк спит у моря.", "Рыбы читают свет.")
    running.chat.send("начало рассказа про маяк")
    summary = shown_text(await running.chat.wait_for("Что изменилось", WAIT)).split("\n")
    sent = [text for text in running.texts() if "Температура" in text]
    assert [text.split("\n")[0] for text in sent] == [
        "🌡 Температура 0",
        "🌡 Температура 0,7",
        "🌡 Температура 1,2",
    ]
    assert "Рыбы читают свет." in sent[2]
    assert summary[:3] == ["📊 Что изменилось", "Температура Слов Разных Повторов", "0 2 — —"]
    asked = [options.temperature for _, options in running.model.history]
    assert asked == [0.0, 0.7, 1.2]


async def test_all_are_asked_at_once(running: RunningBot) -> None:
    running.model.gate.clear()
    running.chat.send("про маяк")
    await _until_active(running, 3)
    running.model.gate.set()
    await running.chat.wait_for("Что изменилось", WAIT)


async def test_stop_ends_all_versions(running: RunningBot) -> None:
    running.model.gate.clear()
    running.chat.send("про маяк")
    await _until_active(running, 3)
    running.chat.send("/stop")
    await running.chat.wait_for("Остановлено", WAIT)
    await _until_active(running, 0)


async def test_settings_last(running: RunningBot) -> None:
    chat = running.chat
    chat.send("/temperature 0,2 1.5")
    await chat.wait_for("0,2, 1,5", WAIT)
    chat.send("/temperature 5")
    await chat.wait_for("Сейчас: 0,2, 1,5")
    chat.send("/form")
    forms = await chat.wait_for("Форма и жанр")
    assert "хокку" in (await chat.press(forms, "хокку")).text
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    asked = [
        (options.temperature, messages[0].content) for messages, options in running.model.history
    ]
    assert [value for value, _ in asked] == [0.2, 1.5]
    assert "хокку" in asked[0][1]


async def test_a_form_is_chosen_by_its_word(running: RunningBot) -> None:
    chat = running.chat
    chat.send("/form Хокку, сказка")
    await chat.wait_for("Форма: хокку, жанр: сказка", WAIT)
    chat.send("/form частушка")
    await chat.wait_for("Такого нет. Формы: свободно, рассказ", WAIT)
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    assert "хокку" in running.model.history[0][0][0].content
    assert "сказка" in running.model.history[0][0][0].content


async def test_again_shows_the_spread(running: RunningBot) -> None:
    chat = running.chat
    chat.send("ещё раз")
    await chat.wait_for("Сначала пришли тему", WAIT)
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    running.model.enqueue("Совсем другое начало.")
    chat.send("ещё раз 0,7")
    spread = await chat.wait_for("ответов: 2", WAIT)
    assert "Общих слов между ними: 0 %" in (spread.text or "")
    assert running.model.history[-1][1].temperature == 0.7


async def test_continue_goes_on_with_the_version_replied_to(running: RunningBot) -> None:
    chat = running.chat
    running.model.enqueue("Первая версия.", "Вторая версия.", "Третья версия.")
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    second = next(m for m in chat.messages if "Вторая версия" in (m.text or ""))
    running.model.enqueue("И дальше.")
    chat.send("продолжи эту версию", reply_to=second.message_id)
    await chat.wait_for("И дальше.", WAIT)
    messages, options = running.model.history[-1]
    assert (messages[2].role, messages[2].content) == ("assistant", "Вторая версия.")
    assert options.temperature == 0.7
    chat.send("продолжи версию 2")
    await chat.wait_for("Продолжение", WAIT)
    assert running.model.history[-1][0][2].content == "Вторая версия.\n\nИ дальше."


async def test_a_hasty_second_continuation_goes_on_after_the_first(running: RunningBot) -> None:
    chat = running.chat
    running.model.enqueue("Первая версия.", "Вторая версия.", "Третья версия.", "Раз.", "Два.")
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    running.model.gate.clear()
    chat.send("продолжи версию 2")
    chat.send("продолжи версию 2")
    await asyncio.sleep(0.5)
    running.model.gate.set()
    await chat.wait_for("Два.", WAIT)
    assert running.model.history[-1][0][2].content == "Вторая версия.\n\nРаз."


@pytest.mark.parametrize(
    ("said", "continued"),
    [
        ("продолжи версию 1,2", "Третья версия."),
        ("продолжи версию 0.7", "Вторая версия."),
        ("Продолжи, пожалуйста, первую версию", "Первая версия."),
        ("продолжи последнюю", "Третья версия."),
        ("продолжи 0", "Первая версия."),
        ("продолжи версию 1,9", None),
        ("продолжи версию 9", None),
    ],
)
async def test_a_version_is_named_by_its_temperature_or_its_place(
    running: RunningBot, said: str, continued: str | None
) -> None:
    chat = running.chat
    running.model.enqueue("Первая версия.", "Вторая версия.", "Третья версия.", "И дальше.")
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    chat.send(said)
    if continued is None:
        await chat.wait_for("Такой версии нет. Есть: 0, 0,7, 1,2", WAIT)
        return
    await chat.wait_for("И дальше.", WAIT)
    assert running.model.history[-1][0][2].content == continued


async def test_what_makes_no_sense_is_said(running: RunningBot) -> None:
    chat = running.chat
    chat.send("/temperature 1 1 1")
    await chat.wait_for("Температуры: 1.", WAIT)
    chat.send("про маяк")
    await chat.wait_for("Что изменилось", WAIT)
    asked = len(running.model.history)
    chat.send("/chart")
    await chat.wait_for("хотя бы две разные температуры", WAIT)
    chat.send("ещё раз 9")
    await chat.wait_for("от 0 до 2", WAIT)
    assert len(running.model.history) == asked == 1


async def test_buttons_reset_and_chart(running: RunningBot) -> None:
    chat = running.chat
    chat.send("про маяк")
    summary = await chat.wait_for("Что изменилось", WAIT)
    await chat.press(summary, "▶ версия 1,2")
    await chat.wait_for("Продолжение, температура 1,2", WAIT)
    chat.send("/chart")
    picture = await chat.wait_for(lambda message: bool(message.photo), WAIT)
    assert picture.photo
    assert len(running.model.history) == 3 + 1 + 9
    chat.send("/reset")
    await chat.wait_for("Забыл")
    chat.send("/chart")
    await chat.wait_for("Сначала пришли тему")


async def test_failure_is_told(running: RunningBot) -> None:
    running.model.enqueue(Unavailable("down"), Unavailable("down"), Unavailable("down"))
    running.chat.send("про маяк")
    await running.chat.wait_for("недоступен", WAIT)
