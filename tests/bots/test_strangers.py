"""What one person can do to others in the same group or bot: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bots.common import texts
from bots.common.intake import Pastes
from bots.common.turns import MAX_OF_ONE
from playground import Conversation, Sound, Upload
from services.storage import ConversationKey
from tests.bots.common.test_edge import until
from tests.bots.harness import RunningBot, running_bot
from tests.bots.talker import create_dispatcher
from tests.fakes.transcriptions import TranscriptionCalls, transcription_server

NOTE = Upload("note.txt", "text/plain", "Кот спит на окне.".encode())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pastes, "QUIET", 0.05)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(create_dispatcher, tmp_path) as running:
        yield running


def running(name: str, folder: Path) -> Any:
    create = import_module(f"bots.{name}.bot").create_dispatcher
    return running_bot(create, folder, name=name)


def members(bot: RunningBot) -> tuple[Conversation, Conversation]:
    """Аня, who is the group's admin, and Боря."""
    group = bot.playground.group
    return bot.playground.person("Аня").in_(group), bot.playground.person("Боря").in_(group)


async def idle(bot: RunningBot) -> None:
    await bot.dispatcher["intake"].journal._idle.wait()


async def test_a_member_stops_only_what_is_written_for_them(bot: RunningBot) -> None:
    anya, borya = members(bot)
    bot.model.gate.clear()
    anya.send("@grisha_bot расскажи сказку")
    await until(lambda: bot.model.active == 1)
    borya.send("/stop@grisha_bot")
    await borya.wait_for(texts.NOT_YOURS_TO_STOP)
    bot.model.gate.set()
    await anya.wait_for(bot.model.default)
    bot.model.gate.clear()
    borya.send("@grisha_bot расскажи и мне")
    await until(lambda: bot.model.active == 1)
    borya.send("/stop@grisha_bot")
    await borya.wait_for(texts.STOPPED)
    borya.send("@grisha_bot расскажи снова")
    await until(lambda: bot.model.active == 1)
    anya.send("/stop@grisha_bot")
    await anya.wait_for(texts.STOPPED)


async def test_a_member_fills_no_queue(bot: RunningBot) -> None:
    anya, borya = members(bot)
    bot.model.gate.clear()
    for number in range(MAX_OF_ONE + 1):
        borya.send(f"@grisha_bot вопрос {number}")
        await asyncio.sleep(0.1)  # apart: no paste
    refused = await borya.wait_for(lambda message: bool(message.text))
    anya.send("@grisha_bot мой вопрос")
    await asyncio.sleep(0.1)
    bot.model.gate.set()
    await until(lambda: any("мой вопрос" in each[0][-1].content for each in bot.model.history))
    assert "вопрос 3" not in str(bot.model.history)
    assert refused.text


async def test_a_group_is_reset_by_its_admins(tmp_path: Path) -> None:
    async with running("hf_demo", tmp_path) as bot:
        anya, borya = members(bot)
        anya.send("@grisha_bot запомни слово слон")
        await anya.wait_for(lambda message: "hf-demo" in (message.text or "") or bool(message.text))
        await idle(bot)
        key = ConversationKey("hf_demo", anya.chat.id)
        borya.send("/reset@grisha_bot")
        await borya.wait_for(texts.RESET_BY_ADMINS)
        assert await bot.dispatcher["history"].recent(key, 10)
        anya.send("/reset@grisha_bot")
        await gone(lambda: bot.dispatcher["history"].recent(key, 10))


async def gone(ask: Callable[[], Awaitable[object]]) -> None:
    """Wait until nothing of it is kept."""
    for _ in range(500):
        if not await ask():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it stayed as it was")


@pytest.mark.parametrize("name", ["literary", "real_estate"])
async def test_a_member_takes_out_only_their_documents(name: str, tmp_path: Path) -> None:
    async with running(name, tmp_path) as bot:
        anya, borya = members(bot)
        shelf, people = bot.dispatcher["documents"], (anya, borya)
        for each in people:
            each.send("@grisha_bot о чём это?", document=NOTE)
        ids = [bot.playground.person(each).id for each in ("Аня", "Боря")]
        for _ in range(500):
            if all([await shelf.names(person) for person in ids]):
                break
            await asyncio.sleep(0.02)
        await idle(bot)
        assert [len(await shelf.names(person)) for person in ids] == [1, 1]
        borya.send("/reset@grisha_bot")
        await gone(lambda: shelf.names(ids[1]))
        assert len(await shelf.names(ids[0])) == 1
        anya.send("/reset@grisha_bot")
        await gone(lambda: shelf.names(ids[0]))


async def test_voice_in_a_group_is_for_its_admins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTS_BASE_URL", "http://127.0.0.1:9/v1")
    async with running_bot(create_dispatcher, tmp_path) as bot:
        anya, borya = members(bot)
        speaking = bot.dispatcher["speaking"]
        borya.send("/voice@grisha_bot on")
        await borya.wait_for(texts.ADMINS_ONLY)
        assert not await speaking.wanted(anya.chat.id)
        borya.send("/settings@grisha_bot")
        menu = await borya.wait_for(texts.SETTINGS)
        assert texts.VOICE_SETTING not in str(menu.reply_markup)
        pressed = bot.playground.world.callbacks.press(
            borya.chat, borya.chat.messages[menu.message_id], borya._user, "setting:0"
        )
        assert (await asyncio.wait_for(pressed, 10))["text"] == texts.STALE_BUTTON
        label = menu.reply_markup.inline_keyboard[0][0].text  # type: ignore[union-attr]
        assert (await anya.press(menu, label)).text == texts.NOT_YOUR_BUTTON
        anya.send("/voice@grisha_bot on")
        await anya.wait_for(texts.VOICE_ON)
        assert await speaking.wanted(anya.chat.id)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("real_estate", "/style"), ("real_estate", "/checklists"), ("real_estate", "/forget"),
        ("literary", "/form"), ("hf_demo", "/settings"), ("grisha", "/settings"),
    ],
)  # fmt: skip
async def test_buttons_in_a_group_are_for_who_asked(
    name: str, command: str, tmp_path: Path
) -> None:
    async with running(name, tmp_path) as bot:
        anya, borya = members(bot)
        anya.send(f"{command}@grisha_bot")
        menu = await anya.wait_for(lambda message: bool(message.reply_markup), 30)
        borya.send("всем привет")
        label = menu.reply_markup.inline_keyboard[0][0].text  # type: ignore[union-attr]
        assert (await borya.press(menu, label)).text == texts.NOT_YOUR_BUTTON


