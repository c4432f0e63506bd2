"""The console chat as it is started: by both its names, in a pipe, at a terminal, killed."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.history_chat.app import main
from cli.log.store import ExchangeLog, Filter
from services.env import PROJECT_ROOT
from tests.fakes.gigachat import GigaChatServer

LAUNCHER = [sys.executable, str(PROJECT_ROOT / "cli" / "history chat" / "console_chat.py")]
MODULE = [sys.executable, "-m", "cli.history_chat"]
PATIENCE = 30.0  # seconds; a start takes one or two
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>]|\r")


@pytest.fixture
async def server() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        server.answer = lambda messages: f"Ответ на {messages[-1]['content'][:20]}"
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.json"


def environment(server: GigaChatServer | None = None, **more: str) -> dict[str, str]:
    address = server.environment if server else {}
    return {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **address, **more}


async def run(
    command: list[str], typed: str, cwd: Path, env: dict[str, str]
) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(typed.encode()), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def messages(path: Path) -> list[str]:
    sessions = json.loads(path.read_text(encoding="utf-8"))["sessions"]
    return [item["content"] for session in sessions for item in session["messages"]]


async def test_both_names_give_the_same_help(tmp_path: Path) -> None:
    both = await asyncio.gather(
        *(run([*name, "--help"], "", tmp_path, environment()) for name in (LAUNCHER, MODULE))
    )
    assert both[0] == both[1]
    assert both[0][0] == 0
    assert "--session-list-limit" in both[0][1]


async def test_without_a_key_one_line_names_it(tmp_path: Path) -> None:
    code, out, err = await run(LAUNCHER, "Привет\n", tmp_path, environment())
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "GIGA_CLIENT_BASIC" in err
    assert ".env" in err


async def test_a_pipe_gets_plain_text(server: GigaChatServer, tmp_path: Path) -> None:
    typed = "Привет\n\n/stats\n/exit\n"
    code, out, err = await run(LAUNCHER, typed, tmp_path, environment(server))
    assert (code, err) == (0, "")
    assert "Ответ на Привет\nвопрос " in out
    assert "\x1b" not in out
    assert messages(tmp_path / ".chat_memory.json") == ["Привет", "Ответ на Привет"]


async def test_the_variable_wins_over_the_flag(server: GigaChatServer, tmp_path: Path) -> None:
    env = environment(server, CHAT_MEMORY_FILE="chosen.json")
    code, *_ = await run([*MODULE, "--memory-file", "flag.json"], "Привет\n", tmp_path, env)
    assert code == 0
    assert (tmp_path / "chosen.json").exists()
    assert not (tmp_path / "flag.json").exists()


def test_a_newer_file_is_refused_politely(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIGA_CLIENT_BASIC", "a2V5")
    path.write_text('{"schema_version": 99, "sessions": []}')
    assert main(["--memory-file", str(path)]) == 1
    assert "более новой версией" in capsys.readouterr().err
    assert path.read_text() == '{"schema_version": 99, "sessions": []}'


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIGA_CLIENT_BASIC", "a2V5")
    assert main(["--memory-file", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--backend", "nobody"], ["--session-list-limit", "-1"]])
def test_bad_usage_exits_with_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2


async def start(path: Path, server: GigaChatServer) -> Process:
    return await asyncio.create_subprocess_exec(
        *LAUNCHER,
        "--memory-file",
        str(path),
        env=environment(server),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )


async def test_kill_loses_at_most_the_answer_being_typed(
    server: GigaChatServer, path: Path
) -> None:
    server.chunk_delay = 0.05
    expected: list[str] = []
    for number, moment in enumerate([b"\xd0\x9e", "вопрос".encode(), b" ", "сессию".encode()]):
        process = await start(path, server)
        assert process.stdin is not None
        assert process.stdout is not None
        typed = f"Вопрос {number}\n" if number == 0 else f"1\nВопрос {number}\n"
        process.stdin.write(typed.encode())
        heading = "exit.\n" if number == 0 else "резюме: "
        await asyncio.wait_for(process.stdout.readuntil(heading.encode()), PATIENCE)
        await asyncio.wait_for(process.stdout.readuntil(moment), PATIENCE)
        process.kill()
        await process.wait()
        expected.append(f"Вопрос {number}")
        kept = messages(path)
        assert [text for text in kept if text.startswith("Вопрос")] == expected
        if moment in ("вопрос".encode(), "сессию".encode()):
            assert kept[-1] == f"Ответ на Вопрос {number}"


class Terminal:
    """The chat at a pseudo-terminal."""

    def __init__(self, process: Process, master: int) -> None:
        self.process = process
        self._master = master
        self._shown = ""
        self._grown = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    @classmethod
    async def open(
        cls, *options: str, env: dict[str, str], command: Sequence[str] = LAUNCHER
    ) -> Terminal:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            env={**env, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        return cls(process, master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self._shown += ESCAPES.sub("", data.decode(errors="replace"))
        self._grown.set()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    async def until(self, text: str) -> str:
        """Wait for the text; return what was shown up to it and forget that."""

        async def wait() -> None:
            while text not in self._shown:
                self._grown.clear()
                await self._grown.wait()

        try:
            await asyncio.wait_for(wait(), PATIENCE)
        except TimeoutError:
            pytest.fail(f"no {text!r} in {self._shown[-2000:]!r}")
        before, _, self._shown = self._shown.partition(text)
        return before

    async def leave(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        return code


async def test_a_terminal(server: GigaChatServer, path: Path) -> None:
    terminal = await Terminal.open("--memory-file", str(path), env=environment(server))
    await terminal.until("›")

    server.enqueue("Вот **ответ** 🐈")
    terminal.type("Привет\r")
    assert "Вот ответ 🐈" in await terminal.until("за сессию")

    server.chunk_delay = 0.02
    server.enqueue("и так далее " * 500)
    await terminal.until("›")
    terminal.type("Считай\r")
    await terminal.until("так далее")
    terminal.type("\x03")
    await terminal.until("Ответ прерван.")
    server.chunk_delay = 0.0

    await terminal.until("›")
    terminal.type("забудь")
    await terminal.until("забудь")
    terminal.type("\x03")
    await asyncio.sleep(0.5)  # the prompt looks the same before and after
    long = "я" * 10_000
    terminal.type("первая строка\x1b\r")
    terminal.type(f"\x1b[200~{long}\nконец\x1b[201~\r")
    await terminal.until("за сессию")
    assert server.requests[-1]["messages"][-1]["content"] == f"первая строка\n{long}\nконец"
    assert all("забудь" not in json.dumps(item, ensure_ascii=False) for item in server.requests)

    await terminal.until("›")
    terminal.type("/st")
    await terminal.until("токены последнего")  # the menu of commands is there
    terminal.type("\t")
    await terminal.until("/stats")
    terminal.type("\r")
    await terminal.until("Токены последнего")
    await terminal.until("›")
    terminal.type("\x04")
    await terminal.until("До встречи!")
    assert await terminal.leave() == 0
    kept: Any = messages(path)
    assert kept[0] == "Привет"
    assert kept[3].startswith("и так далее")


async def test_a_terminal_is_asked_about_the_log_once(
    server: GigaChatServer, path: Path, tmp_path: Path
) -> None:
    env = environment(server)
    terminal = await Terminal.open("--memory-file", str(path), env=env)
    await terminal.until("Вести журнал")
    await terminal.until("›")
    terminal.type("да\r")
    await terminal.until("Журнал ведётся")
    await terminal.until("›")
    terminal.type("Привет\r")
    await terminal.until("за сессию")
    await terminal.until("›")
    terminal.type("\x04")
    await terminal.until("До встречи!")
    assert await terminal.leave() == 0
    assert [item.prompt for item in ExchangeLog(log_path(tmp_path)).find(Filter())] == ["Привет"]

    terminal = await Terminal.open("--memory-file", str(path), env=env)
    assert "Вести журнал" not in await terminal.until("Какую продолжить?")
    terminal.type("\x04")
    assert await terminal.leave() == 0


async def test_a_question_in_place_of_a_yes_is_asked(
    server: GigaChatServer, path: Path, tmp_path: Path
) -> None:
    terminal = await Terminal.open("--memory-file", str(path), env=environment(server))
    await terminal.until("›")
    terminal.type("Сколько времени?\r")
    await terminal.until("Журнал не ведётся")
    await terminal.until("за сессию")
    await terminal.until("›")
    terminal.type("\x04")
    assert await terminal.leave() == 0
    assert messages(path)[0] == "Сколько времени?"
    assert not log_path(tmp_path).exists()


def log_path(tmp_path: Path) -> Path:
    return tmp_path / "user" / "log.sqlite3"


async def test_ctrl_c_twice_leaves(server: GigaChatServer, path: Path) -> None:
    server.chunk_delay = 0.02
    server.enqueue("и так далее " * 500)
    env = environment(server, LLM_LOG="off")
    terminal = await Terminal.open("--memory-file", str(path), env=env)
    await terminal.until("›")
    terminal.type("Считай\r")
    await terminal.until("так далее")
    terminal.type("\x03")
    await terminal.until("Ещё раз Ctrl-C — выйти.")
    await terminal.until("›")
    terminal.type("\x03")
    await terminal.until("До встречи!")
    assert await terminal.leave() == 0
    assert messages(path)[0] == "Считай"


async def test_ctrl_c_at_an_empty_line_asks_for_another(server: GigaChatServer, path: Path) -> None:
    env = environment(server, LLM_LOG="off")
    terminal = await Terminal.open("--memory-file", str(path), env=env)
    await terminal.until("›")
    terminal.type("\x03")
    await terminal.until("Ещё раз Ctrl-C — выйти.")
    await terminal.until("›")
    terminal.type("передумал")
    await terminal.until("передумал")
    terminal.type("\x03")  # drops the line, and the first one is forgotten
    await terminal.until("›")
    terminal.type("\x03")
    await terminal.until("Ещё раз Ctrl-C — выйти.")
    await terminal.until("›")
    terminal.type("\x03")
    await terminal.until("До встречи!")
    assert await terminal.leave() == 0


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r", "utf-16", "utf-8-sig"])
async def test_a_pipe_in_any_russian_encoding(
    server: GigaChatServer, tmp_path: Path, encoding: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *MODULE, cwd=tmp_path, env=environment(server), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    typed = "Какая сегодня погода?\r\nА завтра?\r\n".encode(encoding)
    _, err = await asyncio.wait_for(process.communicate(typed), PATIENCE)
    assert (process.returncode, err) == (0, b"")
    asked = [item["messages"][-1]["content"] for item in server.requests]
    assert asked == ["Какая сегодня погода?", "А завтра?"]


async def test_the_session_to_open_is_named(server: GigaChatServer, tmp_path: Path) -> None:
    env = environment(server)
    await run(MODULE, "Про поезда\n", tmp_path, env)
    await run(MODULE, "0\nПро огурцы\n", tmp_path, env)
    code, out, _ = await run([*MODULE, "--session", "поезда"], "Ещё\n", tmp_path, env)
    assert code == 0
    assert "Продолжаю: Про поезда." in out
    assert len(json.loads((tmp_path / ".chat_memory.json").read_text("utf-8"))["sessions"]) == 2


async def test_exported_files_are_the_owners(server: GigaChatServer, tmp_path: Path) -> None:
    await run(MODULE, "Привет\n/export\n", tmp_path, environment(server))
    file = tmp_path / "Привет.md"
    assert file.read_text("utf-8").startswith('---\ntitle: "Привет"\n')
    assert file.stat().st_mode & 0o077 == 0


async def test_a_terminal_is_asked_about_tools_once(
    server: GigaChatServer, path: Path, tmp_path: Path
) -> None:
    entry = {
        "command": sys.executable,
        "args": ["-m", "tests.fakes.mcp_servers", "changed"],
        "cwd": str(PROJECT_ROOT),
    }
    servers = tmp_path / "mcp.json"
    servers.write_text(json.dumps({"mcpServers": {"notes": entry}}), "utf-8")
    call = {"name": "notes__add", "arguments": {"a": 2, "b": 3}}
    env = environment(server, LLM_LOG="off", LLM_USER_DIR=str(tmp_path / "user"))
    options = ("--memory-file", str(path), "--mcp", str(servers))

    terminal = await Terminal.open(*options, env=env)
    await terminal.until("Разрешить")
    terminal.type("\x03")
    assert await terminal.leave() == 130

    terminal = await Terminal.open(*options, env=env)
    assert "add — Add two numbers" in await terminal.until("Разрешить")
    terminal.type("да\r")
    await terminal.until("›")
    server.enqueue({"content": "", "function_call": call}, "Будет пять.")
    terminal.type("2 и 3?\r")
    await terminal.until('→ notes.add {"a": 2, "b": 3}')
    await terminal.until("Будет пять.")
    await terminal.until("за сессию")
    await terminal.until("›")
    terminal.type("\x04")
    assert await terminal.leave() == 0

    terminal = await Terminal.open(*options, env=env)
    assert "Разрешить" not in await terminal.until("Какую продолжить?")
    terminal.type("\x04")
    assert await terminal.leave() == 0
