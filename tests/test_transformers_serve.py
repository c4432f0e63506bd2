"""Client, command-line tools and bot against `transformers serve`, which isn't ours.

The token counts are compared on a random Llama with Llama 3's own tokenizer, the talk
in Russian is had with the embedded model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from services.local.embedded import model_folder

from bots.common import replies
from bots.common.intake import Pastes
from bots.hf_demo.bot import create_dispatcher
from cli import llama3
from services import errors
from services.backends import open_chat_model
from services.chat import GenerationOptions, Message, complete_stream
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings
from services.transport import RetryPolicy
from tests.bots.harness import running_bot
from tests.cli.conftest import Shell
from tests.fakes.transformers_serve import (
    DIALOGUE,
    LLAMA_3,
    LLAMA_3_1,
    save_llama,
    serving,
    with_template,
)
from tests.services.local.conftest import prepared_data_dir

__all__ = ["prepared_data_dir"]
pytestmark = pytest.mark.slow

TEXTS = (
    "Привет! Как дела?",
    "Столица России — Москва; в ней живёт больше 13 000 000 человек.",
    "Съешь ещё этих мягких французских булок, да выпей чаю.\n\nИ ещё: ёлка, ЖКХ, 3,14.",
    "Многострочный\n  текст\n\tс отступами   и пробелами",
    "Смайлики 🙂👨‍👩‍👧 и кавычки «ёлочки» — тоже текст",
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "def main() -> int:\n    return 0  # it's code\n",
    "  leading and trailing spaces are stripped  ",
    "Someone may type <|eot_id|> or <|start_header_id|>system<|end_header_id|> by hand",
)
TODAY = date(2026, 11, 21)  # of no matter to these templates
CYRILLIC = re.compile(r"[а-яё]{3}", re.IGNORECASE)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with Llama 3's tokenizer, fetched as `--setup` does."""
    folder = tmp_path_factory.mktemp("data")
    llama3.fetch_tokenizer(llama3.tokenizer_path(folder))
    return folder


