from __future__ import annotations

import asyncio
import json
import signal
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest

from cli import report
from cli.hf_cli import build_parser, main
from cli.hf_usage import CONFLICTS
from cli.templates import templates_folder
from services.huggingface.config import MODELS
from tests.cli.conftest import PATIENCE, Shell
from tests.fakes.openai_server import (
    Answer,
    Cut,
    Events,
    OpenAIServer,
    Refusal,
    Stall,
    Together,
)

CLI = "cli/hf_cli.py"
LLAMA, DEEPSEEK, QWEN = (MODELS[name].id for name in ("llama3", "deepseek", "qwen2"))


@pytest.mark.parametrize("form", [(CLI,), ("-m", "cli.hf_cli")])
async def test_prints_the_answer_alone(
    shell: Shell, server: OpenAIServer, form: tuple[str, ...]
) -> None:
    outcome = await shell.spawn(*form, "--model", "llama3", "Объясни", "разницу")
    assert (outcome.code, outcome.out) == (0, "Привет! Меня зовут Проба.\n")
    assert outcome.err.startswith(f"{LLAMA} · ")
    assert "токены: 5 → 4" in outcome.err
    assert "$0.0000003" in outcome.err
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "Объясни разницу"}]


async def test_takes_the_prompt_from_stdin_or_a_file(
    shell: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Из файла\nв две строки\n", encoding="utf-8")
    assert (await shell.run(CLI, stdin="Из потока\n")).code == 0
    assert (await shell.run(CLI, "--file", str(file))).code == 0
    asked = [body["messages"][0]["content"] for body in server.bodies]
    assert asked == ["Из потока", "Из файла\nв две строки"]


async def test_sends_what_was_set(shell: Shell, server: OpenAIServer) -> None:
    options = ("--temperature", "0", "--max-tokens", "9", "--provider", "novita")
    outcome = await shell.run(
        CLI, "--system", "Будь краток", *options, "--model", "org/x", "--stream", "Привет"
    )
    assert outcome.out == "Привет! Меня зовут Проба.\n"
    body = server.bodies[0]
    assert body["model"] == "org/x:novita"
    assert (body["temperature"], body["max_tokens"], body["stream"]) == (0, 9, True)
    assert body["messages"][0] == {"role": "system", "content": "Будь краток"}


async def test_answers_in_json(shell: Shell, server: OpenAIServer) -> None:
    outcome = await shell.run(CLI, "--json", "--model", "llama3", "Привет")
    answer = json.loads(outcome.out)
    assert (outcome.code, outcome.err) == (0, "")
    assert answer["answer"] == "Привет! Меня зовут Проба."
    assert (answer["prompt_tokens"], answer["tokens_are_approximate"]) == (4, False)
    assert answer["cost_usd"] == pytest.approx((4 * 0.02 + 4 * 0.05) / 1e6)


async def test_says_that_its_own_count_is_approximate(shell: Shell, server: OpenAIServer) -> None:
    server.default = Answer(usage=False)
    assert "(приблизительно)" in (await shell.run(CLI, "Привет")).err


async def test_tells_an_answer_that_was_cut_short(shell: Shell, server: OpenAIServer) -> None:
    server.default = Answer(finish_reason="length")
    assert "--max-tokens" in (await shell.run(CLI, "Привет")).err


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Refusal(401, {"error": "Invalid username or password."}), "не принял ключ"),
        (Refusal(402, {"error": "credits"}), "Пополни баланс"),
        (Refusal(403, {"error": "restricted"}), f"https://huggingface.co/{LLAMA}"),
        (Refusal(404, {"error": "no"}), "Такой модели у сервиса нет"),
        (Refusal(422, {"error": "inputs tokens must be <= 4096"}), "Сократи"),
        (Refusal(429, {"error": "slow"}, {"Retry-After": "45"}), "Повтори через 45 с"),
        (Refusal(503, {"error": "Model is currently loading"}), "ещё загружается"),
        (Events(words=1), "непонятно"),
        (Cut(words=1), "недоступен"),
    ],
    ids=lambda case: f"{case}"[:30],
)
async def test_a_failure_is_one_line_in_russian(
    shell: Shell, server: OpenAIServer, reply: object, words: str
) -> None:
    server.default = reply
    outcome = await shell.run(CLI, "--stream", "Привет")
    assert outcome.code == 1
    assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert "hf_secret" not in outcome.err
    assert len(outcome.err.strip().splitlines()) <= 2, "a log line may say what was tried"


