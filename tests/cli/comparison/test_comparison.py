"""Comparisons over a file of prompts: any service, resumed, judged, reported."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cli.targets import Target, parse_target
from tests.cli.conftest import PATIENCE, Shell
from tests.fakes.gigachat import GigaChatServer
from tests.fakes.openai_server import Answer, Call, OpenAIServer, Refusal, Stall, Together

CLI = "cli/hf_cli.py"


def write(path: Path, *prompts: object) -> str:
    lines = (json.dumps(prompt, ensure_ascii=False) for prompt in prompts)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    return write(
        tmp_path / "вопросы.jsonl",
        {"prompt": "Первый вопрос", "id": "а"},
        {"prompt": "Второй вопрос", "system": "Кратко"},
        "Третий вопрос",
    )


@dataclass
class Echo:
    """Answers with the model's name and the question."""

    async def __call__(self, call: Call) -> web.StreamResponse:
        question = call.body["messages"][-1]["content"]
        return await Answer(f"{call.body['model']}: {question}")(call)


async def test_every_model_answers_every_prompt(
    shell: Shell, server: OpenAIServer, prompts: str
) -> None:
    server.default = Echo()
    outcome = await shell.run(CLI, "--compare", "org/a", "org/b", "--prompts", prompts)
    assert outcome.code == 0, outcome.err
    head, *rows = outcome.out.splitlines()
    assert head.split()[:3] == ["модель", "ответы", "ошибки"]
    assert [row.split()[:3] for row in rows] == [["org/a", "3", "0"], ["org/b", "3", "0"]]
    asked = sorted((b["model"], b["messages"][-1]["content"]) for b in server.bodies)
    assert len(asked) == len(set(asked)) == 6
    [system] = {m["content"] for b in server.bodies for m in b["messages"] if m["role"] == "system"}
    assert system == "Кратко"


async def test_a_second_run_asks_nothing_again(
    shell: Shell, server: OpenAIServer, prompts: str
) -> None:
    command = (CLI, "--compare", "org/a", "org/b", "--prompts", prompts)
    first = await shell.run(*command)
    second = await shell.run(*command)
    assert first.out == second.out
    assert len(server.calls) == 6
    await shell.run(*command, "--temperature", "0")
    assert len(server.calls) == 12, "another temperature is another question"


async def test_failures_are_asked_again_and_answers_are_not(
    shell: Shell, server: OpenAIServer, prompts: str
) -> None:
    server.by_model = {"org/b": Refusal(402, {"error": "credits"})}
    command = (CLI, "--compare", "org/a", "org/b", "--prompts", prompts)
    outcome = await shell.run(*command)
    assert outcome.code == 0
    assert "org/b: Оплаченные запросы" in outcome.err
    assert [row.split()[1:3] for row in outcome.out.splitlines()[1:]] == [["3", "0"], ["0", "3"]]
    server.by_model.clear()
    await shell.run(*command)
    assert [body["model"] for body in server.bodies[6:]] == ["org/b"] * 3


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
async def test_a_stopped_run_goes_on(
    shell: Shell, server: OpenAIServer, tmp_path: Path, end: signal.Signals
) -> None:
    prompts = write(tmp_path / "p.jsonl", *(f"Вопрос {number}" for number in range(8)))
    stall = Stall()
    answered = 0

    async def five_then_stall(call: Call) -> web.StreamResponse:
        nonlocal answered
        answered += 1
        return await (Answer() if answered <= 5 else stall)(call)

    server.default = five_then_stall
    options = ("--compare", "org/a", "--prompts", prompts, "--concurrency", "1")
    process = await shell.start(CLI, *options)
    await asyncio.wait_for(stall.arrived.wait(), PATIENCE)
    process.send_signal(end)
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert "ответов 5 из 8" in err.decode()
        assert "повтори ту же команду" in err.decode()
    results = tmp_path / "p.results.jsonl"
    with results.open("ab") as file:
        file.write(b'{"key": "cut o')  # what a kill may leave of a line
    asked = len(server.calls)
    server.default = Answer()
    outcome = await shell.run(CLI, *options)
    assert outcome.code == 0
    assert outcome.out.splitlines()[1].split()[1:3] == ["8", "0"]
    assert len(server.calls) - asked == 3
    again = await shell.run(CLI, *options)
    assert len(server.calls) - asked == 3, "the lines after the cut one are read"
    assert again.out == outcome.out


