"""The whole bot over real HTTP on both sides: a playground and a chat-completions server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from aiogram.types import Message

from bots.common import replies
from bots.common import texts as common_texts
from bots.common.config import BotSettings
from bots.common.formatting import shown_text
from bots.common.intake import Pastes
from bots.hf_demo import texts
from bots.hf_demo.bot import create_dispatcher
from playground import Playground
from services.backends import open_chat_model
from services.huggingface.config import MODELS
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.chat import FakeChatModel
from tests.fakes.openai_server import Answer, Cut, OpenAIServer, Refusal, Stall, Together

LLAMA, DEEPSEEK, QWEN = (MODELS[name].id for name in ("llama3", "deepseek", "qwen2"))
DOWN = Refusal(503, {"error": "no capacity"})
LOADING = Refusal(503, {"error": "Model is currently loading"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram's pace and the pauses between tries, much faster."""
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.05)
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)
    monkeypatch.setattr("services.transport.MAX_RETRY_WAIT", 0.0)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer().running() as server:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("HF_BASE_URL", server.url)
        yield server


def demo(
    folder: Path, playground: Playground | None = None, **settings: Any
) -> AbstractAsyncContextManager[RunningBot]:
    return running_bot(
        create_dispatcher,
        folder,
        name="hf_demo",
        backend="huggingface",
        model=open_chat_model("huggingface"),
        playground=playground,
        settings=BotSettings(**settings),
    )