async def test_a_forwarded_command_is_not_run(bot: RunningBot) -> None:
    bot.chat.send("Запомни слово слон")
    await bot.chat.wait_for(bot.model.default)
    await idle(bot)
    bot.chat.send("/reset", forwarded_from="Боря")
    await bot.chat.wait_for(texts.FORWARDED_COMMAND.format(name="reset"))
    key = ConversationKey(bot.context.name, bot.chat.chat.id)
    assert await bot.dispatcher["history"].recent(key, 10)
    bot.chat.send("А это пересланный вопрос", forwarded_from="Боря")
    await bot.chat.wait_for(bot.model.default)


async def test_what_is_forwarded_tells_nothing_of_who_sent_it(tmp_path: Path) -> None:
    async with running("grisha", tmp_path) as bot:
        person = bot.playground.person("Аня").id
        for text in ("Меня зовут Пётр.", "У меня есть кот, и живу я в Казани."):
            bot.chat.send(text, forwarded_from="Пётр")
            await bot.chat.wait_for(None, 30)
            await idle(bot)
        grisha = bot.dispatcher["grisha"]
        assert await grisha.users.name_of(person) is None
        assert not await grisha.facts_of(person, person)
        bot.chat.send("У меня есть кот, и живу я в Казани.")
        await bot.chat.wait_for(None, 30)
        await idle(bot)
        assert await grisha.facts_of(person, person)


async def test_a_quoted_document_is_its_owners(bot: RunningBot) -> None:
    anya, borya = members(bot)
    sent = anya.send(document=NOTE)
    borya.send("@grisha_bot что здесь?", reply_to=sent.message_id)
    await borya.wait_for(bot.model.default, 30)
    names, people = bot.dispatcher["documents"].names, bot.playground.person
    assert await names(people("Аня").id)
    assert not await names(people("Боря").id)


async def test_an_album_of_documents_says_what_it_leaves_out(bot: RunningBot) -> None:
    for number in range(7):
        file = Upload(f"{number}.txt", "text/plain", f"Строка {number}.".encode())
        bot.chat.send("Что здесь?" if number == 0 else "", document=file, album="1")
    said = (await bot.chat.wait_for("не помещается", 60)).text or ""
    assert [name for name in map(str, range(7)) if f"«{name}.txt»" in said] == ["5", "6"]
    await bot.chat.wait_for(bot.model.default, 30)
    assert len(await bot.dispatcher["documents"].names(bot.chat.chat.id)) == 5


async def test_one_person_keeps_no_queue_of_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Боря asks in his private chat and in the group; Аня's recording comes between."""
    async with transcription_server() as calls:
        monkeypatch.setenv("STT_MODEL", "whisper-large")
        monkeypatch.setenv("STT_BASE_URL", calls.url)
        async with running_bot(create_dispatcher, tmp_path) as bot:
            await _both_wait(bot, calls)


async def _both_wait(bot: RunningBot, calls: TranscriptionCalls) -> None:
    calls.hold = asyncio.Event()
    _, borya = members(bot)
    bot.playground.person("Боря").private.send(sound=_voice(b"one"))
    await until(lambda: len(calls.forms) == 1)
    borya.send("@grisha_bot послушай", sound=_voice(b"two"))
    bot.chat.send(sound=_voice(b"three"))
    await until(lambda: len(bot.dispatcher["turns"]._queues) == 3)
    await until(lambda: sum(call.method == "getFile" for call in bot.playground.calls) == 2)
    calls.hold.set()
    await until(lambda: len(calls.forms) == 3)
    assert [form["file"][1] for form in calls.forms] == [b"one", b"three", b"two"]


def _voice(data: bytes) -> Sound:
    return Sound(Upload("voice.ogg", "audio/ogg", data), "voice", 3)


@pytest.mark.parametrize("payload", ["admin", "../../etc/passwd", "a" * 64, "forget", "%00", "1e9"])
async def test_a_deep_link_only_greets(bot: RunningBot, payload: str) -> None:
    bot.chat.send(f"/start {payload}")
    assert (await bot.chat.wait_for(lambda message: bool(message.text))).text == (
        "Привет! Я говорю с тобой о чём угодно."
    )
    assert not bot.model.history


@pytest.mark.parametrize(
    "name", ["[жми](http://evil.example)", "<b>Аня</b>", "\u202eяна\u202c", "**Гриша**", "@all"]
)
async def test_a_name_is_never_markup(name: str, tmp_path: Path) -> None:
    async with running("grisha", tmp_path) as bot:
        chat = bot.playground.person(name).in_(bot.playground.group)
        for text in ("/start@grisha_bot", "/me@grisha_bot", "@grisha_bot как меня зовут?"):
            chat.send(text)
            answer = await chat.wait_for(None, 30)
            kinds = {entity.type for entity in answer.entities or ()}
            assert not kinds & {"text_link", "url", "bold", "mention"}, (text, answer.text)
