"""--web of hf and /web of the console chat, with the real GigaChat client on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.fakes.gigachat import GigaChatServer

TEXT = {"text": "Открыли мост [sources=[2]]."}
PAGES = {"inline_data": {"sources": {"2": {"url": "https://kzn.ru", "title": "Новости"}}}}
SHOWN = "Открыли мост [1].\n\nИсточники:\n1. [Новости](https://kzn.ru)\n"
HF = ("cli/hf_cli.py", "--backend", "gigachat", "--web")
CHAT = ("-m", "cli.history_chat")


@pytest.fixture
async def giga() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        yield server


@pytest.fixture
def env(giga: GigaChatServer, tmp_path: Path) -> dict[str, str]:
    return {
        **giga.environment,
        "GIGA_MODEL_NAME": "GigaChat-3-Ultra",
        "CHAT_MEMORY_FILE": str(tmp_path / "memory.json"),
        "LLM_LOG": "off",
    }


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
async def test_hf_searches(
    shell: Shell, giga: GigaChatServer, env: dict[str, str], stream: str
) -> None:
    giga.enqueue({"content": [TEXT, PAGES]})
    outcome = await shell.run(*HF, stream, "Что нового?", **env)
    assert (outcome.code, outcome.out) == (0, SHOWN), outcome.err
    assert giga.requests[0]["tool_config"] == {"mode": "forced", "tool_name": "web_search"}


async def test_hf_reads_a_page_that_is_named(
    shell: Shell, giga: GigaChatServer, env: dict[str, str]
) -> None:
    question = "Перескажи https://kzn.ru/5"
    await shell.run("cli/hf_cli.py", "--backend", "gigachat", question, **env)
    assert giga.requests[0]["tools"] == [{"url_content_extraction": {}}]


async def test_hf_says_what_is_missing(shell: Shell, env: dict[str, str]) -> None:
    outcome = await shell.run(*HF, "Что нового?", **env | {"GIGA_MODEL_NAME": "GigaChat-2"})
    assert outcome.code == 1
    assert outcome.err.startswith("Искать в интернете я могу только с GigaChat")
    outcome = await shell.run("cli/hf_cli.py", "--web", "Что нового?", **env)
    assert outcome.code == 1
    assert "GIGA_MODEL_NAME=GigaChat-3-Ultra" in outcome.err


async def test_hf_lists_the_models_of_the_key(
    shell: Shell, giga: GigaChatServer, env: dict[str, str]
) -> None:
    giga.excluded = {"GigaChat-3-Ultra": 404}
    command = ("cli/hf_cli.py", "--backend", "gigachat", "--list-models")
    outcome = await shell.run(*command, **env)
    assert outcome.code == 0
    assert "GigaChat-2-Pro\tchat\n" in outcome.out
    assert "Ultra" not in outcome.out
    outcome = await shell.run("cli/hf_cli.py", "--backend", "gigachat", "Привет", **env)
    assert outcome.code == 1
    assert outcome.err.startswith("Модель GigaChat-3-Ultra этому ключу недоступна")


async def test_the_chat_searches_and_remembers(
    shell: Shell, giga: GigaChatServer, env: dict[str, str]
) -> None:
    giga.enqueue({"content": [TEXT, PAGES]}, "Мост через Казанку.")
    script = "/web\n/web что нового?\nКакой мост?\n/stats\n"
    shell.env.update(env)
    outcome = await shell.spawn(*CHAT, stdin=script)
    assert outcome.code == 0, outcome.err
    assert "Что искать?" in outcome.out
    assert SHOWN in outcome.out
    assert "tools" not in giga.requests[1]
    said = [message["content"][0]["text"] for message in giga.requests[1]["messages"]]
    assert said[1:] == ["что нового?", SHOWN.strip(), "Какой мост?"]
    (session,) = sessions(env["CHAT_MEMORY_FILE"])
    assert session["total_input_tokens"] > 0


def sessions(path: str) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = json.loads(Path(path).read_text("utf-8"))["sessions"]
    return kept


async def test_the_chat_says_what_is_missing(
    shell: Shell, giga: GigaChatServer, env: dict[str, str]
) -> None:
    shell.env.update(env | {"GIGA_MODEL_NAME": "GigaChat-2"})
    outcome = await shell.spawn(*CHAT, stdin="/web что нового?\n")
    assert outcome.code == 0
    assert "Искать в интернете я могу только с GigaChat" in outcome.out
    assert not giga.requests
