"""The tools at a pseudo-terminal: what they ask, how they are stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cli.log.store import ExchangeLog, Filter
from services.env import PROJECT_ROOT
from tests.cli.conftest import Shell
from tests.cli.history_chat.test_app import Terminal
from tests.fakes.openai_server import Answer, OpenAIServer

HF = [sys.executable, str(PROJECT_ROOT / "cli" / "hf_cli.py")]


async def open_hf(shell: Shell, *words: str, **more: str) -> Terminal:
    env = {"PATH": os.environ["PATH"], **shell.env, **more}
    return await Terminal.open(*words, env=env, command=HF)


@pytest.fixture
def asking(shell: Shell, tmp_path: Path) -> Shell:
    shell.env["LLM_USER_DIR"] = str(tmp_path / "user")
    return shell


async def test_hf_asks_once_and_obeys(asking: Shell, tmp_path: Path) -> None:
    terminal = await open_hf(asking, "Привет")
    await terminal.until("Вести? [д/Н] ")
    terminal.type("да\n")
    await terminal.until("Меня зовут Проба.")
    assert await terminal.leave() == 0
    terminal = await open_hf(asking, "Ещё")
    assert "Вести?" not in await terminal.until("Меня зовут Проба.")
    assert await terminal.leave() == 0
    log = ExchangeLog(tmp_path / "user" / "log.sqlite3")
    assert [item.prompt for item in log.find(Filter())] == ["Ещё", "Привет"]
    log.close()


async def test_anything_but_a_yes_is_a_no(asking: Shell, tmp_path: Path) -> None:
    terminal = await open_hf(asking, "Привет")
    await terminal.until("Вести? [д/Н] ")
    terminal.type("\n")
    await terminal.until("Меня зовут Проба.")
    assert await terminal.leave() == 0
    assert [path.name for path in (tmp_path / "user").iterdir()] == ["log-choice"]


@pytest.mark.parametrize("words", [["--json", "Привет"], ["-q", "Привет"]])
async def test_it_does_not_ask_where_only_the_answer_is_wanted(
    asking: Shell, words: list[str]
) -> None:
    terminal = await open_hf(asking, *words)
    assert "Вести?" not in await terminal.until("Меня зовут Проба.")
    assert await terminal.leave() == 0


async def test_ctrl_c_at_the_question_leaves(asking: Shell, tmp_path: Path) -> None:
    terminal = await open_hf(asking, "Привет")
    await terminal.until("Вести? [д/Н] ")
    terminal.type("\x03")
    assert await terminal.leave() == 130
    assert not (tmp_path / "user").exists()


async def test_ctrl_c_stops_a_streamed_answer(asking: Shell, server: OpenAIServer) -> None:
    server.default = Answer("и так далее " * 500, delay=0.02)
    terminal = await open_hf(asking, "Считай", LLM_LOG="off")
    await terminal.until("так далее")
    terminal.type("\x03")
    assert await terminal.leave() == 130


async def test_progress_is_shown_and_taken_away(
    asking: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('"Раз"\n"Два"\n', "utf-8")
    options = ("--compare", "org/a", "--prompts", str(prompts), "--concurrency", "1")
    terminal = await open_hf(asking, *options, LLM_LOG="off")
    await terminal.until("Ответов 1 из 2")
    await terminal.until("Ответов 2 из 2")
    await terminal.until("org/a")
    assert await terminal.leave() == 0


async def test_an_answer_cannot_command_the_terminal(
    asking: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    server.default = Answer("Смотри \x1b]0;заголовок\x07 сюда \x1b[2Jконец")
    raw = await asking.run("cli/hf_cli.py", "Привет", LLM_LOG="on")
    assert "\x1b[2J" in raw.out, "a pipe gets what the model said"
    for words in (["Привет"], ["-n", "2", "Привет"], ["log", "show", "1"]):
        terminal = await open_hf(asking, *words, LLM_LOG="on", PAGER="cat")
        assert "]0;заголовок сюда" in await terminal.until("[2Jконец"), "letters stay, no escapes"
        assert await terminal.leave() == 0
