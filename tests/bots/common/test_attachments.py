"""Documents and pictures as parts of a talk, over the whole edge."""

from __future__ import annotations

import asyncio
import io
import json
import os
from pathlib import Path

import pytest

from bots.common import replies, texts
from bots.common.config import BotSettings
from bots.common.intake import Albums, Pastes
from playground import Upload
from services.budgets import PICTURE_TOKENS
from services.media.documents.pdf import SCANNED
from services.storage import DocumentStore
from services.storage.database import Database, StorageSettings
from services.storage.documents import DocumentRow
from tests.bots.common.test_edge import until
from tests.bots.common.test_menu import read
from tests.bots.harness import RunningBot, running_bot, stop
from tests.bots.talker import RESET, create_dispatcher
from tests.fakes.documents import make_pdf, make_picture

WAIT = 60  # seconds: a reader is a process of its own, and test machines are busy
LEASE = make_pdf(["Договор аренды квартиры", "Плата составляет 30 000 рублей в месяц", "Подписи"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)
    monkeypatch.setattr(Albums, "QUIET", 0.1)


@pytest.fixture
async def bot(tmp_path: Path) -> RunningBot:  # type: ignore[misc]
    async with running_bot(create_dispatcher, tmp_path) as running:
        yield running


def lease() -> Upload:
    return Upload("lease.pdf", "application/pdf", LEASE)


def asked(bot: RunningBot) -> str:
    return bot.model.history[-1][0][-1].content


def shown(bot: RunningBot) -> list[int]:
    """How many pictures each question had."""
    return [len(messages[-1].attachments) for messages, _ in bot.model.history]


async def test_a_document_joins_the_talk_until_it_begins_anew(bot: RunningBot) -> None:
    bot.chat.send(document=lease())
    await bot.chat.wait_for("Прочитал «lease.pdf»: 3 страницы", WAIT)
    assert not bot.model.history
    bot.model.enqueue("Плата — 30 000 рублей в месяц.")
    bot.chat.send("Сколько платить?")
    await bot.chat.wait_for("📄 lease.pdf: с. 2", WAIT)
    assert "[lease.pdf, с. 2]\nПлата составляет 30 000 рублей" in asked(bot)
    assert asked(bot).endswith("Вопрос: Сколько платить?")
    bot.chat.send("Кто подписал?")
    await bot.chat.wait_for(bot.model.default, WAIT)
    history = bot.model.history[-1][0]
    assert [it.content for it in history[1:3]] == [
        "Сколько платить?",
        "Плата — 30 000 рублей в месяц.",
    ]
    bot.chat.send("/reset")
    await bot.chat.wait_for(RESET, WAIT)
    bot.chat.send("А теперь?")
    await bot.chat.wait_for(bot.model.default, WAIT)
    assert asked(bot) == "А теперь?"


async def test_a_caption_is_the_question(bot: RunningBot) -> None:
    bot.chat.send("Что с платой?", document=lease())
    await bot.chat.wait_for(bot.model.default, WAIT)
    assert asked(bot).endswith("Вопрос: Что с платой?")
    assert not [text for text in bot.texts() if "Прочитал" in text]


async def test_what_is_not_read_is_told_in_one_line(bot: RunningBot) -> None:
    bot.chat.send(document=Upload("scan.pdf", "application/pdf", make_pdf([""], picture=True)))
    await bot.chat.wait_for(SCANNED, WAIT)
    huge = Upload("huge.txt", "text/plain", b"a" * (20 * 2**20 + 1))
    bot.chat.send(document=huge)
    await bot.chat.wait_for(texts.FILE_TOO_LARGE, WAIT)
    assert len([call for call in bot.playground.calls if call.method.lower() == "getfile"]) == 1


async def test_pictures_go_along_with_their_caption(bot: RunningBot) -> None:
    bot.chat.send("Что тут?", photo=Upload("p.png", "image/png", make_picture(2000, 1000)))
    await bot.chat.wait_for(bot.model.default, WAIT)
    (image,) = bot.model.history[-1][0][-1].attachments
    assert (image.width, image.height, image.media_type) == (1280, 640, "image/jpeg")
    assert asked(bot) == "Что тут?"
    file = Upload("p.webp", "image/webp", make_picture(300, 200, "WEBP"))
    bot.chat.send(document=file)
    await bot.chat.wait_for(bot.model.default, WAIT)
    assert asked(bot) == texts.WHAT_IS_THIS
    history = bot.model.history[-1][0]
    assert history[1].content == "[картинка 1280×640] Что тут?"
    assert not history[1].attachments


async def test_an_album_is_one_question(bot: RunningBot) -> None:
    for number, caption in enumerate(("", "Что общего?", "")):
        picture = make_picture(100 + number, 100)
        bot.chat.send(caption, photo=Upload(f"{number}.png", "image/png", picture), album="7")
    await bot.chat.wait_for(bot.model.default, WAIT)
    assert (asked(bot), shown(bot)) == ("Что общего?", [3])
    assert [it.width for it in bot.model.history[-1][0][-1].attachments] == [100, 101, 102]


async def test_a_budget_counts_an_album_once_and_its_pictures_in_tokens(tmp_path: Path) -> None:
    settings = BotSettings(daily_tokens=2 * PICTURE_TOKENS)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        bot.model.gate.clear()
        for number in range(2):
            picture = make_picture(100 + number, 100)
            bot.chat.send("Что тут?", photo=Upload("p.png", "image/png", picture), album="7")
        await until(lambda: bot.model.active == 1)
        group = bot.playground.person("Аня").in_(bot.playground.group)
        group.send("@grisha_bot привет")  # the two pictures hold all tokens of the day
        await group.wait_for("На сегодня хватит", WAIT)
        bot.model.gate.set()
        await bot.chat.wait_for(bot.model.default, WAIT)
    settings = BotSettings(daily_requests=1)
    async with running_bot(create_dispatcher, tmp_path / "2", settings=settings) as bot:
        for number in range(3):
            picture = make_picture(100 + number, 100)
            bot.chat.send("", photo=Upload("p.png", "image/png", picture), album="7")
        await bot.chat.wait_for(bot.model.default, WAIT)
        bot.chat.send("А тут?", photo=Upload("p.png", "image/png", make_picture(9, 9)))
        await bot.chat.wait_for("На сегодня хватит", WAIT)
        assert len(bot.model.history) == 1


async def test_a_late_part_of_an_album_is_read_too(bot: RunningBot) -> None:
    bot.model.gate.clear()
    first = Upload("1.png", "image/png", make_picture(100, 100))
    bot.chat.send("Что тут?", photo=first, album="7")
    await until(lambda: len(bot.model.history) == 1)
    bot.chat.send(photo=Upload("2.png", "image/png", make_picture(101, 100)), album="7")
    bot.model.gate.set()
    await until(lambda: len(bot.model.history) == 2)
    assert shown(bot) == [1, 1]


async def test_export_all_names_documents(bot: RunningBot) -> None:
    bot.chat.send(document=lease())
    await bot.chat.wait_for("Прочитал", WAIT)
    sent_before = len(bot.chat.messages)
    bot.chat.send("/export all")
    await until(lambda: len(bot.chat.messages) == sent_before + 2)
    sent = bot.chat.messages[-1].document
    assert sent is not None
    (row,) = json.loads(await read(bot, sent.file_id))["documents"]
    assert row["name"] == "lease.pdf"


async def test_a_group_is_read_where_it_addresses_the_bot(bot: RunningBot) -> None:
    chat = bot.playground.person("Аня").in_(bot.playground.group)
    unasked = chat.send("посмотрите все", document=lease())
    chat.send("", photo=Upload("p.png", "image/png", make_picture(9, 9)))
    chat.send("@grisha_bot что о плате?", document=lease())
    await chat.wait_for(bot.model.default, WAIT)
    assert len(bot.model.history) == 1
    assert "30 000" in asked(bot)
    picture = chat.send("", photo=Upload("q.png", "image/png", make_picture(9, 8)))
    chat.send("@grisha_bot а тут что?", reply_to=picture.message_id)
    await chat.wait_for(bot.model.default, WAIT)
    assert shown(bot)[-1] == 1
    assert unasked.message_id


async def test_strangers_and_floods_are_not_read(tmp_path: Path) -> None:
    settings = BotSettings(allowed_user_ids=frozenset({1}))
    async with running_bot(create_dispatcher, tmp_path / "1", settings=settings) as bot:
        bot.chat.send(document=lease())
        await bot.chat.wait_for(str(bot.playground.person("Аня").id), WAIT)
        assert not [call for call in bot.playground.calls if call.method.lower() == "getfile"]
    settings = BotSettings(rate_limit=1, daily_requests=1)
    async with running_bot(create_dispatcher, tmp_path / "2", settings=settings) as bot:
        bot.chat.send("о чём это?", document=lease())
        await bot.chat.wait_for(bot.model.default, WAIT)
        bot.chat.send("а это?", document=lease())
        await bot.chat.wait_for("быстрее", WAIT)
        assert len(bot.model.history) == 1


async def test_stop_ends_the_reading(bot: RunningBot, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = asyncio.Event()

    async def endless(content: bytes, name: str) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("bots.common.attachments.read_document", endless)
    bot.chat.send(document=lease())
    await reading.wait()
    bot.chat.send("/stop")
    await bot.chat.wait_for(texts.STOPPED, WAIT)
    assert not bot.model.history


async def test_a_restart_reads_again_what_it_interrupted(tmp_path: Path) -> None:
    """The document is on the shelf by then: it isn't read a second time."""
    settings = BotSettings(shutdown_timeout=0.1)
    async with running_bot(create_dispatcher, tmp_path, settings=settings) as bot:
        bot.model.delay = 10
        bot.chat.send("что о плате?", document=lease())
        while not bot.model.history:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await stop(bot.dispatcher, bot.polling)
        async with running_bot(create_dispatcher, tmp_path, playground=bot.playground) as again:
            await again.chat.wait_for(again.model.default, WAIT)
            assert "30 000" in asked(again)
            files = [call for call in bot.playground.calls if call.method.lower() == "getfile"]
            assert len(files) == 1


async def test_forget_deletes_documents_and_nothing_of_a_file_is_left(tmp_path: Path) -> None:
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send(document=lease())
        await bot.chat.wait_for("Прочитал", WAIT)
        person = bot.playground.person("Аня").id
        await bot.dispatcher["forgetting"].forget(person)
        bot.chat.send("Сколько платить?")
        await bot.chat.wait_for(bot.model.default, WAIT)
        assert asked(bot) == "Сколько платить?"
    left = {path for _, _, files in os.walk(tmp_path) for path in files}
    assert all(name.startswith("bots.sqlite3") for name in left), left


async def test_documents_leave_by_their_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.storage import ConversationKey, documents

    one, two = ConversationKey("grisha", 1), ConversationKey("grisha", 2)
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        store = DocumentStore(database, "grisha")
        for number in range(7):
            await store.put(one, 1, number, [b"%d" % number])
        assert [it.body for it in await store.of(one)] == [b"6", b"5", b"4", b"3", b"2"]
        monkeypatch.setattr(documents, "MAX_TOTAL", 4)
        await store.put(two, 2, 1, [b"ab"])
        assert [it.body for it in await store.of(one)] == [b"6", b"5"]
        monkeypatch.setattr(documents, "MAX_OF_PERSON", 2)
        await store.put(ConversationKey("grisha", 3), 2, 2, [b"c"])
        assert [it.body for it in await store.of(one)] == [b"6", b"5"]
        assert not await store.of(two)
        assert DocumentRow.__tablename__ == "documents"


def test_the_picture_maker_makes_pictures() -> None:
    from PIL import Image

    assert Image.open(io.BytesIO(make_picture(3, 2))).size == (3, 2)