@pytest.fixture
async def bot(server: OpenAIServer, tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with demo(tmp_path) as running:
        yield running


def buttons(message: Message) -> list[str]:
    markup = message.reply_markup
    return [button.text for row in markup.inline_keyboard for button in row] if markup else []


async def ask(bot: RunningBot, text: str, wanted: str = "⏱") -> Message:
    bot.chat.send(text)
    return await bot.chat.wait_for(wanted, timeout=10)


async def test_answers_and_says_what_it_took(bot: RunningBot, server: OpenAIServer) -> None:
    answer = await ask(bot, "Как тебя зовут?")
    assert (answer.text or "").startswith("Привет! Меня зовут Проба.")
    assert "⏱ llama3 · " in (answer.text or "")
    assert "токены: 17 → 4 · $0.00000054" in (answer.text or "")
    assert buttons(answer) == ["Спросить и deepseek и qwen2"]
    assert server.bodies[0]["model"] == LLAMA


async def test_remembers_the_conversation_until_it_is_reset(
    bot: RunningBot, server: OpenAIServer
) -> None:
    await ask(bot, "Раз")
    await ask(bot, "Два")
    assert [m["role"] for m in server.bodies[1]["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert "⏱" not in server.bodies[1]["messages"][2]["content"]
    await ask(bot, "/reset", texts.RESET)
    await ask(bot, "Три")
    assert len(server.bodies[2]["messages"]) == 2


async def test_a_model_is_chosen_by_a_button_and_kept_across_restarts(
    server: OpenAIServer, tmp_path: Path
) -> None:
    async with Playground() as playground:
        async with demo(tmp_path, playground) as bot:
            menu = await ask(bot, "/model", "Какая модель")
            assert buttons(menu) == ["deepseek", "✓ llama3", "qwen2"]
            pressed = await bot.chat.press(menu, "qwen2")
            assert pressed.text == "Теперь отвечает qwen2."
            menu = await bot.chat.wait_for("Сейчас: qwen2")
            assert buttons(menu) == ["deepseek", "llama3", "✓ qwen2"]
        async with demo(tmp_path, playground) as bot:
            assert "⏱ qwen2" in ((await ask(bot, "Привет")).text or "")
    assert server.bodies[0]["model"] == QWEN


async def test_a_model_is_chosen_by_its_name(bot: RunningBot) -> None:
    await ask(bot, "/model DeepSeek", "Теперь отвечает deepseek")
    assert "⏱ deepseek" in ((await ask(bot, "Привет")).text or "")
    await ask(bot, "/model gpt", "Есть: deepseek, llama3 и qwen2")


async def test_the_choice_is_each_users_own(bot: RunningBot) -> None:
    await ask(bot, "/model qwen2", "Теперь")
    other = bot.playground.person("Боря").private
    other.send("Привет")
    assert "⏱ llama3" in ((await other.wait_for("⏱")).text or "")


async def test_the_others_answer_the_same_prompt_at_once(
    bot: RunningBot, server: OpenAIServer
) -> None:
    await ask(bot, "Первый вопрос")
    answer = await ask(bot, "А почему?")
    await ask(bot, "Ещё один")
    together = Together(2, Answer("Другое мнение"))
    server.by_model = {DEEPSEEK: together, QWEN: together}
    pressed = await bot.chat.press(answer, "Спросить и deepseek и qwen2")
    assert pressed.text == "Спрашиваю: deepseek и qwen2"
    results = shown_text(await bot.chat.wait_for("Итог")).split("\n")
    assert results[:2] == ["Итог", "Модель Время Первое слово Токены Ток/с Цена"]
    assert {line.split()[0] for line in results[2:]} == {"deepseek", "qwen2"}
    sent = bot.texts()
    assert {"deepseek\n\nДругое мнение", "qwen2\n\nДругое мнение"} <= set(sent)
    assert server.bodies[-1]["messages"] == server.bodies[1]["messages"], "the same prompt"
    assert buttons(next(m for m in bot.chat.messages if m.message_id == answer.message_id)) == []


async def test_a_forgotten_question_is_not_guessed(bot: RunningBot) -> None:
    answer = await ask(bot, "Вопрос")
    await ask(bot, "/reset", texts.RESET)
    pressed = await bot.chat.press(answer, "Спросить и deepseek и qwen2")
    assert (pressed.text, pressed.alert) == (texts.LOST_QUESTION, True)


async def test_results_without_rich_messages(tmp_path: Path, server: OpenAIServer) -> None:
    async with demo(tmp_path, rich_messages="never") as bot:
        lines = ((await ask(bot, "/compare Почему?", "Итог")).text or "").split("\n\n")
    assert {line.split()[1] for line in lines[1:]} == {"deepseek", "llama3", "qwen2"}


async def test_compares_all_on_a_prompt_and_survives_a_failure(
    bot: RunningBot, server: OpenAIServer
) -> None:
    server.by_model = {LLAMA: Refusal(402, {"error": "credits"})}
    results = await ask(bot, "/compare Почему небо голубое?", "Итог")
    lines = shown_text(results).split("\n")
    assert {line.split()[0] for line in lines[2:4]} == {"deepseek", "qwen2"}
    assert lines[4].startswith("⚠️ llama3: не ответила. Оплаченные запросы")
    asked = {body["messages"][-1]["content"] for body in server.bodies}
    assert asked == {"Почему небо голубое?"}


async def test_compares_the_last_question_when_none_is_given(
    bot: RunningBot, server: OpenAIServer
) -> None:
    await ask(bot, "/compare", texts.NOTHING_TO_COMPARE)
    await ask(bot, "Почему?")
    await ask(bot, "/compare", "Итог")
    assert server.bodies[-1]["messages"] == server.bodies[0]["messages"]


async def test_a_comparison_can_be_stopped(bot: RunningBot, server: OpenAIServer) -> None:
    stalls = [Stall(words=1) for _ in MODELS]
    server.enqueue(*stalls)
    bot.chat.send("/compare Вопрос")
    for stall in stalls:
        await asyncio.wait_for(stall.arrived.wait(), 10)
    await ask(bot, "/stop", common_texts.STOPPED)
    for stall in stalls:
        await asyncio.wait_for(stall.left.wait(), 10)


@pytest.mark.parametrize(
    ("fault", "words"), [(LOADING, "ещё загружает"), (DOWN, "недоступен"), (Cut(), "недоступен")]
)
async def test_a_model_that_fails_is_left_with_one_tap(
    bot: RunningBot, server: OpenAIServer, fault: Refusal, words: str
) -> None:
    server.by_model = {LLAMA: fault}
    notice = await ask(bot, "Как дела?", "не ответила")
    assert words in (notice.text or "")
    assert buttons(notice) == ["Спросить deepseek", "Спросить qwen2"]
    await bot.chat.press(notice, "Спросить qwen2")
    answer = await bot.chat.wait_for("⏱ qwen2")
    assert (answer.text or "").startswith("Привет! Меня зовут Проба.")
    assert server.bodies[-1]["messages"][-1]["content"] == "Как дела?"
    assert "⏱ qwen2" in ((await ask(bot, "Дальше")).text or ""), "the choice is kept"


async def test_a_pasted_question_is_asked_for_again(bot: RunningBot, server: OpenAIServer) -> None:
    server.by_model = {LLAMA: LOADING}
    bot.chat.send("слово " * 680)
    bot.chat.send("и конец")
    notice = await bot.chat.wait_for("не ответила", timeout=10)
    await bot.chat.press(notice, "Переключиться на qwen2")
    await bot.chat.wait_for("Пришли вопрос ещё раз")


async def test_stop_keeps_what_has_come(bot: RunningBot, server: OpenAIServer) -> None:
    stall = Stall(words=2)
    server.enqueue(stall)
    bot.chat.send("Расскажи")
    await bot.chat.wait_draft("слово")
    answer = await ask(bot, "/stop", common_texts.STOPPED)
    assert "слово слово" in (answer.text or "")
    await asyncio.wait_for(stall.left.wait(), 10)


async def test_alone_on_a_local_model_it_says_so(tmp_path: Path) -> None:
    model = FakeChatModel("Я местная")
    async with running_bot(
        create_dispatcher, tmp_path, name="hf_demo", backend="local", model=model
    ) as bot:
        start = await ask(bot, "/start", "отвечает одна модель, fake")
        assert "HF_TOKEN" in (start.text or "")
        await ask(bot, "/model", "модель одна: fake")
        await ask(bot, "/compare Что-нибудь", "модель одна: fake")
        answer = await ask(bot, "Привет")
        assert "⏱ fake" in (answer.text or "")
        assert buttons(answer) == []


async def test_help_names_every_command(bot: RunningBot) -> None:
    text = (await ask(bot, "/help", "Пиши")).text or ""
    for command in ("/model", "/compare", "/reset", "/stop"):
        assert command in text