async def test_debug_shows_where_it_failed(shell: Shell, server: OpenAIServer) -> None:
    server.default = Refusal(401, {"error": "no"})
    outcome = await shell.run(CLI, "--debug", "Привет")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert "AuthError: huggingface: HTTP 401" in outcome.err
    assert "hf_secret" not in outcome.err


async def test_no_token_is_named(shell: Shell) -> None:
    outcome = await shell.run(CLI, "Привет", HF_TOKEN="", HF_BASE_URL="")
    assert outcome.code == 1
    assert "HF_TOKEN не задан" in outcome.err


async def test_its_own_time_limit(shell: Shell, server: OpenAIServer) -> None:
    server.default = Stall()
    outcome = await shell.run(CLI, "--timeout", "0.2", "Привет")
    assert outcome.code == 1
    assert "не ответила вовремя" in outcome.err


@pytest.mark.parametrize("flag", ["--compare_three", "--compare-three"])
async def test_compares_three_at_once(shell: Shell, server: OpenAIServer, flag: str) -> None:
    server.default = Together(3)  # each answer waits until all three were asked
    outcome = await shell.run(CLI, flag, "Один запрос")
    assert outcome.code == 0
    for name, model_id in (("llama3", LLAMA), ("deepseek", DEEPSEEK), ("qwen2", QWEN)):
        assert f"=== {name} ({model_id}) ===\nПривет! Меня зовут Проба.\n" in outcome.out
    table = outcome.err.splitlines()
    assert table[0].split() == [
        "модель",
        "1-й",
        "токен",
        "всего",
        "токены",
        "ток/с",
        "цена",
        "итог",
    ]
    assert [line.split()[0] for line in table[1:4]] == ["deepseek", "llama3", "qwen2"]
    assert all("5 → 4" in line and "готово" in line for line in table[1:4])
    assert "n/a" in table[1], "its price is unknown, not zero"


async def test_shows_each_answer_as_it_finishes(shell: Shell, server: OpenAIServer) -> None:
    server.by_model = {"b/slow": Stall(words=1), "a/fast": Answer("быстро")}
    process = await shell.start(CLI, "Вопрос", "--compare", "b/slow", "a/fast")
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), PATIENCE) for _ in range(2)]
    assert b"".join(lines).decode() == "=== a/fast (a/fast) ===\nбыстро\n"
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), PATIENCE)


async def test_one_failure_leaves_the_others(shell: Shell, server: OpenAIServer) -> None:
    server.by_model = {LLAMA: Refusal(402, {"error": "credits"})}
    outcome = await shell.run(CLI, "--compare", "llama3", "org/other", "Два слова")
    assert outcome.code == 0
    assert "=== org/other (org/other) ===" in outcome.out
    row = next(line for line in outcome.err.splitlines() if line.startswith("llama3 "))
    assert "Пополни баланс" in row


async def test_all_failures_are_a_failure(shell: Shell, server: OpenAIServer) -> None:
    server.default = Refusal(401, {"error": "no"})
    outcome = await shell.run(CLI, "--json", "--compare", "a/b", "c/d", "--", "Слово")
    assert outcome.code == 1
    rows = json.loads(outcome.out)["results"]
    assert [row["kind"] for row in rows] == ["AuthError", "AuthError"]


@pytest.mark.parametrize("options", [(), ("--stream",), ("--compare_three",)])
async def test_ctrl_c_is_quiet(
    shell: Shell, server: OpenAIServer, options: tuple[str, ...]
) -> None:
    stall = Stall(words=1)
    server.default = stall
    process = await shell.start(CLI, *options, "Привет")
    await asyncio.wait_for(stall.arrived.wait(), PATIENCE)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, err) == (130, b"")


