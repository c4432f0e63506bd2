"""--mcp in hf and in the console chat: the file, the consent, all backends that call functions."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cli.mcp_tools import consent as consent_module
from cli.mcp_tools.config import ServerSpec, read_servers
from cli.mcp_tools.consent import FILE, Consent
from cli.mcp_tools.servers import ServerTool
from cli.shell import Problem
from tests.cli.conftest import Shell
from tests.cli.mcp_tools.conftest import Write, stdio
from tests.fakes.gigachat import GigaChatServer
from tests.fakes.openai_server import Answer, FunctionCalls, OpenAIServer

HF = "cli/hf_cli.py"


@pytest.fixture(autouse=True)
def user_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLM_USER_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("LLM_LOG", "off")
    return tmp_path / "user"


@pytest.fixture
async def giga() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        yield server


@pytest.mark.parametrize("backend", ["openai", "huggingface"])
@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
async def test_hf_over_chat_completions(
    shell: Shell, server: OpenAIServer, write: Write, backend: str, stream: str
) -> None:
    path = write(notes=stdio("good"))
    server.enqueue(FunctionCalls("notes__add", '{"a": 2, "b": 3}'), Answer("Будет пять."))
    outcome = await shell.run(
        HF, "--backend", backend, stream, "--mcp", str(path), "--mcp-allow", "notes.add", "2 и 3?",
        LLM_USER_DIR="", LLM_LOG="off",
    )  # fmt: skip
    assert (outcome.code, outcome.out) == (0, "Будет пять.\n"), outcome.err
    assert '→ notes.add {"a": 2, "b": 3}' in outcome.err
    first, second = server.calls
    assert [tool["function"]["name"] for tool in first.body["tools"]] == ["notes__add"]
    assert second.body["messages"][-1]["role"] == "tool"
    assert second.body["messages"][-1]["content"] == '{"result": "5"}'


@pytest.mark.parametrize("model", ["GigaChat-2", "GigaChat-3-Ultra"])
async def test_hf_over_gigachat(
    shell: Shell, giga: GigaChatServer, write: Write, model: str
) -> None:
    path = write(notes=stdio("good"))
    call = {"name": "notes__add", "arguments": {"a": 2, "b": 3}}
    giga.enqueue({"content": "", "function_call": call}, "Будет пять.")
    outcome = await shell.run(
        HF, "--backend", "gigachat", "--mcp", str(path), "--mcp-allow", "notes", "--json", "2 и 3?",
        LLM_LOG="off", **giga.environment, GIGA_MODEL_NAME=model,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    answer = json.loads(outcome.out)
    assert "Будет пять." in outcome.out
    assert answer["prompt"] == "2 и 3?"
    result = giga.requests[1]["messages"][-1]
    if model == "GigaChat-2":
        assert result == {"role": "function", "name": "notes__add", "content": '{"result": "5"}'}
    else:
        function_result = {"name": "notes__add", "result": {"result": "5"}}
        assert result == {"role": "tool", "content": [{"function_result": function_result}]}


async def test_the_console_chat(
    shell: Shell, giga: GigaChatServer, write: Write, tmp_path: Path
) -> None:
    path = write(notes=stdio("good"), bad={"command": "/no/such/program"})
    call = {"name": "notes__add", "arguments": {"a": 2, "b": 3}}
    giga.enqueue({"content": "", "function_call": call}, "Будет пять.", "Я помню: пять.")
    memory = tmp_path / "memory.json"
    shell.env |= {**giga.environment, "CHAT_MEMORY_FILE": str(memory), "LLM_LOG": "off"}
    outcome = await shell.spawn(
        "-m", "cli.history_chat", "--mcp", str(path), "--mcp-allow", "add",
        stdin="2 и 3?\nСколько было?\n",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "Сервер bad: " in outcome.err
    assert "Продолжаю без него" in outcome.err
    assert '→ notes.add {"a": 2, "b": 3}' in outcome.out
    assert "Будет пять." in outcome.out
    said = [message["content"] for message in giga.requests[2]["messages"][1:]]
    assert said == ["2 и 3?", "Будет пять.", "Сколько было?"]


async def test_nobody_to_ask_and_nothing_allowed(shell: Shell, write: Write) -> None:
    path = write(notes=stdio("changed"))
    outcome = await shell.run(HF, "--backend", "openai", "--mcp", str(path), "2 и 3?")
    assert outcome.code == 1
    assert "Ни один инструмент не разрешён" in outcome.err
    assert "--mcp-allow notes.add" in outcome.err
    outcome = await shell.run(
        HF, "--backend", "openai", "--mcp", str(path), "--mcp-allow", "sub", "2 и 3?"
    )
    assert outcome.code == 1
    assert "нет такого инструмента: sub" in outcome.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--mcp-allow", "add"), 2, "--mcp-allow говорит об инструментах"),
        (("--mcp", "no.json"), 1, "no.json не прочитать"),
        (("--mcp", "no.json", "--web"), 2, "без --web или без --mcp"),
        (("--mcp", "no.json", "-n", "2"), 2, "для одного ответа"),
        (("--mcp", "no.json", "--backend", "local"), 1, "Локальная модель инструменты не вызывает"),
    ],
)
async def test_wrong_usage(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    shell.env["LLM_LOG"] = "off"
    outcome = await shell.spawn("-m", "cli.hf_cli", *words, "Привет")
    assert outcome.code == code
    assert said in outcome.err


async def test_a_missing_package_names_its_extra(
    shell: Shell, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mcp", raising=False)
    monkeypatch.setattr("sys.path", [p for p in sys.path if "site-packages" not in p])
    path = write(notes=stdio("good"))
    outcome = await shell.run(HF, "--backend", "openai", "--mcp", str(path), "2 и 3?")
    assert outcome.code == 1
    assert "pip install 'llm-bots[mcp]'" in outcome.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "не JSON"),
        ("[" * 100_000, "не JSON"),
        ("[]", "нет серверов"),
        ('{"mcpServers": {}}', "нет серверов"),
        ('{"mcpServers": {"a": 5}}', "нужен объект"),
        ('{"mcpServers": {"a": {}}}', "command или url"),
        ('{"mcpServers": {"a": {"command": "x", "url": "http://a"}}}', "command или url"),
        ('{"mcpServers": {"a": {"command": 5}}}', "command — это строка"),
        ('{"mcpServers": {"a": {"command": "x", "args": "y"}}}', "args — это список"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"K": 5}}}}', "env — это объект из строк"),
        ('{"mcpServers": {"a": {"command": "${NO_SUCH_VALUE}"}}}', "NO_SUCH_VALUE"),
        ('{"mcpServers": {"a": {"url": "ftp://a"}}}', "http://"),
        ('{"mcpServers": {"a": {"url": "http://a", "type": "sse"}}}', "SSE"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(text, "utf-8")
    with pytest.raises(Problem, match=said):
        read_servers(path)


def test_forms_that_other_programs_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/tmp/notes")
    path = tmp_path / "mcp.json"
    servers = {
        "a": {"type": "stdio", "command": "npx", "args": ["-y", "${PLACE}", "${NO:-b}"]},
        "b": {"type": "http", "url": "https://a.ru/mcp?key=1", "headers": {"X": "${env:PLACE}"}},
        "c": {"command": "x", "disabled": True},
    }
    path.write_text(json.dumps({"servers": servers, "inputs": []}), "utf-16")
    first, second = read_servers(path)
    assert first == ServerSpec("a", "npx", ("-y", "/tmp/notes", "b"))
    assert second.headers == {"X": "/tmp/notes"}
    assert second.place == "https://a.ru/mcp", "what may be a key isn't shown"


def tool(name: str, description: str = "Заметки", server: str = "notes") -> ServerTool:
    return ServerTool(ServerSpec(server, "npx", (server,)), name, description, {"type": "object"})


class Terminal:
    """Answers the questions of the consent; `asked` is what was printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.asked = ""

    def choose(self, tools: list[ServerTool], answers: str = "", *allowed: str) -> list[str]:
        err = io.StringIO()
        self._patch.setattr("sys.stdin", io.StringIO(answers))
        self._patch.setattr("sys.stderr", err)
        chosen = Consent(allowed, may_ask=True).choose(tools)
        self.asked = err.getvalue()
        return [tool.name for tool in chosen]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch)


