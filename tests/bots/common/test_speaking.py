"""Answers that are spoken too, with a synthesis server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import pytest
from aiogram.types import Message

from bots.common import replies, texts
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from bots.registry import BOTS, BotSpec
from services.media.synthesis import MAX_CHARACTERS, beginning
from tests.bots.harness import running_bot
from tests.bots.talker import create_dispatcher
from tests.fakes.synthesis import OPUS, SpeechCalls, synthesis_server

WAIT = 40


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SpeechCalls]:
    async with synthesis_server() as calls:
        monkeypatch.setenv("TTS_BASE_URL", calls.url)
        monkeypatch.setenv("TTS_API_KEY", "tts-key")
        monkeypatch.setenv("TTS_VOICE", "marina")
        yield calls


def is_voice(message: Message) -> bool:
    return message.voice is not None


@pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
async def test_an_answer_goes_out_as_text_and_as_opus(
    spec: BotSpec, server: SpeechCalls, tmp_path: Path
) -> None:
    create = import_module(spec.module).create_dispatcher
    async with running_bot(create, tmp_path, name=spec.name) as bot:
        bot.model.default = "Море шумит, и маяк мигает."
        bot.chat.send("/voice on")
        await bot.chat.wait_for(texts.VOICE_ON, WAIT)
        bot.chat.send("Расскажи что-нибудь про море и маяк")
        message = await bot.chat.wait_for(is_voice, WAIT)
        assert message.voice is not None
        assert message.voice.file_size == len(OPUS)
        assert [text for text in bot.texts() if "маяк" in text or "?" in text or "." in text]
        body = server.bodies[0]
        assert (body["response_format"], body["voice"], body["model"]) == (
            "opus",
            "marina",
            "tts-1",
        )
        assert server.headers[0]["Authorization"] == "Bearer tts-key"


async def test_it_is_off_until_asked_for_and_a_choice_of_the_chat(
    server: SpeechCalls, tmp_path: Path
) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send("/voice")
        await bot.chat.wait_for(texts.VOICE_OFF, WAIT)
        group = bot.playground.person("Аня").in_(bot.playground.group)
        group.send("/voice@grisha_bot on")
        await group.wait_for(texts.VOICE_ON, WAIT)
        bot.chat.send("привет")
        await bot.chat.wait_for(bot.model.default, WAIT)
        assert not server.bodies
        group.send("@grisha_bot привет")
        await group.wait_for(is_voice, WAIT)
        group.send("/voice@grisha_bot off")
        await group.wait_for(texts.VOICE_OFF, WAIT)
        group.send("@grisha_bot привет")
        await group.wait_for(bot.model.default, WAIT)
        assert len(server.bodies) == 1


@pytest.mark.parametrize(("status", "content"), [(401, OPUS), (200, b"<html>")])
async def test_a_failure_is_told_after_the_text(
    server: SpeechCalls, tmp_path: Path, status: int, content: bytes
) -> None:
    server.status, server.content = status, content
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send("/voice on")
        await bot.chat.wait_for(texts.VOICE_ON, WAIT)
        bot.chat.send("привет")
        await bot.chat.wait_for(texts.VOICE_FAILED, WAIT)
        said = bot.texts()
        assert said.index(texts.VOICE_FAILED) > said.index(bot.model.default)


async def test_without_a_synthesiser_it_says_what_is_missing(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send("/voice on")
        await bot.chat.wait_for("TTS_BASE_URL", WAIT)


async def test_forget_switches_the_voice_off(server: SpeechCalls, tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send("/voice on")
        await bot.chat.wait_for(texts.VOICE_ON, WAIT)
        await bot.dispatcher["forgetting"].forget(bot.playground.person("Аня").id)
        bot.chat.send("/voice")
        await bot.chat.wait_for(texts.VOICE_OFF, WAIT)


def test_a_long_answer_is_spoken_to_the_end_of_a_sentence() -> None:
    text = "Одно предложение. " * 200
    spoken = beginning(text)
    assert len(spoken) <= MAX_CHARACTERS
    assert spoken.endswith("предложение.")
    assert beginning("коротко") == "коротко"


async def test_an_edited_question_leaves_no_old_voice(server: SpeechCalls, tmp_path: Path) -> None:
    settings = BotSettings(rich_messages="never")
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        bot.chat.send("/voice on")
        await bot.chat.wait_for(texts.VOICE_ON, WAIT)
        bot.model.enqueue("о котах", "\n\n".join("слово " * 300 for _ in range(5)))
        asked = bot.chat.send("кратко о котах")
        old = await bot.chat.wait_for(is_voice, WAIT)
        await bot.dispatcher["intake"].journal._idle.wait()
        bot.chat.edit(asked.message_id, "подробно о китах")
        await bot.chat.wait_for(lambda it: is_voice(it) and it.message_id > old.message_id, WAIT)
        assert old.message_id not in [message.message_id for message in bot.chat.messages]
