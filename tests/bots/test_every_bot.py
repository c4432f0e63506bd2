"""What holds for each of the bots, whatever it is for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from bots.registry import BOTS, BotSpec
from tests.bots.harness import running_bot
from tests.bots.talker import create_dispatcher as create_talker


@pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
async def test_greets_talks_and_shows_its_commands(spec: BotSpec, tmp_path: Path) -> None:
    create = import_module(spec.module).create_dispatcher
    async with running_bot(create, tmp_path, name=spec.name) as bot:
        chat = bot.chat
        chat.send("/start")
        await chat.wait_for()
        chat.send("Расскажи что-нибудь про море и маяк")
        await chat.wait_for()
        (menu,) = [call for call in bot.playground.calls if call.method == "setMyCommands"]
        named = str(menu.params["commands"])
        assert all(f'"{command}"' in named for command in ("start", "stop", "help", "reset"))


@pytest.mark.parametrize("spec", BOTS, ids=lambda spec: spec.name)
async def test_says_so_when_there_is_no_such_command(spec: BotSpec, tmp_path: Path) -> None:
    create = import_module(spec.module).create_dispatcher
    async with running_bot(create, tmp_path, name=spec.name) as bot:
        chat = bot.chat
        for text, wanted in (("/hepl", "Может быть, /help?"), ("/помощь как тут", "/помощь. Что")):
            chat.send(text)
            answer = await chat.wait_for("Нет такой команды")
            assert wanted in (answer.text or "")
        assert not bot.model.history


async def test_commands_of_other_bots_are_left_to_them(tmp_path: Path) -> None:
    async with running_bot(create_talker, tmp_path) as bot:
        group = bot.playground.person("Аня").in_(bot.playground.group)
        group.send("/style")
        group.send("/style@other_bot")
        group.send("/etc/hosts")
        bot.chat.send("/etc/hosts — что это?")  # a path is a question
        await bot.chat.wait_for(bot.model.default)
        group.send("/style@grisha_bot")
        await group.wait_for("Нет такой команды: /style")
        assert len([text for text in bot.texts() if "Нет такой" in text]) == 1
