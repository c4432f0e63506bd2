"""What the shared edge promises, with a whole bot over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiogram.types import Message
from telegramify_markdown import utf16_len

from bots.common import notices, replies, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from playground.errors import Json, bad_request
from playground.params import Params
from services.errors import AuthError, ModelLoading, RateLimited, Unavailable
from services.texts import describe_error
from tests.bots.harness import RunningBot, running_bot, stop
from tests.bots.talker import create_dispatcher


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram's pace, ten times as fast."""
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.1)
    monkeypatch.setattr(replies, "GROUP_INTERVAL", 0.1)
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)
    monkeypatch.setattr(Pastes, "QUIET_AFTER_LONG", 0.2)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(create_dispatcher, tmp_path) as running:
        yield running


def entities(message: Message) -> list[tuple[str, str]]:
    return [(e.type, e.extract_from(message.text or "")) for e in message.entities or ()]


class TestStreaming:
    async def test_a_private_answer_grows_as_a_draft_and_ends_as_a_message(
        self, bot: RunningBot
    ) -> None:
        bot.model.delay = 0.05
        bot.model.enqueue("Раз два три четыре пять шесть семь восемь девять десять")
        chat = bot.chat
        chat.send("Посчитай")
        draft = await chat.wait_draft("Раз")
        assert draft.body["text"] != "Раз два три четыре пять шесть семь восемь девять десять"
        answer = await chat.wait_for("десять")
        assert answer.text == "Раз два три четыре пять шесть семь восемь девять десять"
        assert chat.draft is None

    async def test_a_group_answer_is_edited_in_place(self, bot: RunningBot) -> None:
        bot.model.delay = 0.05
        bot.model.enqueue("Раз два три четыре пять шесть семь восемь девять десять")
        chat = bot.playground.person("Аня").in_(bot.playground.group)
        question = chat.send("@grisha_bot посчитай")
        answer = await chat.wait_for("десять")
        assert answer.reply_to_message is not None
        assert answer.reply_to_message.message_id == question.message_id
        assert len(bot.texts("sendMessage")) == 1
        assert len(bot.texts("editMessageText")) >= 2

    async def test_a_reply_in_a_group_goes_on_with_its_talk(self, bot: RunningBot) -> None:
        chat = bot.playground.person("Аня").in_(bot.playground.group)
        chat.send("@grisha_bot запомни: слон")
        answer = await chat.wait_for(bot.model.default)
        again = chat.send("а кого запомнил?", reply_to=answer.message_id)
        assert again.message_thread_id
        assert not again.is_topic_message
        await chat.wait_for(
            lambda message: (
                bool(message.reply_to_message)
                and message.reply_to_message.message_id == again.message_id
            )
        )
        assert "слон" in str(bot.model.history[-1][0])

    async def test_drafts_that_are_refused_become_edits(self, bot: RunningBot) -> None:
        bot.playground.faults.inject("error", times=1000, methods=["sendMessageDraft"])
        bot.model.enqueue("**Готово**: a < b")
        answer = await self.ask(bot, "привет")
        assert answer.text == "Готово: a < b"
        assert entities(answer) == [("bold", "Готово")]

    async def test_a_flood_in_mid_stream_loses_nothing(self, bot: RunningBot) -> None:
        bot.model.delay = 0.05
        bot.model.enqueue("Раз два три четыре пять шесть семь восемь девять десять")
        bot.playground.faults.inject("flood", times=2, retry_after=1)
        chat = bot.playground.person("Аня").in_(bot.playground.group)
        chat.send("@grisha_bot посчитай")
        answer = await chat.wait_for("десять", timeout=10)
        assert answer.text == "Раз два три четыре пять шесть семь восемь девять десять"

    async def test_the_last_message_waits_out_a_flood_and_a_broken_connection(
        self, bot: RunningBot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bots.common.retries.FIRST_PAUSE", 0.01)
        inject = bot.playground.faults.inject
        inject("flood", methods=["sendMessage"], retry_after=1)
        inject("error", methods=["sendMessage"])
        inject("reset", methods=["sendMessage"])
        inject("garbage", methods=["sendMessage"])
        assert (await self.ask(bot, "привет", timeout=15)).text == bot.model.default
        assert len([m for m in bot.chat.messages if m.text == bot.model.default]) == 1

    async def test_a_long_answer_goes_out_in_parts(self, tmp_path: Path) -> None:
        paragraphs = [f"Абзац {n}. " + "слово😀 " * 40 for n in range(40)]
        settings = BotSettings(rich_messages="never")
        async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
            bot.model.enqueue("\n\n".join(paragraphs))
            chat = bot.chat
            chat.send("Пиши много")
            await chat.wait_for("Абзац 39")
        parts = [m.text or "" for m in chat.messages if m.from_user and m.from_user.is_bot]
        assert len(parts) >= 3
        assert all(utf16_len(part) <= 4096 for part in parts)
        assert "".join("".join(parts).split()) == "".join("".join(paragraphs).split())

    @pytest.mark.parametrize(
        "text", ["<b>не жирно</b>", "<script>alert(1)</script>", "*_[`~ ||", "&amp; & &lt;"]
    )
    async def test_markup_in_an_answer_never_breaks_it(self, bot: RunningBot, text: str) -> None:
        bot.model.enqueue(text)
        assert (await self.ask(bot, "привет")).text

    async def test_an_empty_answer_says_so(self, bot: RunningBot) -> None:
        bot.model.enqueue(" ")
        assert (await self.ask(bot, "привет")).text == texts.EMPTY_ANSWER

    async def ask(self, bot: RunningBot, text: str, timeout: float = 5) -> Message:
        chat = bot.chat
        chat.send(text)
        return await chat.wait_for(timeout=timeout)


class TestTurns:
    async def test_stop_gets_through_and_keeps_what_was_said(self, bot: RunningBot) -> None:
        bot.model.delay = 0.05
        bot.model.enqueue(" ".join(["слово"] * 1000))
        chat = bot.chat
        chat.send("Говори долго")
        await chat.wait_draft("слово")
        chat.send("/stop")
        answer = await chat.wait_for(texts.STOPPED)
        assert (answer.text or "").startswith("слово")
        assert bot.model.active == 0

    async def test_the_button_of_a_draft_stops_too(self, bot: RunningBot) -> None:
        bot.model.delay = 0.05
        bot.model.enqueue(" ".join(["слово"] * 1000))
        chat = bot.chat
        chat.send("Говори долго")
        await chat.wait_draft("слово")
        assert chat.stop_draft()
        await chat.wait_for(texts.STOPPED)
        assert bot.model.active == 0

    async def test_stop_without_an_answer_says_so(self, bot: RunningBot) -> None:
        bot.chat.send("/stop")
        await bot.chat.wait_for(texts.NOTHING_TO_STOP)

    async def test_questions_of_one_chat_are_answered_in_turn(self, bot: RunningBot) -> None:
        bot.model.gate.clear()
        bot.model.enqueue("ответ раз", "ответ два")
        chat = bot.chat
        chat.send("первый")
        await chat.wait_draft()
        chat.send("второй")
        await asyncio.sleep(0.2)
        assert len(bot.model.history) == 1
        bot.model.gate.set()
        await chat.wait_for("ответ два")
        assert [question(messages) for messages, _ in bot.model.history] == ["первый", "второй"]
        assert any(m.content == "ответ раз" for m in bot.model.history[1][0])

    async def test_one_chat_does_not_wait_for_another(self, bot: RunningBot) -> None:
        bot.model.gate.clear()
        anya, boris = bot.chat, bot.playground.person("Борис").private
        anya.send("от Ани")
        boris.send("от Бориса")
        await anya.wait_draft()
        await boris.wait_draft()
        await until(lambda: bot.model.active == 2)
        bot.model.gate.set()
        await anya.wait_for(bot.model.default)
        await boris.wait_for(bot.model.default)


class TestPastes:
    async def test_a_paste_of_ten_thousand_characters_is_one_question(
        self, bot: RunningBot
    ) -> None:
        paste = "".join(f"Строка {n}: " + "я" * 80 + "\n" for n in range(110))
        chat = bot.chat
        for start in range(0, len(paste), 4096):
            chat.send(paste[start : start + 4096])
        await chat.wait_for(bot.model.default)
        assert len(bot.model.history) == 1
        heard = question(bot.model.history[0][0])
        assert len(paste) > 10_000
        assert "".join(heard.split()) == "".join(paste.split())

    async def test_a_paste_in_a_group_needs_one_mention(self, bot: RunningBot) -> None:
        chat = bot.playground.person("Аня").in_(bot.playground.group)
        chat.send("@grisha_bot " + "а" * 4084)
        chat.send("б" * 100)
        await chat.wait_for(bot.model.default)
        assert question(bot.model.history[0][0]).endswith("а" * 10 + "б" * 100)


class TestErrors:
    @pytest.mark.parametrize(
        "error",
        [
            Unavailable("down"),
            AuthError("bad key sk-secret"),
            RateLimited("slow", retry_after=7),
            ModelLoading("loading", progress=0.4),
        ],
    )
    async def test_a_failing_model_is_told_in_words(
        self, bot: RunningBot, error: Exception
    ) -> None:
        bot.model.enqueue(error)
        chat = bot.chat
        chat.send("привет")
        answer = await chat.wait_for()
        assert answer.text == describe_error(error)
        assert "secret" not in (answer.text or "")
        chat.send("ещё раз")
        await chat.wait_for(bot.model.default)

    async def test_an_unexpected_error_is_told_without_its_message(self, bot: RunningBot) -> None:
        bot.model.enqueue(KeyError("внутренности"))
        bot.chat.send("привет")
        await bot.chat.wait_for(texts.INTERNAL_ERROR)

    async def test_a_broken_off_answer_keeps_its_beginning(self, bot: RunningBot) -> None:
        bot.model.fail_after = 3
        bot.model.enqueue("раз два три четыре пять")
        bot.chat.send("привет")
        answer = await bot.chat.wait_for("оборвался")
        assert (answer.text or "").startswith("раз два три")

    async def test_what_is_not_text_is_answered(self, bot: RunningBot) -> None:
        from playground import Sound, Upload

        bot.chat.send(sound=Sound(Upload("a.ogg", "audio/ogg", b"1"), "voice", 1))
        await bot.chat.wait_for(texts.TEXT_ONLY)


class TestAccess:
    async def test_strangers_are_told_their_id_once(self, tmp_path: Path) -> None:
        settings = BotSettings(allowed_user_ids=frozenset({1}))
        async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
            chat = bot.chat
            chat.send("привет")
            answer = await chat.wait_for()
            assert str(bot.playground.person("Аня").id) in (answer.text or "")
            chat.send("ещё")
            chat.send("/start")
            await asyncio.sleep(0.3)
            assert len(bot.texts()) == 1
            assert not bot.model.history

    async def test_a_hasty_user_is_slowed_once_and_stop_is_free(self, tmp_path: Path) -> None:
        settings = BotSettings(rate_limit=2)
        async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
            bot.model.gate.clear()  # so that there is an answer to stop
            chat = bot.chat
            chat.send("вопрос")
            await until(lambda: bot.model.active == 1)
            for _ in range(5):
                chat.send("/start")
            await chat.wait_for("быстрее")
            chat.send("/stop")
            await chat.wait_for(texts.STOPPED)
            bot.model.gate.set()
            assert len([text for text in bot.texts() if "быстрее" in text]) == 1


class TestRestart:
    async def test_an_interrupted_answer_says_so_and_comes_after_the_restart(
        self, tmp_path: Path
    ) -> None:
        settings = BotSettings(shutdown_timeout=0.3)
        async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
            bot.model.gate.clear()
            chat = bot.chat
            chat.send("вопрос перед перезапуском")
            await chat.wait_draft()
            await stop(bot.dispatcher, bot.polling)
            await chat.wait_for(texts.RESTARTING)
            playground = bot.playground
            async with running_bot(create_dispatcher, tmp_path, playground=playground) as again:
                answer = await chat.wait_for(again.model.default)
                assert answer.text == again.model.default
                assert question(again.model.history[0][0]) == "вопрос перед перезапуском"
            bot.model.gate.set()

    async def test_the_history_survives(self, tmp_path: Path) -> None:
        async with running_bot(create_dispatcher, tmp_path) as bot:
            bot.chat.send("меня зовут Аня")
            await bot.chat.wait_for(bot.model.default)
        async with running_bot(create_dispatcher, tmp_path) as bot:
            bot.chat.send("а теперь?")
            await bot.chat.wait_for(bot.model.default)
            assert [m.content for m in bot.model.history[0][0][1:]] == [
                "меня зовут Аня",
                bot.model.default,
                "а теперь?",
            ]


def question(messages: object) -> str:
    return messages[-1].content  # type: ignore[index]


async def until(condition: Callable[[], bool], timeout: float = 10) -> None:
    """Wait for what nobody announces."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), timeout)


def refuse(_: object, __: object, params: Params) -> Json:
    if "ephemeral_message_parameters" in params:
        raise bad_request("EPHEMERAL_NOT_AVAILABLE")
    return {}


class TestAsides:
    """In a group, what concerns one person is seen by that person alone."""

    async def test_an_error_in_a_group_is_seen_by_who_asked(self, bot: RunningBot) -> None:
        error = Unavailable("down")
        bot.model.enqueue(error)
        group = bot.playground.group
        anya, boris = (
            bot.playground.person("Аня").in_(group),
            bot.playground.person("Боря").in_(group),
        )
        boris.send("привет всем")
        anya.send("@grisha_bot привет")
        told = await anya.wait_for(describe_error(error))
        assert told.ephemeral_message_id
        assert told.receiver_user
        assert told.receiver_user.first_name == "Аня"
        assert describe_error(error) not in [message.text for message in boris.messages]

    async def test_a_server_that_refuses_gets_usual_messages(
        self, bot: RunningBot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(notices, "_refused", {})
        anya = bot.playground.person("Аня").in_(bot.playground.group)
        anya.send("@grisha_bot привет")
        await anya.wait_for(bot.model.default)
        monkeypatch.setattr("playground.methods.messages._receiver", refuse)
        bot.model.enqueue(Unavailable("down"), Unavailable("down"))
        for _ in range(2):
            anya.send("@grisha_bot ещё")
            told = await anya.wait_for(describe_error(Unavailable("down")))
            assert told.ephemeral_message_id is None
        sent = [call for call in bot.playground.calls if call.method == "sendMessage"]
        assert sum("ephemeral_message_parameters" in call.params for call in sent) == 1
