"""Answers in Markdown, over real HTTP and the playground's strict parser, on both ways."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from aiogram import Dispatcher, F, Router
from aiogram.exceptions import TelegramNotFound
from aiogram.methods import SendRichMessage
from aiogram.types import InputRichMessage, Message

from bots.common import texts
from bots.common.config import BotSettings
from bots.common.dispatcher import BotContext, build_dispatcher
from bots.common.replies import send_reply
from bots.common.rich_messages import ASK_AGAIN, PREFERENCE, RichMessages, RichRefused
from playground import Conversation
from playground.bot_api import METHODS, BotApi
from playground.errors import ApiError
from playground.params import Params
from services.storage import Database, PreferenceStore, StorageSettings
from tests.bots import talker
from tests.bots.common.model_answers import FORMULAS, MARKDOWN_ANSWERS, REPEATED
from tests.bots.harness import RunningBot, running_bot

END = "Конец ответа"


async def shows_answers(context: BotContext) -> Dispatcher:
    """A bot that answers a name with that answer of the golden set."""
    router = Router()

    @router.message(F.text)
    async def on_message(message: Message) -> None:
        await send_reply(message, MARKDOWN_ANSWERS[message.text or ""])
        await message.answer(END)

    return build_dispatcher(context, (), router)


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[RunningBot]:
    async with running_bot(
        shows_answers, folder, settings=BotSettings(RATE_LIMIT_PER_MINUTE=1000, **settings)
    ) as bot:
        yield bot


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, normalize("NFKC", text))).casefold()


def written(markdown: str) -> str:
    """The letters of an answer's source; <br> in a cell is a line's end."""
    return letters(html.unescape(re.sub(r"<br\s*/?>", "\n", markdown)))


def shown(messages: list[dict[str, Any]]) -> str:
    """The letters of messages, with a code's language, a link's address, an item's number."""
    return letters("".join(part for message in messages for part in _shown(message)))


def _shown(message: dict[str, Any]) -> Iterator[str]:
    if rich := message.get("rich_message"):
        yield from _rich(rich["blocks"])
        return
    text = message["text"].encode("utf-16-le")
    at = 0
    marks = []
    for entity in message.get("entities", ()):
        start, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        if entity["type"] == "pre":
            marks.append((start, entity.get("language", "")))
        elif entity["type"] == "text_link":
            marks.append((end, entity["url"]))
    for place, extra in sorted(marks):
        yield text[at:place].decode("utf-16-le")
        yield extra
        at = place
    yield text[at:].decode("utf-16-le").replace("☑", "x")


