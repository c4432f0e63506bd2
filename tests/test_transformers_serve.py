"""Client and command-line tools against `transformers serve`, which isn't ours.

The token counts are compared on a random Llama with Llama 3's own tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from cli import llama3
from services import errors
from services.chat import GenerationOptions, Message
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings
from services.transport import RetryPolicy
from tests.cli.conftest import Shell
from tests.fakes.transformers_serve import (
    LLAMA_3,
    LLAMA_3_1,
    save_llama,
    serving,
    with_template,
)

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


async def test_hf_cli_compares(shell: Shell, llamas: dict[str, Path]) -> None:
    outcome = await shell.run(
        "cli/hf_cli.py", "--json", "--max-tokens", "6", "Кто ты такой?",
        "--compare", str(llamas["3.1"]), str(llamas["3"]), "no/such-model",
    )  # fmt: skip
    assert outcome.code == 0
    *good, bad = json.loads(outcome.out)["results"]
    assert [row["completion_tokens"] for row in good] == [6, 6]
    assert bad["error"]
