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
import pytest

from playground import NotAllowed, Playground, Upload
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


LONE = "\ud83d"  # half of a surrogate pair: JSON carries it, UTF-8 can't
PAGE = {"X-Playground": "page"}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("people", {"name": f"Олег{LONE}"}),
        ("people", {"name": "Олег", "username": f"oleg{LONE}"}),
        ("send", {"text": f"привет{LONE}"}),
        ("edit", {"message_id": 1, "text": f"правка{LONE}"}),
        ("react", {"message_id": 1, "emoji": LONE}),
        ("press", {"message_id": 1, "data": LONE}),
    ],
)
async def test_the_page_takes_no_broken_letter(
    tmp_path: Path, http: aiohttp.ClientSession, action: str, body: dict[str, object]
) -> None:
    async with start(tmp_path) as playground:
        anna = playground.person("Аня")
        anna.private.send("своё")
        sent = {"chat": anna.private.chat.key, "person": anna.id, **body}
        url = f"{playground.api_url}/api/{action}"
        plain = json.dumps(sent)
        for form in ({"data": plain, "headers": {"Content-Type": "application/json", **PAGE}},
                     {"data": multipart(plain), "headers": PAGE}):  # fmt: skip
            async with http.post(url, **form) as response:
                assert response.status == 400, await response.text()
                assert "испорчен" in (await response.json())["error"]
    async with start(tmp_path) as playground:
        assert [m.text for m in playground.person("Аня").private.messages] == ["своё"]


def multipart(body: str) -> aiohttp.FormData:
    form = aiohttp.FormData({"body": body})
    form.add_field("document", b"x", filename="x.txt")
    return form


async def test_people_in_code_write_no_broken_letter(playground: Playground) -> None:
    chat = playground.person("Аня").private
    sent = chat.send("своё")
    for act in (
        lambda: chat.send(LONE),
        lambda: chat.edit(sent.message_id, LONE),
        lambda: chat.react(sent, LONE),
        lambda: playground.person(LONE),
    ):
        with pytest.raises(NotAllowed):
            act()


async def test_the_bots_call_takes_no_broken_letter(api: Api, playground: Playground) -> None:
    chat = playground.person("Аня").private
    chat.send("привет")
    expected = "Bad Request: strings must be encoded in UTF-8"
    markup = {"keyboard": [[{"text": LONE}]]}
    command = {"command": "go", "description": LONE}
    for method, params in (
        ("sendMessage", {"text": LONE}),
        ("sendMessage", {"text": "x", "reply_markup": markup}),
        ("sendMessage", {"text": "x", "reply_markup": json.dumps(markup)}),
        ("setMyCommands", {"commands": [command]}),
    ):
        assert await api.error(method, chat_id=chat.chat.id, **params) == expected


async def test_a_state_with_a_broken_letter_is_read(tmp_path: Path) -> None:
    """Written before such letters were refused: the letter is lost, the history isn't."""
    async with start(tmp_path) as playground:
        playground.person("Аня").private.send("ПРИВЕТ")
    path = tmp_path / "playground.json"
    broken = path.read_text("utf-8").replace("ПРИВЕТ", f"при{LONE}вет")
    path.write_bytes(broken.encode("utf-8", "surrogatepass"))
    for _ in range(2):
        async with start(tmp_path) as playground:
            texts = [m.text for m in playground.person("Аня").private.messages]
            assert texts == ["при\ufffdвет"]
    assert json.loads(path.read_text("utf-8"))["chats"]


BROKEN_STATES = {
    "cut": b'{"version": 1, "us',
    "not-utf-8": b'{"version": 1, "x": "\xff\xfe"}',
    "another-version": b'{"version": 2}',
    "a-list": b"[]",
    "no-fields": b'{"version": 1, "clean": true}',
    "odd-users": b'{"version":1,"clean":true,"updates":{"last_id":1,"allowed":null,"updates":[]},'
    b'"users":[7],"chats":[],"files":[],"commands":{}}',
    "odd-message": b'{"version":1,"clean":true,"updates":{"last_id":1,"allowed":null,"updates":[]},'
    b'"users":[],"chats":[{"id":1,"type":"private","title":"","username":"","bot_id":1,'
    b'"is_forum":false,"linked_id":0,"keyboard":null,"pinned":null,"last_id":1,"members":[],'
    b'"topics":[],"messages":[{"message_id":1}]}],"files":[],"commands":{}}',
    "odd-files": b'{"version":1,"clean":true,"updates":{"last_id":1,"allowed":null,"updates":[]},'
    b'"users":[],"chats":[],"files":[{"id":"../../x"}],"commands":{}}',
    "deep": b"[" * 100_000,
    "empty": b"",
}


@pytest.mark.parametrize("broken", BROKEN_STATES.values(), ids=list(BROKEN_STATES))
async def test_a_state_that_cannot_be_used_is_set_aside(
    tmp_path: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        (tmp_path / "playground.json").write_bytes(broken)
        async with start(tmp_path) as playground:
            playground.person("Аня").private.send("привет")
            assert {user.first_name for user in playground.world.people()} == {
                "Аня", "Борис", "Вера"
            }  # fmt: skip
    kept = [tmp_path / name for name in ("playground.broken", "playground.2.broken")]
    assert [path.read_bytes() for path in kept] == [broken, broken]
    assert all(path.name in caplog.text for path in kept)
    async with start(tmp_path) as playground:
        assert [m.text for m in playground.person("Аня").private.messages] == ["привет"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
async def test_nobody_else_may_read_the_state(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        async with start(tmp_path / "var") as playground:
            chat = playground.person("Аня").private
            chat.send("тайна", document=Upload("a.txt", "text/plain", b"abc"))
        (tmp_path / "var" / "playground.json").write_bytes(b"{")
        async with start(tmp_path / "var"):
            pass
    finally:
        os.umask(old)
    paths = list((tmp_path / "var").rglob("*"))
    assert len(paths) >= 5
    for path in (tmp_path / "var", *paths):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_files_of_an_old_state_are_closed_to_others(tmp_path: Path) -> None:
    async with start(tmp_path) as playground:
        playground.person("Аня").private.send(document=Upload("a.txt", "text/plain", b"abc"))
    (stored,) = (tmp_path / "playground-files").iterdir()
    stored.chmod(0o644)
    (tmp_path / "playground.json").chmod(0o644)
    async with start(tmp_path):
        assert stored.stat().st_mode & 0o077 == 0
        assert (tmp_path / "playground.json").stat().st_mode & 0o077 == 0


async def test_a_disk_that_takes_nothing_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The state is saved at the next change that can be written."""
    async with start(tmp_path) as playground:
        (tmp_path / "playground.tmp").mkdir()  # stands where the new state would be written
        chat = playground.person("Аня").private
        chat.send("первое")
        await asyncio.sleep(0.7)
        assert "playground state" in caplog.text
        (tmp_path / "playground.tmp").rmdir()
        chat.send("второе")
    async with start(tmp_path) as playground:
        texts = [m.text for m in playground.person("Аня").private.messages]
        assert texts == ["первое", "второе"]