def _rich(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for part in node:
            yield from _rich(part)
    elif isinstance(node, dict):
        yield str(node.get("value", "")) + ("x" if node.get("is_checked") else "")
        for name in (
            "language",
            "summary",
            "text",
            "expression",
            "url",
            "blocks",
            "items",
            "cells",
        ):
            yield from _rich(node.get(name))


async def answered(bot: RunningBot, name: str) -> list[dict[str, Any]]:
    """What the chat shows for one answer."""
    chat = bot.chat
    asked = chat.send(name)
    end = await chat.wait_for(END)
    messages = bot.chat.chat.messages
    return [messages[number] for number in range(asked.message_id + 1, end.message_id)]


def lost(name: str, found: str, *, classic: bool) -> str:
    """What is wrong with the letters that an answer was shown with; empty when nothing is."""
    source = written(MARKDOWN_ANSWERS[name])
    if classic and name in FORMULAS:  # shown as in print: ∑, √, a fraction's stroke
        source, found = re.sub("[a-z0-9]", "", source), re.sub("[a-z0-9ⅰ-ⅿα-ω]", "", found)
    missing = Counter(source) - Counter(found)
    if missing or (found != source and name not in REPEATED):
        return f"{dict(missing)}: …{source[-80:]} became …{found[-80:]}"
    return ""


@pytest.mark.parametrize("mode", ["auto", "never"])
async def test_no_answer_loses_a_letter(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, RICH_MESSAGES=mode) as bot:
        wrong = {
            name: problem
            for name in MARKDOWN_ANSWERS
            if (problem := lost(name, shown(await answered(bot, name)), classic=mode == "never"))
        }
        refused = [call.error for call in bot.playground.calls if call.status >= 400]
        methods = {call.method for call in bot.playground.calls}
    assert wrong == {}
    assert refused == []
    assert ("sendRichMessage" in methods) is (mode == "auto")


# Streams: a talker whose model writes a table after some plain words.
TABLE = "| Город | Цена |\n|---|---|\n| Казань | 12 |"
GROWING = f"Сначала несколько простых слов. \n\n{TABLE}\n\nИ слова после."


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(talker.create_dispatcher, tmp_path) as running:
        yield running


def bot_messages(chat: Conversation) -> list[dict[str, Any]]:
    return [m for m in chat.chat.messages.values() if m.get("from", {}).get("is_bot")]


def methods(bot: RunningBot) -> list[str]:
    return [call.method for call in bot.playground.calls]


def refuse_rich_messages(monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    """Make it a server that takes no rich message, by whatever method."""
    edit = METHODS["editmessagetext"]

    def refuse(*_: Any) -> Any:
        raise ApiError(status, words)

    def edit_text(api: BotApi, params: Params) -> Any:
        return refuse() if "rich_message" in params else edit(api, params)

    monkeypatch.setitem(METHODS, "sendrichmessage", refuse)
    monkeypatch.setitem(METHODS, "sendrichmessagedraft", refuse)
    monkeypatch.setitem(METHODS, "editmessagetext", edit_text)


async def test_a_draft_becomes_rich_and_ends_as_one_message(bot: RunningBot) -> None:
    bot.model.delay = 0.15
    bot.model.enqueue(GROWING)
    chat = bot.chat
    chat.send("Сравни")
    answer = await chat.wait_for("И слова после.", timeout=20)
    assert answer.rich_message is not None
    assert len(bot_messages(chat)) == 1
    assert {"sendMessageDraft", "sendRichMessageDraft"} <= set(methods(bot))
    drafts = [c.params for c in bot.playground.calls if c.method.endswith("Draft")]
    assert all(str(draft["can_stop"]).lower() == "true" for draft in drafts)


async def test_a_rich_draft_has_the_stop_button(bot: RunningBot) -> None:
    bot.model.delay = 0.05
    bot.model.enqueue(f"{TABLE}\n\n" + "слово " * 1000)
    chat = bot.chat
    chat.send("Сравни")
    draft = await chat.wait_draft("Казань")
    assert "rich_message" in draft.body
    assert chat.stop_draft()
    answer = await chat.wait_for(texts.STOPPED)
    assert answer.rich_message is not None
    assert bot.model.active == 0


@pytest.mark.parametrize("text", [GROWING, f"{TABLE[:9]} не стало таблицей, и вот слова дальше."])
async def test_an_edited_preview_ends_as_one_message(
    bot: RunningBot, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("bots.common.replies.GROUP_INTERVAL", 0.1)
    bot.model.delay = 0.1
    bot.model.enqueue(text)
    chat = bot.playground.person("Аня").in_(bot.playground.group)
    chat.send("@grisha_bot сравни")
    last = text.split()[-1]
    await chat.wait_for(last, timeout=20)
    (message,) = bot_messages(chat)
    assert ("rich_message" in message) is (text == GROWING)
    assert letters("".join(_shown(message))) == letters(text)
    assert "sendMessage" in methods(bot)
    assert "editMessageText" in methods(bot)


async def test_an_old_server_is_asked_once(
    bot: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_rich_messages(monkeypatch, 404, "Not Found")
    chat = bot.chat
    for _ in range(3):
        bot.model.enqueue(GROWING)
        chat.send("Сравни")
        answer = await chat.wait_for("И слова после.")
        assert "Казань" in (answer.text or "")
    assert len([name for name in methods(bot) if "Rich" in name]) == 1
    assert len(bot_messages(chat)) == 3


@pytest.mark.parametrize("place", ["private", "group"])
async def test_what_is_refused_as_malformed_goes_out_classic(
    bot: RunningBot, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr("bots.common.replies.GROUP_INTERVAL", 0.1)
    words = "Bad Request: can't parse InputRichBlock: something new"
    refuse_rich_messages(monkeypatch, 400, words)
    bot.model.delay = 0.1
    anya = bot.playground.person("Аня")
    chat = anya.private if place == "private" else anya.in_(bot.playground.group)
    for number in range(1, 3):
        bot.model.enqueue(GROWING)
        asked = chat.send("@grisha_bot сравни").message_id
        await chat.wait_for(
            lambda message, asked=asked: (
                message.message_id > asked and "И слова после." in (message.text or "")
            ),
            timeout=20,
        )
        messages = bot_messages(chat)
        assert len(messages) == number
        assert letters("".join(_shown(messages[-1]))) == letters(GROWING)


async def test_a_part_that_is_refused_takes_the_others_along(
    bot: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sent = METHODS["sendrichmessage"], []

    def second_is_refused(*args: Any) -> Any:
        sent.append(args)
        if len(sent) == 2:
            raise ApiError(400, "Bad Request: can't parse InputRichBlock")
        return send(*args)

    monkeypatch.setitem(METHODS, "sendrichmessage", second_is_refused)
    answer = "\n\n".join(f"Абзац {n}. " + "слово " * 60 for n in range(120))
    bot.model.enqueue(answer)
    chat = bot.chat
    chat.send("Пиши много")
    await chat.wait_for(lambda message: "Абзац 119" in (message.text or ""))
    assert shown(bot_messages(chat)) == letters(answer)


async def test_a_person_may_do_without(bot: RunningBot) -> None:
    preferences = PreferenceStore(bot.context.database, bot.context.name)
    await preferences.set(bot.playground.person("Аня").id, PREFERENCE, False)
    bot.model.enqueue(GROWING)
    chat = bot.chat
    chat.send("Сравни")
    assert (await chat.wait_for("И слова после.")).text


async def test_an_old_server_is_asked_again_after_a_day(tmp_path: Path) -> None:
    now = [0.0]

    async def unknown() -> None:
        raise TelegramNotFound(
            SendRichMessage(chat_id=1, rich_message=InputRichMessage(blocks=[])), "Not Found"
        )

    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        rich = RichMessages("auto", PreferenceStore(database, "bot"), lambda: now[0])
        assert await rich.allowed(1)
        with pytest.raises(RichRefused):
            await rich.attempt(unknown())
        now[0] = ASK_AGAIN - 1
        assert not await rich.allowed(1)
        now[0] = ASK_AGAIN
        assert await rich.allowed(1)
