"""Voice messages as questions, with a recognition server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.common import replies, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from playground import Sound, Upload
from services.storage import ConversationKey
from tests.bots.harness import RunningBot, running_bot
from tests.bots.talker import create_dispatcher
from tests.fakes.transcriptions import TranscriptionCalls, transcription_server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TranscriptionCalls]:
    async with transcription_server() as calls:
        monkeypatch.setenv("STT_MODEL", "whisper-large")
        monkeypatch.setenv("STT_BASE_URL", calls.url)
        monkeypatch.setenv("STT_API_KEY", "stt-key")
        yield calls


@pytest.fixture
async def bot(server: TranscriptionCalls, tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(create_dispatcher, tmp_path) as running:
        yield running


def voice(data: bytes = b"OggS...", duration: int = 3) -> Sound:
    return Sound(Upload("voice.ogg", "audio/ogg", data), "voice", duration)


def asked(bot: RunningBot) -> list[str]:
    return [messages[-1].content for messages, _ in bot.model.history]


@pytest.mark.parametrize("kind", ["voice", "audio", "video_note"])
async def test_a_recording_is_shown_as_a_quotation_and_answered(
    bot: RunningBot, server: TranscriptionCalls, kind: str
) -> None:
    name = {"voice": "voice.ogg", "audio": "song.mp3", "video_note": "round.mp4"}[kind]
    sent = bot.chat.send(sound=Sound(Upload(name, "audio/ogg", b"sound"), kind, 3))  # type: ignore[arg-type]
    shown = await bot.chat.wait_for("🎙 какая завтра погода")
    assert [entity.type for entity in shown.entities or ()] == ["expandable_blockquote"]
    assert shown.reply_to_message is not None
    assert shown.reply_to_message.message_id == sent.message_id
    await bot.chat.wait_for(bot.model.default)
    assert asked(bot) == ["какая завтра погода"]
    form = server.forms[0]
    assert form["file"][1] == b"sound"
    assert form["model"] == "whisper-large"
    assert server.headers[0]["Authorization"] == "Bearer stt-key"


async def test_the_caption_comes_before_what_was_said(bot: RunningBot) -> None:
    bot.chat.send("Переведи:", sound=voice())
    await bot.chat.wait_for(bot.model.default)
    assert asked(bot) == ["Переведи:\n\nкакая завтра погода"]


async def test_a_group_is_heard_where_it_addresses_the_bot(
    bot: RunningBot, server: TranscriptionCalls
) -> None:
    chat = bot.playground.person("Аня").in_(bot.playground.group)
    chat.send(sound=voice())
    question = chat.send("@grisha_bot привет")
    answer = await chat.wait_for(bot.model.default)
    assert question.message_id
    assert not server.forms
    chat.send(sound=voice(), reply_to=answer.message_id)
    await chat.wait_for("🎙")
    await chat.wait_for(bot.model.default)
    chat.send("@grisha_bot послушай", sound=voice(b"other"))
    await chat.wait_for("🎙")
    assert len(server.forms) == 2


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (voice(duration=601), "long"),
        (voice(b"0" * (20 * 2**20 + 1)), "large"),
    ],
)
async def test_what_is_too_much_is_told_before_it_is_downloaded(
    bot: RunningBot, server: TranscriptionCalls, sound: Sound, reason: str
) -> None:
    bot.chat.send(sound=sound)
    await bot.chat.wait_for(texts.NOT_UNDERSTOOD[reason])
    assert not server.forms
    assert not [call for call in bot.playground.calls if call.method.lower() == "getfile"]


async def test_nothing_said_is_told(bot: RunningBot, server: TranscriptionCalls) -> None:
    server.default = " "
    bot.chat.send(sound=voice())
    await bot.chat.wait_for(texts.NOT_UNDERSTOOD["noise"])
    assert not asked(bot)


@pytest.mark.parametrize("status", [401, 404, 400])
async def test_a_server_that_refuses_is_told_as_deafness(
    bot: RunningBot, server: TranscriptionCalls, status: int
) -> None:
    server.status = status
    bot.chat.send(sound=voice())
    await bot.chat.wait_for(texts.DEAF)


async def test_stop_ends_a_transcription(bot: RunningBot, server: TranscriptionCalls) -> None:
    server.hold = asyncio.Event()
    bot.chat.send(sound=voice())
    while not server.forms:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    bot.chat.send("/stop")
    await bot.chat.wait_for(texts.STOPPED)
    assert not asked(bot)


async def test_strangers_and_floods_are_not_transcribed(
    server: TranscriptionCalls, tmp_path: Path
) -> None:
    settings = BotSettings(allowed_user_ids=frozenset({1}))
    async with running_bot(create_dispatcher, tmp_path / "1", settings=settings) as bot:
        bot.chat.send(sound=voice())
        await bot.chat.wait_for(str(bot.playground.person("Аня").id))
        assert not server.forms
    async with running_bot(
        create_dispatcher, tmp_path / "2", settings=BotSettings(rate_limit=1)
    ) as bot:
        bot.chat.send(sound=voice())
        await bot.chat.wait_for(bot.model.default)
        bot.chat.send(sound=voice())
        await bot.chat.wait_for("быстрее")
        assert len(server.forms) == 1


async def test_a_restart_hears_again_what_it_interrupted(
    server: TranscriptionCalls, tmp_path: Path
) -> None:
    server.hold = asyncio.Event()
    settings = BotSettings(shutdown_timeout=0.1)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        playground = bot.playground
        bot.chat.send(sound=voice())
        while not server.forms:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        bot.dispatcher.shutdown.register(server.hold.clear)
        await _stopped(bot)
        async with running_bot(create_dispatcher, tmp_path, playground=playground) as again:
            server.hold.set()
            await again.chat.wait_for(again.model.default)
            assert asked(again) == ["какая завтра погода"]


async def _stopped(bot: RunningBot) -> None:
    from tests.bots.harness import stop

    await stop(bot.dispatcher, bot.polling)


async def test_an_answer_interrupted_after_hearing_is_not_heard_twice(
    server: TranscriptionCalls, tmp_path: Path
) -> None:
    settings = BotSettings(shutdown_timeout=0.1)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        bot.model.delay = 10
        bot.chat.send(sound=voice())
        await bot.chat.wait_for("🎙")
        await asyncio.sleep(0.3)
        await _stopped(bot)
        async with running_bot(create_dispatcher, tmp_path, playground=bot.playground) as again:
            await again.chat.wait_for(again.model.default)
            assert asked(again) == ["какая завтра погода"]
            assert len(server.forms) == 1


async def test_without_recognition_a_recording_is_refused(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send(sound=voice())
        await bot.chat.wait_for(texts.TEXT_ONLY)


async def test_a_reply_to_the_quotation_corrects_what_was_misheard(
    bot: RunningBot, server: TranscriptionCalls
) -> None:
    server.texts.append("метро с околда")
    bot.chat.send(sound=voice())
    quotation = await bot.chat.wait_for("🎙 метро с околда", 20)
    await bot.chat.wait_for(bot.model.default, 20)
    bot.model.enqueue("Понял: Сокол.")
    bot.chat.send("метро Сокол", reply_to=quotation.message_id)
    await bot.chat.wait_for("Понял", 20)
    prompt = [message.content for message in bot.model.history[-1][0]]
    assert prompt[-1] == "метро Сокол"
    assert not [text for text in prompt if "околда" in text]


async def test_a_new_caption_of_a_recording_corrects_it(
    bot: RunningBot, server: TranscriptionCalls
) -> None:
    server.texts.append("метро с околда")
    sent = bot.chat.send(sound=voice())
    await bot.chat.wait_for(bot.model.default, 20)
    bot.model.enqueue("Понял: Сокол.")
    bot.chat.edit(sent.message_id, "метро Сокол")
    await bot.chat.wait_for("Понял", 20)
    assert len(server.forms) == 1
    prompt = [message.content for message in bot.model.history[-1][0]]
    assert prompt[-1] == "метро Сокол"
    assert not [text for text in prompt if "околда" in text]


async def test_a_correction_finds_the_talk_that_it_was_misheard_in(
    bot: RunningBot, server: TranscriptionCalls
) -> None:
    server.texts.append("метро с околда")
    bot.chat.send(sound=voice())
    quotation = await bot.chat.wait_for("🎙 метро с околда", 20)
    await bot.chat.wait_for(bot.model.default, 20)
    bot.chat.send("/new")
    await bot.chat.wait_for(texts.NEW_TALK)
    bot.model.enqueue("Понял: Сокол.")
    bot.chat.send("метро Сокол", reply_to=quotation.message_id)
    await bot.chat.wait_for("Понял", 20)
    await bot.dispatcher["intake"].journal._idle.wait()
    key = ConversationKey(bot.context.name, bot.chat.chat.id)
    said = await bot.dispatcher["history"].recent(key, 10)
    assert [each.content for each in said] == ["метро Сокол", "Понял: Сокол."]
    assert not await bot.dispatcher["history"].recent(key._replace(thread_id=-1), 10)


async def test_a_stranger_corrects_nobodys_recording(
    bot: RunningBot, server: TranscriptionCalls
) -> None:
    server.texts.append("метро с околда")
    anya, borya = (
        bot.playground.person(name).in_(bot.playground.group) for name in ("Аня", "Боря")
    )
    anya.send("@grisha_bot послушай", sound=voice())
    quotation = await anya.wait_for("🎙 метро с околда", 20)
    await anya.wait_for(bot.model.default, 20)
    bot.model.enqueue("Боре: это другой вопрос.")
    borya.send("метро Сокол", reply_to=quotation.message_id)
    await borya.wait_for("Боре", 20)
    assert any("околда" in each.content for each in bot.model.history[-1][0])
