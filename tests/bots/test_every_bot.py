"""What holds for each of the bots, whatever it is for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from bots.registry import BOTS, BotSpec
from tests.bots.harness import running_bot


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