async def test_a_reader_may_leave(shell: Shell, server: OpenAIServer) -> None:
    server.default = Answer("слово " * 50_000)
    process = await shell.start(CLI, "--stream", "Привет")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    await asyncio.wait_for(process.stdout.read(5), PATIENCE)
    process.stdout._transport.close()
    assert process.stderr is not None
    err = await asyncio.wait_for(process.stderr.read(), PATIENCE)
    assert b"Traceback" not in err
    assert b"Broken" not in err
    await asyncio.wait_for(process.wait(), PATIENCE)


async def test_asks_any_compatible_server(shell: Shell, server: OpenAIServer) -> None:
    outcome = await shell.run(CLI, "--backend", "openai", "Привет")
    assert (outcome.code, outcome.out) == (0, "Привет! Меня зовут Проба.\n")
    listed = await shell.run(CLI, "--backend", "openai", "--list-models")
    assert (listed.code, listed.out) == (0, "test-model\nother-model\n")


def offer(provider: str, price: tuple[float, float] | None, status: str = "live") -> object:
    pricing = {"pricing": {"input": price[0], "output": price[1]}} if price else {}
    return {"provider": provider, "status": status, "context_length": 16384, **pricing}


async def test_lists_models_and_who_serves_them(shell: Shell, server: OpenAIServer) -> None:
    server.models = [
        {"id": LLAMA, "providers": [offer("novita", (0.02, 0.05)), offer("groq", (0.1, 0.1))]},
        {"id": DEEPSEEK, "providers": [offer("together", None)]},
        {"id": QWEN.partition(":")[0], "providers": [offer("together", (0.3, 0.3), "error")]},
        {"id": "org/new", "providers": [offer("groq", (1, 2))]},
    ]
    outcome = await shell.run(CLI, "--list-models")
    rows = {tuple(line.split()[:2]): line for line in outcome.out.splitlines()}
    assert "novita, groq" in rows["llama3", LLAMA]
    assert rows["llama3", LLAMA].endswith("0.02/0.05")
    assert rows["deepseek", DEEPSEEK].endswith("n/a")
    assert "нет" in rows["qwen2", QWEN]
    assert any("org/new" in line for line in outcome.out.splitlines())
    assert outcome.code == 1
    assert "qwen2: ни одну модель не обслуживают" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--file", "нет-такого.txt"],
        ["--file", "README.md", "и", "слова"],
        ["--model", "llama3", "--compare_three", "x"],
        ["--backend", "openai", "--provider", "novita", "x"],
        ["--backend", "local", "--list-models"],
        ["--temperature", "жарко", "x"],
        ["   "],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [pair for left, right, _ in CONFLICTS for pair in product(left, right)],
)
def test_refused_combinations_name_both_options(
    one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"--compare": ["a", "b"], "-n": ["2"], "--schema": ["x: int"]}
    flags = ("--web", "-c", "--extract")
    words = [
        word
        for option in (one, other)
        for word in (option, *values.get(option, [] if option in flags else ["x"]))
    ]
    with pytest.raises(SystemExit) as exit_:
        main([*words, "--", "Привет"])
    assert exit_.value.code == 2
    assert f": без {one} или без {other}" in capsys.readouterr().err


@pytest.mark.parametrize("tool", ["cli.hf_cli", "cli.hf_llama3_openai"])
def test_two_talks_at_once_are_refused(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        import_module(tool).main(["-c", "--talk", "имя", "Привет"])
    assert exit_.value.code == 2
    assert "нельзя вместе с -c" in capsys.readouterr().err


def test_a_template_s_options_are_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_USER_DIR", str(tmp_path))
    folder = templates_folder()
    folder.mkdir(parents=True)
    (folder / "flat.toml").write_text('prompt = "Найди"\nschema = "rooms: int"', encoding="utf-8")
    with pytest.raises(SystemExit) as exit_:
        main(["-t", "flat", "-n", "2"])
    assert exit_.value.code == 2
    assert "без --schema или без -n" in capsys.readouterr().err


def test_help_names_every_short_model() -> None:
    text = build_parser().format_help()
    assert all(name in text for name in MODELS)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert report.columns([("а", "б"), ("длинное", "в")]) == "а        б\nдлинное  в"
