"""Client, command-line tools and bot against llama.cpp's own OpenAI-compatible server.

The embedded model speaks Russian there, so whole answers can be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bots.common import replies
from bots.common.intake import Pastes
from bots.hf_demo.bot import create_dispatcher
from services.backends import open_chat_model
from services.chat import GenerationOptions, Message, complete_stream
from services.local import LocalModelSettings
from services.local.llama_server import LlamaServer
from services.local.weights import FILE
from tests.bots.harness import running_bot
from tests.cli.conftest import Shell
from tests.services.local.conftest import weights_dir

__all__ = ["weights_dir"]
pytestmark = pytest.mark.slow

QWEN = "Qwen/Qwen2.5-Coder-1.5B-Instruct"


@pytest.fixture(scope="module")
def server(weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    settings = LocalModelSettings(parallel=2, context_length=1024)
    server = LlamaServer.start(weights_dir / FILE, settings, tmp_path_factory.mktemp("prefixes"))
    yield server
    server.close()


@pytest.fixture
def url(server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", server.key)
    monkeypatch.setenv("LLM_API_KEY", server.key)
    return f"{server.address}/v1"


@pytest.fixture
def shell(url: str, server: LlamaServer, tmp_path: Path) -> Shell:
    shell = Shell(url, tmp_path)
    shell.env["HF_TOKEN"] = server.key
    return shell


@pytest.mark.parametrize("backend", ["huggingface", "openai"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_talks_russian(
    url: str, monkeypatch: pytest.MonkeyPatch, backend: str, streamed: bool
) -> None:
    monkeypatch.setenv("HF_BASE_URL", url)
    monkeypatch.setenv("LLM_BASE_URL", url)
    model = open_chat_model(backend, QWEN)
    messages, options = [Message("user", "Столица России?")], GenerationOptions(0.0, max_tokens=12)
    if streamed:
        completion = await complete_stream(model.stream(messages, options))
    else:
        completion = await model.complete(messages, options)
    await model.aclose()
    assert "Москва" in completion.text
    assert completion.usage is not None
    assert 0 < completion.usage.completion_tokens <= 12
    assert not completion.usage.approximate


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
async def test_hf_cli_answers_in_russian(shell: Shell, stream: str) -> None:
    outcome = await shell.spawn(
        "cli/hf_cli.py", stream, "--model", QWEN, "--temperature", "0", "--max-tokens", "12",
        "Столица России?",
    )  # fmt: skip
    assert outcome.code == 0
    assert "Москва" in outcome.out


async def test_the_bot_answers_in_russian(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.1)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)
    monkeypatch.setenv("HF_BASE_URL", url)
    monkeypatch.setenv("HF_MODEL_LLAMA3", QWEN)
    monkeypatch.setattr("bots.hf_demo.prompts.OPTIONS", GenerationOptions(0.0, max_tokens=12))
    model = open_chat_model("huggingface")
    async with running_bot(
        create_dispatcher, tmp_path, name="hf_demo", backend="huggingface", model=model
    ) as bot:
        bot.chat.send("Столица России?")
        answer = await bot.chat.wait_for("⏱ llama3", timeout=60)
        assert "Москва" in (answer.text or "").partition("⏱")[0]
    await model.aclose()