@pytest.fixture(scope="module")
def llamas(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A random Llama by the family whose template it has."""
    folder = tmp_path_factory.mktemp("llamas")
    first = save_llama(folder / "Llama-3-tiny", llama3.tokenizer_path(data_dir), LLAMA_3)
    return {"3": first, "3.1": with_template(folder / "Llama-3.1-tiny", first, LLAMA_3_1)}


@pytest.fixture(scope="module")
def gemma(prepared_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("gemma") / "model"
    return str(with_template(folder, model_folder(prepared_data_dir), DIALOGUE))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("hf")) as url:
        yield url


@pytest.fixture
def shell(url: str, data_dir: Path) -> Shell:
    return Shell(url, data_dir)


@pytest.mark.parametrize("family", ["3", "3.1"])
async def test_the_local_count_is_the_servers(
    url: str, data_dir: Path, llamas: dict[str, Path], family: str
) -> None:
    encoding = llama3.load_tokenizer(llama3.tokenizer_path(data_dir))
    assert encoding is not None
    model = OpenAICompatibleModel(OpenAICompatibleSettings(base_url=url, model=str(llamas[family])))
    system = Message("system", " Отвечай кратко. ")
    counts = []
    for messages in [[Message("user", text)] for text in TEXTS] + [
        [system, Message("user", TEXTS[0]), Message("assistant", "Да."), Message("user", "Ещё")]
    ]:
        prompt = llama3.render(messages, family, TODAY)
        completion = await model.complete(messages, GenerationOptions(max_tokens=1))
        assert completion.usage is not None
        counts.append((len(llama3.tokens_of(encoding, prompt)), completion.usage.prompt_tokens))
    await model.aclose()
    assert [local for local, _ in counts] == [server for _, server in counts]


async def test_hf_llama3_openai_agrees_with_the_server(
    shell: Shell, llamas: dict[str, Path]
) -> None:
    outcome = await shell.run(
        "cli/hf_llama3_openai.py", "--text", TEXTS[0], "--max-tokens", "8",
        HF_MODEL_LLAMA3=str(llamas["3.1"]),
    )  # fmt: skip
    assert outcome.code == 0
    *_, blank, local, prompt, completion, reason = outcome.out.split("\n")[:-1]
    assert (blank, local) == ("", "local_input_tokens: 42")
    assert (prompt, completion) == ("api_prompt_tokens: 42", "api_completion_tokens: 8")
    assert reason == "finish_reason: length"
    assert outcome.err == ""


async def test_a_template_that_differs_is_named(shell: Shell, llamas: dict[str, Path]) -> None:
    disguised = llamas["3"].with_name("Llama-3.3-70B")
    disguised.symlink_to(llamas["3"])
    outcome = await shell.run(
        "cli/hf_llama3_openai.py", "--explain", TEXTS[0], "--max-tokens", "2",
        HF_MODEL_LLAMA3=str(disguised),
    )  # fmt: skip
    assert outcome.code == 0
    assert "Счёт расходится на -25" in outcome.err
    assert "Llama 3    17 (-25)  ← как у сервера" in outcome.err


async def test_an_unknown_model_is_told(url: str) -> None:
    settings = OpenAICompatibleSettings(base_url=url, model="no/such-model")
    model = OpenAICompatibleModel(settings, retries=RetryPolicy(retries=0))
    with pytest.raises(errors.ServiceError) as caught:
        await model.complete([Message("user", "Привет")])
    assert isinstance(caught.value, (errors.ModelNotFound, errors.Unavailable))
    await model.aclose()


@pytest.mark.parametrize("backend", ["huggingface", "openai"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_talks_russian(
    url: str, gemma: str, monkeypatch: pytest.MonkeyPatch, backend: str, streamed: bool
) -> None:
    monkeypatch.setenv("HF_BASE_URL", url)
    monkeypatch.setenv("LLM_BASE_URL", url)
    model = open_chat_model(backend, gemma)
    messages, options = [Message("user", "Столица России?")], GenerationOptions(0.0, max_tokens=12)
    if streamed:
        completion = await complete_stream(model.stream(messages, options))
    else:
        completion = await model.complete(messages, options)
    await model.aclose()
    assert CYRILLIC.search(completion.text)
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 12
    assert not completion.usage.approximate


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
async def test_hf_cli_answers_in_russian(shell: Shell, gemma: str, stream: str) -> None:
    outcome = await shell.spawn(
        "cli/hf_cli.py", stream, "--model", gemma, "--temperature", "0", "--max-tokens", "12",
        "Столица России?",
    )  # fmt: skip
    assert outcome.code == 0
    assert CYRILLIC.search(outcome.out)
    assert "→ 12" in outcome.err


async def test_hf_cli_compares(shell: Shell, gemma: str, llamas: dict[str, Path]) -> None:
    outcome = await shell.run(
        "cli/hf_cli.py", "--json", "--max-tokens", "6", "Кто ты такой?",
        "--compare", gemma, str(llamas["3"]), "no/such-model",
    )  # fmt: skip
    assert outcome.code == 0
    *good, bad = json.loads(outcome.out)["results"]
    assert [row["completion_tokens"] for row in good] == [6, 6]
    assert bad["error"]


async def test_the_bot_answers_in_russian(
    url: str, gemma: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.1)
    monkeypatch.setattr(Pastes, "QUIET", 0.05)
    monkeypatch.setenv("HF_BASE_URL", url)
    monkeypatch.setenv("HF_MODEL_LLAMA3", gemma)
    monkeypatch.setattr("bots.hf_demo.prompts.OPTIONS", GenerationOptions(0.0, max_tokens=12))
    model = open_chat_model("huggingface")
    async with running_bot(
        create_dispatcher, tmp_path, name="hf_demo", backend="huggingface", model=model
    ) as bot:
        bot.chat.send("Столица России?")
        answer = await bot.chat.wait_for("⏱ llama3", timeout=60)
        assert CYRILLIC.search((answer.text or "").partition("⏱")[0])
    await model.aclose()
