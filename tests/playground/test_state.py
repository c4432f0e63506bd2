"""What outlives the process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp

from playground import Playground, Upload
from services.env import PROJECT_ROOT
from tests.playground.conftest import Api


def start(folder: Path, name: str = "test_bot") -> Playground:
    return Playground(state_dir=folder, bot_name="Гриша", bot_username=name)


async def test_a_restart_keeps_everything(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with start(tmp_path) as playground:
        api = Api(http, playground)
        chat = playground.person("Олег").private
        sent = chat.send("привет", document=Upload("a.txt", "text/plain", b"abc"))
        answer = await api.result("sendMessage", chat_id=chat.chat.id, text="и тебе")
        chat.react(answer["message_id"], "👍")
        await api.result("setMyCommands", commands=[{"command": "start", "description": "Начать"}])
        token, last_update = playground.token, playground.world.updates.last_id
    async with start(tmp_path) as playground:
        api = Api(http, playground)
        assert playground.token == token
        chat = playground.person("Олег").private
        assert [m.caption or m.text for m in chat.messages] == ["привет", "и тебе"]
        assert len(await api.result("getMyCommands")) == 1
        (update,) = await api.result("getUpdates")
        assert update["update_id"] == last_update
        file_id = update["message"]["document"]["file_id"]
        path = (await api.result("getFile", file_id=file_id))["file_path"]
        async with http.get(f"{playground.api_url}/file/bot{token}/{path}") as response:
            assert await response.read() == b"abc"
        edited = {"chat_id": chat.chat.id, "message_id": answer["message_id"], "text": "правка"}
        assert await api.result("editMessageText", **edited)
        assert chat.send("снова").message_id == answer["message_id"] + 1
        assert sent.message_id == 1


async def test_bots_share_people_and_groups_but_not_private_chats(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with start(tmp_path, "first_bot") as playground:
        playground.person("Аня").private.send("первому")
        playground.person("Аня").in_(playground.group).send("всем")
    async with start(tmp_path, "second_bot") as playground:
        anna = playground.person("Аня")
        assert anna.private.messages == []
        assert [m.text for m in anna.in_(playground.group).messages] == ["всем"]
        assert playground.group.members[playground.world.bot.id] == "administrator"
        anna.private.send("второму")
    async with start(tmp_path, "first_bot") as playground:
        assert [m.text for m in playground.person("Аня").private.messages] == ["первому"]


async def test_a_broken_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "playground.json").write_text('{"version": 1, "us')
    async with start(tmp_path) as playground:
        playground.person("Аня").private.send("привет")
    assert (tmp_path / "playground.broken").read_text() == '{"version": 1, "us'
    assert json.loads((tmp_path / "playground.json").read_text())["clean"] is True


async def test_clearing_keeps_people_topics_and_ids(tmp_path: Path) -> None:
    async with start(tmp_path) as playground:
        chat = playground.person("Олег").private
        first = chat.send("привет")
        playground.clear()
        assert chat.messages == []
        assert len(playground.world.updates) == 0
        assert chat.send("снова").message_id > first.message_id
        assert len(playground.person("Аня").in_(playground.forum).messages) == 2


KILLED = """
import asyncio, sys
from pathlib import Path
from playground import Playground

async def main():
    async with Playground(state_dir=Path(sys.argv[1]), bot_username="test_bot") as playground:
        chat = playground.person("Аня").private
        number = 0
        while True:
            number += 1
            chat.post(str(number))
            print(number, flush=True)
            await asyncio.sleep(0.02)

asyncio.run(main())
"""


async def test_kill_9_loses_at_most_a_second_and_gives_no_id_twice(tmp_path: Path) -> None:
    last = await asyncio.to_thread(kill_while_writing, tmp_path)
    async with start(tmp_path) as playground:
        chat = playground.person("Аня").private
        kept = [int(m.text or 0) for m in chat.messages]
        assert kept == list(range(1, len(kept) + 1))
        assert last - len(kept) <= 50
        assert chat.send("после").message_id > last
        assert playground.world.updates.last_id > last


def kill_while_writing(folder: Path) -> int:
    """Start a playground in another process, kill it while it writes; return its last number."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    )
    assert process.stdout is not None
    last = 0
    while last < 60:
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.communicate(timeout=10)[0].split()
    return int(rest[-1]) if rest else last
