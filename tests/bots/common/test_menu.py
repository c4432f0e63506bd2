"""What is alike in every bot: /settings, /export, /help and the menu."""

from __future__ import annotations

import json
import random
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bots.common import texts
from bots.common.config import BotSettings
from bots.registry import BOTS, BotSpec
from tests.bots.common.test_forgetting import SECRET_WORD, dump, settle
from tests.bots.harness import RunningBot, running_bot

each_bot = pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)


def running(spec: BotSpec, folder: Path) -> Any:
    create = import_module(spec.module).create_dispatcher
    settings = BotSettings(rate_limit=10_000, daily_requests=1000)
    return running_bot(create, folder, name=spec.name, settings=settings)


async def read(bot: RunningBot, file_id: str) -> str:
    stored = bot.playground._files.get(file_id)
    assert stored is not None
    return bot.playground._files.location(stored).read_text("utf-8")


@each_bot
async def test_settings_are_one_message_whose_buttons_change_them(
    spec: BotSpec, tmp_path: Path
) -> None:
    async with running(spec, tmp_path) as bot:
        chat = bot.chat
        chat.send("/settings")
        menu = await chat.wait_for(texts.SETTINGS, 60)
        before = labels(menu)
        assert before
        for number, label in enumerate(before):
            await chat.press(menu, label)
            changed = await chat.wait_for(
                lambda message, n=number, old=label: (
                    message.message_id == menu.message_id and labels(message)[n] != old
                )
            )
            assert labels(changed)[number].split(": ")[0] == label.split(": ")[0]


@each_bot
async def test_help_lists_the_whole_menu(spec: BotSpec, tmp_path: Path) -> None:
    async with running(spec, tmp_path) as bot:
        bot.chat.send("/help")
        shown = (await bot.chat.wait_for("Команды:", 60)).text or ""
        (menu,) = [call for call in bot.playground.calls if call.method == "setMyCommands"]
        for command in json.loads(str(menu.params["commands"])):
            if spec.name == "hf_demo" and command["command"] in ("start", "model", "compare"):
                continue  # one model: there is nothing to choose
            assert f"/{command['command']} — {command['description']}" in shown


def labels(message: Any) -> list[str]:
    return [button.text for row in message.reply_markup.inline_keyboard for button in row]


ACTS = (
    f"меня зовут {SECRET_WORD}", "я люблю море и кота", f"{SECRET_WORD} сон", "/new", "маяк",
    "двушка у метро Сокол до 20 млн", "/settings", "/temperature 0.3 0.9", "/style",
)  # fmt: skip


@each_bot
async def test_export_all_shows_what_forget_deletes(spec: BotSpec, tmp_path: Path) -> None:
    chance = random.Random(spec.name)
    async with running(spec, tmp_path) as bot:
        anya = bot.playground.person("Аня")
        for act in chance.sample(ACTS, len(ACTS)):
            anya.private.send(act)
            await settle(bot)
        anya.private.send("/export all")
        message = await anya.private.wait_for(lambda message: message.document is not None, 60)
        await settle(bot)
        rows = json.loads(await read(bot, message.document.file_id))
        kept: dict[str, int] = {}
        for line in (await dump(bot.context.database)).splitlines():
            table = line.split(":")[0]
            if re.search(rf"\b{anya.id}\b", line) and table not in ("inbox", "writes"):
                kept[table] = kept.get(table, 0) + 1
        assert {name: len(found) for name, found in rows.items()} == kept


async def test_a_talk_as_markdown_and_as_json(tmp_path: Path) -> None:
    spec = next(spec for spec in BOTS if spec.name == "hf_demo")
    async with running(spec, tmp_path) as bot:
        chat = bot.chat
        chat.send("/export")
        await chat.wait_for(texts.NOTHING_TO_EXPORT)
        bot.model.enqueue("Ответ с **жирным**.")
        chat.send("Первый вопрос")
        await chat.wait_for("Ответ с")
        await settle(bot)
        found = {}
        for command in ("/export", "/export json"):
            asked = chat.send(command).message_id
            sent = await chat.wait_for(
                lambda message, asked=asked: bool(message.document) and message.message_id > asked
            )
            found[command] = await read(bot, sent.document.file_id)
        assert "**Аня**, " in found["/export"]
        assert "Ответ с **жирным**." in found["/export"]
        said = json.loads(found["/export json"])
        assert [each["text"] for each in said] == ["Первый вопрос", "Ответ с **жирным**."]
        group = bot.playground.person("Аня").in_(bot.playground.group)
        group.send("/export@grisha_bot all")
        await group.wait_for(texts.EXPORT_IN_PRIVATE)