async def test_no_more_than_so_many_at_once(
    shell: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    prompts = write(tmp_path / "p.jsonl", *(f"Вопрос {number}" for number in range(9)))
    now = most = 0

    async def counted(call: Call) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await Answer(delay=0.01)(call)
        finally:
            now -= 1

    server.default = counted
    options = ("--prompts", prompts, "--concurrency", "3")
    assert (await shell.run(CLI, "--compare", "org/a", "org/b", *options)).code == 0
    assert most == 3


async def test_models_of_several_services(shell: Shell, server: OpenAIServer, prompts: str) -> None:
    async with GigaChatServer() as giga:
        giga.answer = lambda messages: "Ответ ГигаЧата"
        environment = giga.environment | {"CHAT_PRICE_INPUT": "0.5", "CHAT_PRICE_OUTPUT": "0.5"}
        names = ("gigachat:GigaChat-2-Max", "openai:test-model", "llama3:groq", "nobody")
        outcome = await shell.run(
            CLI, "--json", "--compare", *names, "--prompts", prompts, **environment
        )
    assert outcome.code == 0, outcome.err
    data = json.loads(outcome.out)
    rows = {row["name"]: row for row in data["models"]}
    assert rows["gigachat:GigaChat-2-Max"]["costs"].keys() == {"RUB"}
    assert rows["llama3:groq"]["costs"].keys() == {"USD"}
    assert rows["openai:test-model"]["costs"] == {}
    assert all(row["answers"] == 3 for row in data["models"][:3])
    assert {body["model"] for body in server.bodies} >= {"test-model"}
    assert any(body["model"].endswith(":groq") for body in server.bodies)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (
            "gigachat:GigaChat-2-Max",
            Target("gigachat", "GigaChat-2-Max", "gigachat:GigaChat-2-Max"),
        ),
        ("local:embedded", Target("local", "embedded", "local:embedded")),
        ("local:", Target("local", None, "local:")),
        ("hf:llama3", Target("huggingface", "llama3:x", "hf:llama3")),
        ("llama3:groq", Target("huggingface", "llama3:groq", "llama3:groq")),
        ("org/m", Target("huggingface", "org/m:x", "org/m")),
        ("openai:a:b", Target("openai", "a:b", "openai:a:b")),
    ],
)
def test_targets(name: str, target: Target) -> None:
    assert parse_target(name, "huggingface", "x") == target


class Judge:
    """Says which answer is better by `choose(first, second)`."""

    def __init__(self, choose: Any) -> None:
        self.choose = choose
        self.asked: list[str] = []

    async def __call__(self, call: Call) -> web.StreamResponse:
        text = call.body["messages"][1]["content"]
        self.asked.append(text)
        one = text.partition("<ответ 1>\n")[2].partition("\n</ответ 1>")[0]
        two = text.partition("<ответ 2>\n")[2].partition("\n</ответ 2>")[0]
        return await Answer(str(self.choose(one, two)))(call)


async def judged(shell: Shell, server: OpenAIServer, prompts: str, choose: Any) -> dict[str, Any]:
    server.default = Echo()
    server.by_model = {"org/judge": Judge(choose)}
    options = ("--prompts", prompts, "--judge", "org/judge", "--json")
    outcome = await shell.run(CLI, "--compare", "org/a", "org/b", *options)
    assert outcome.code == 0, outcome.err
    verdicts: dict[str, Any] = json.loads(outcome.out)["judge"]
    return verdicts


async def test_a_judge_that_reads_is_believed(
    shell: Shell, server: OpenAIServer, prompts: str
) -> None:
    def better(one: str, two: str) -> str:
        return f'{{"winner": {1 if one.startswith("org/b") else 2}}}'

    verdicts = await judged(shell, server, prompts, better)
    assert verdicts["wins"] == {"org/a": 0, "org/b": 3}
    assert verdicts["agreement"] == 1
    assert len(server.by_model["org/judge"].asked) == 6, "each pair in both orders"


async def test_a_judge_that_prefers_the_first_is_seen_through(
    shell: Shell, server: OpenAIServer, prompts: str
) -> None:
    verdicts = await judged(shell, server, prompts, lambda one, two: 'Думаю, {"winner": 1}')
    assert (verdicts["wins"], verdicts["disputed"]) == ({"org/a": 0, "org/b": 0}, 3)
    assert verdicts["agreement"] == 0


async def test_ties_and_nonsense(shell: Shell, server: OpenAIServer, prompts: str) -> None:
    def sometimes(one: str, two: str) -> str:
        return "не знаю" if "Первый" in one else '{"winner": 0}'

    verdicts = await judged(shell, server, prompts, sometimes)
    assert (verdicts["ties"], verdicts["unclear"], verdicts["agreement"]) == (2, 1, 1)