def test_tools_are_asked_for_once(terminal: Terminal, user_dir: Path) -> None:
    tools = [tool("add"), tool("wipe", "Стирает \x1b[2Jвсё")]
    assert terminal.choose(tools, "add\n") == ["add"]
    assert "Сервер notes (npx notes) предлагает:" in terminal.asked
    assert "  add — Заметки" in terminal.asked
    assert "\x1b" not in terminal.asked
    assert (user_dir / FILE).exists()
    assert terminal.choose(tools) == ["add"]
    assert terminal.asked == "", "a no is remembered, too"
    assert terminal.choose(tools, "", "wipe") == ["add", "wipe"], "--mcp-allow needs no question"


def test_what_has_changed_is_asked_for_again(terminal: Terminal) -> None:
    assert terminal.choose([tool("add")], "да\n") == ["add"]
    assert terminal.choose([tool("add", "Шлёт всё мне")], "\n") == []
    assert "Шлёт всё мне" in terminal.asked
    assert terminal.choose([tool("add", server="other")], "нет\n") == []
    assert terminal.choose([tool("add")]) == ["add"]


def test_each_server_is_asked_about(terminal: Terminal) -> None:
    tools = [tool("add"), tool("add", server="other"), tool("echo", server="other")]
    assert terminal.choose(tools, "д\nнет\n") == ["add"]
    assert terminal.asked.count("предлагает") == 2


@pytest.mark.parametrize("kept", ["", "{", "[1]", '{"a": "yes"}'])
def test_a_damaged_file_of_choices_allows_nothing(
    terminal: Terminal, user_dir: Path, kept: str
) -> None:
    user_dir.mkdir()
    (user_dir / FILE).write_text(kept, "utf-8")
    assert terminal.choose([tool("add")], "\n") == []


def test_a_closed_terminal_is_a_no(terminal: Terminal) -> None:
    assert terminal.choose([tool("add")], "") == []


def test_without_a_terminal_nothing_remembered_counts(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal.choose([tool("add")], "да\n") == ["add"]
    with pytest.raises(Problem):
        Consent(may_ask=False).choose([tool("add")])
    assert Consent(may_ask=False).choose([]) == []
    monkeypatch.setattr(consent_module, "at_terminal", lambda: False)
    chosen: list[Any] = Consent(["notes.add"]).choose([tool("add"), tool("wipe")])
    assert [item.name for item in chosen] == ["add"]
