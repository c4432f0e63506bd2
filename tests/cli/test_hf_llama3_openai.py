from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cli import llama3
from cli.hf_llama3_openai import main
from services.chat import Message
from services.errors import ConfigError
from tests.cli.conftest import Shell
from tests.fakes.openai_server import Answer, OpenAIServer, Refusal

CLI = "cli/hf_llama3_openai.py"
TODAY = date(2026, 3, 5)
MESSAGES = (Message("system", " Кратко. "), Message("user", "Привет\n"))


@pytest.mark.parametrize(
    "form",
    [(CLI, "Привет! Как дела?"), ("-m", "cli.hf_llama3_openai", "--text", "Привет! Как дела?")],
)
async def test_prints_the_answer_and_both_counts(
    shell: Shell, server: OpenAIServer, form: tuple[str, ...]
) -> None:
    outcome = await shell.spawn(*form)
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "Привет! Меня зовут Проба.",
        "",
        "local_input_tokens: ~39",
        "api_prompt_tokens: 6",
        "api_completion_tokens: 4",
        "finish_reason: stop",
    ]
    assert "счёт приблизительный" in outcome.err
    assert "python -m cli.hf_llama3_openai --setup" in outcome.err
    assert server.calls[0].request.headers["Authorization"] == "Bearer hf_secret"


async def test_takes_stdin_and_a_file(shell: Shell, server: OpenAIServer, tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Из файла\n", encoding="utf-8")
    assert (await shell.run(CLI, stdin="Из\nпотока")).code == 0
    assert (await shell.run(CLI, "--file", str(file), "--system", "Кратко")).code == 0
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert asked == ["Из\nпотока", "Из файла"]
    assert server.bodies[1]["messages"][0] == {"role": "system", "content": "Кратко"}


async def test_a_count_that_the_server_does_not_give_is_not_made_up(
    shell: Shell, server: OpenAIServer
) -> None:
    server.default = Answer(usage=False)
    outcome = await shell.run(CLI, "Привет")
    assert "api_prompt_tokens: n/a\napi_completion_tokens: n/a\n" in outcome.out
    assert "сверить счёт не с чем" in outcome.err


async def test_a_failure_is_told_on_stderr(shell: Shell, server: OpenAIServer) -> None:
    server.default = Refusal(402, {"error": "credits"})
    outcome = await shell.run(CLI, "Привет")
    assert (outcome.code, outcome.out) == (1, "")
    assert "Пополни баланс" in outcome.err


async def test_a_broken_tokenizer_is_not_used(shell: Shell, tmp_path: Path) -> None:
    path = llama3.tokenizer_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a tokenizer")
    outcome = await shell.run(CLI, "Привет")
    assert outcome.code == 1
    assert "скачай заново" in outcome.err


def test_wrong_usage_exits_with_2() -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--text", "раз", "два"])
    assert exit_.value.code == 2


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("meta-llama/Meta-Llama-3-8B-Instruct", "3"),
        ("meta-llama/Llama-3.1-8B-Instruct:novita", "3.1"),
        ("meta-llama/Llama-3.2-1B-Instruct", "3.2"),
        ("meta-llama/Llama-3.3-70B-Instruct", "3.3"),
    ],
)
def test_the_family_is_read_from_the_name(model: str, family: str) -> None:
    assert llama3.family_of(model) == family


def test_the_first_template_has_nothing_of_its_own() -> None:
    assert llama3.render(MESSAGES, "3", TODAY) == (
        "<|begin_of_text|>"
        "<|start_header_id|>system<|end_header_id|>\n\nКратко.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nПривет<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


@pytest.mark.parametrize(
    ("family", "day"), [("3.1", "26 Jul 2024"), ("3.2", "05 Mar 2026"), ("3.3", "26 Jul 2024")]
)
def test_the_later_templates_tell_dates(family: str, day: str) -> None:
    start = llama3.render(MESSAGES, family, TODAY).split("<|eot_id|>")[0]
    assert start.endswith(f"December 2023\nToday Date: {day}\n\nКратко.")


def test_a_tokenizer_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert llama3.load_tokenizer(tmp_path / "none") is None


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"IQ== 0\n")
    with pytest.raises(ConfigError):
        llama3.load_tokenizer(tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("Съешь ещё этих мягких французских булок, да выпей чаю.", 18),
        ("The quick brown fox jumps over the lazy dog.", 10),
    ],
)
def test_the_estimate_is_near_llamas_count(text: str, exact: int) -> None:
    template = {"3": 10, "3.1": 35}
    for family, overhead in template.items():
        prompt = llama3.render([Message("user", text)], family, TODAY)
        assert llama3.estimate(prompt) == pytest.approx(exact + overhead, rel=0.25)


async def test_setup_replaces_a_broken_tokenizer(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = llama3.tokenizer_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a tokenizer")
    monkeypatch.setattr(llama3, "WHEEL", str(tmp_path / "no-such-wheel.whl"))
    outcome = await shell.run(CLI, "--setup")
    assert outcome.code == 1
    assert "проверь сеть и повтори" in outcome.err, "it was fetched again"