async def test_verdicts_are_kept_too(shell: Shell, server: OpenAIServer, prompts: str) -> None:
    first = await judged(shell, server, prompts, lambda one, two: '{"winner": 0}')
    asked = len(server.calls)
    options = ("--prompts", prompts, "--judge", "org/judge")
    outcome = await shell.run(CLI, "--compare", "org/a", "org/b", *options)
    assert len(server.calls) == asked
    assert first["ties"] == 3
    assert "Судья org/judge: согласие с собой при перестановке ответов 100%" in outcome.out
    assert "победы" in outcome.out.splitlines()[0]


class Page(HTMLParser):
    """The page's text and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [(n, v or "") for n, v in attrs if n in ("src", "href") or n[:2] == "on"]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_reports(shell: Shell, server: OpenAIServer, prompts: str, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script> & "кавычки" =1+1'
    picture = "![кот](http://evil.example/cat.png) [сюда](javascript:alert(1)) **жирно**"
    server.by_model = {
        "org/a": Answer(f"{evil}\n\n{picture}"),
        "org/b": Answer("=СУММ(A1)\nвторая; строка, да"),
    }
    files = [tmp_path / name for name in ("отчёт.html", "отчёт.csv", "отчёт.json")]
    reports = [part for file in files for part in ("--report", str(file))]
    outcome = await shell.run(CLI, "--compare", "org/a", "org/b", "--prompts", prompts, *reports)
    assert outcome.code == 0
    assert outcome.err.count("Отчёт: ") == 3
    page = Page(files[0].read_text("utf-8"))
    assert page.links == []
    assert "script" not in page.tags
    assert evil in page.text
    assert "strong" in page.tags
    assert "img" not in page.tags
    assert "Первый вопрос" in page.text
    with files[1].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert rows[0]["id"] == "а"
    assert {row["answer"] for row in rows} == {
        f"{evil}\n\n{picture}",
        "'=СУММ(A1)\nвторая; строка, да",
    }
    assert len(json.loads(files[2].read_text("utf-8"))["results"]) == 6


async def test_one_prompt_may_be_judged_and_reported(
    shell: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    server.default = Echo()
    server.by_model = {"org/judge": Answer('{"winner": 0}')}
    report = tmp_path / "report" / "r.html"
    report.parent.mkdir()
    outcome = await shell.run(
        *(CLI, "--compare", "org/a", "org/b", "--judge", "org/judge"),
        *("--report", str(report), "Два слова"),
    )
    assert outcome.code == 0
    assert "=== org/a (org/a) ===" in outcome.out
    assert "Судья org/judge" in outcome.err
    assert "org/b: Два слова" in report.read_text("utf-8")
    assert os.listdir(report.parent) == ["r.html"]


async def test_all_prompts_overlap(shell: Shell, server: OpenAIServer, prompts: str) -> None:
    server.default = Together(6)
    options = ("--prompts", prompts, "--concurrency", "6")
    assert (await shell.run(CLI, "--compare", "org/a", "org/b", *options)).code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "нет запросов"),
        ('{"prompt": "а"}\nпросто текст\n', "строка 2: это не JSON"),
        ('{"text": "а"}\n', "строка 1: нет текста в поле prompt"),
        ('{"prompt": "  "}\n', "запрос пуст"),
        ('{"prompt": "а", "system": 5}\n', "system — это текст"),
        ("[" * 100_000, "это не JSON"),
    ],
)
async def test_a_wrong_file_is_told_with_its_line(
    shell: Shell, server: OpenAIServer, tmp_path: Path, content: str, words: str
) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(content, "utf-8")
    outcome = await shell.run(CLI, "--compare", "org/a", "--prompts", str(file))
    assert outcome.code == 1
    assert words in outcome.err
    assert not server.calls


async def test_a_file_of_windows_is_read(
    shell: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    file = tmp_path / "p.jsonl"
    file.write_bytes('{"prompt": "Вопрос первый"}\r\n{"prompt": "Второй"}\r\n'.encode("utf-16"))
    assert (await shell.run(CLI, "--compare", "org/a", "--prompts", str(file))).code == 0
    assert {b["messages"][0]["content"] for b in server.bodies} == {"Вопрос первый", "Второй"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prompts", "p.jsonl"],
        ["--judge", "org/a", "x"],
        ["--compare", "a", "b", "--prompts", "p.jsonl", "--", "и", "слова"],
        ["--compare", "a", "b", "--report", "r.pdf", "--", "x"],
        ["--compare", "a", "b", "--concurrency", "0", "--", "x"],
        ["--compare", "a", "-n", "2", "--schema", "x: int", "--", "x"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from cli.hf_cli import main

    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert "--help" in err
    assert "error" not in err
