"""The log as a user of the tools meets it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest

from cli.log.show import sparkline, usage_table
from cli.log.store import ExchangeLog, Filter
from tests.cli.conftest import PATIENCE, Outcome, Shell
from tests.fakes.openai_server import Answer, Call, OpenAIServer, Refusal, Stall

CLI = "cli/hf_cli.py"


@pytest.fixture
def logged(shell: Shell, tmp_path: Path) -> Shell:
    shell.env |= {"LLM_LOG": "on", "LLM_USER_DIR": str(tmp_path / "user")}
    return shell


@pytest.fixture
def log(tmp_path: Path) -> ExchangeLog:
    return ExchangeLog(tmp_path / "user" / "log.sqlite3")


async def test_nothing_is_kept_unless_it_is_wanted(shell: Shell, tmp_path: Path) -> None:
    assert (await shell.run(CLI, "Привет")).code == 0
    assert (await shell.run(CLI, "Привет", LLM_LOG="off")).code == 0
    assert not (tmp_path / "user").exists()
    outcome = await shell.run(CLI, "log", LLM_LOG="off")
    assert outcome.code == 1
    assert "hf log on" in outcome.err


async def test_a_wrong_value_is_told(shell: Shell) -> None:
    outcome = await shell.run(CLI, "Привет", LLM_LOG="может")
    assert outcome.code == 1
    assert "LLM_LOG: нужно одно из: 'on', 'off'" in outcome.err


async def test_the_sums_are_the_services_own(
    logged: Shell, server: OpenAIServer, log: ExchangeLog
) -> None:
    """200 exchanges: streamed, whole, compared, sampled, refused."""
    told = {"prompt_tokens": 0, "completion_tokens": 0}

    class Counted(Answer):
        async def __call__(self, call: Call):  # type: ignore[no-untyped-def]
            usage = call.usage(self.text)
            for name in told:
                told[name] += usage[name]
            return await super().__call__(call)

    server.default = Counted("один два три четыре пять")
    four = [f"org/m{number}" for number in range(4)]
    for number in range(25):
        question = "слово " * (number + 2)
        options = ["--stream"] if number % 2 else []
        assert (await logged.run(CLI, *options, question)).code == 0
        assert (await logged.run(CLI, "-n", "3", "-q", question)).code == 0
        assert (await logged.run(CLI, "--compare", *four, "--", question)).code == 0
    server.default = Refusal(402, {"error": "credits"})
    assert (await logged.run(CLI, "Привет")).code == 1
    usage = json.loads((await logged.run(CLI, "usage", "--by", "model", "--json")).out)
    assert usage["total"]["exchanges"] == 201
    assert usage["total"]["errors"] == 1
    assert {name: usage["total"][name] for name in told} == told
    assert {row["key"] for row in usage["rows"]} >= set(four)
    day = (await logged.run(CLI, "usage")).out
    assert re.search(rf"всего +201 +1 +{told['prompt_tokens']} +{told['completion_tokens']} ", day)
    log.close()


async def test_the_price_is_that_days(logged: Shell, log: ExchangeLog) -> None:
    await logged.run(CLI, "--model", "llama3", "Раз", HF_PRICE_LLAMA3="1/2")
    await logged.run(CLI, "--model", "llama3", "Раз", HF_PRICE_LLAMA3="3/4")
    prices = [(e.prompt_price, e.completion_price, e.currency) for e in log.find(Filter())]
    assert prices == [(3, 4, "USD"), (1, 2, "USD")]
    log.close()


async def test_list_search_show_export(logged: Shell, tmp_path: Path) -> None:
    await logged.run(CLI, "--system", "Кратко", "Где живут ежи?")
    await logged.run(CLI, "Почём ёлки?")
    listed = await logged.run(CLI, "log")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["№", "2", "1"]
    found = await logged.run(CLI, "log", "search", "елка")
    assert "Почём ёлки?" in found.out
    assert "ежи" not in found.out
    nothing = await logged.run(CLI, "log", "search", "бегемот")
    assert (nothing.code, nothing.out, nothing.err) == (1, "", "Ничего не найдено.\n")
    shown = await logged.run(CLI, "log", "show", "1")
    assert "Система: Кратко\n\n› Где живут ежи?\n\nПривет! Меня зовут Проба." in shown.out
    assert (await logged.run(CLI, "log", "show")).out.startswith("№ 2 ")
    file = tmp_path / "всё.json"
    assert (await logged.run(CLI, "log", "export", "--save", str(file))).code == 0
    assert [row["prompt"] for row in json.loads(file.read_text("utf-8"))] == [
        *("Где живут ежи?", "Почём ёлки?")
    ]
    markdown = (await logged.run(CLI, "log", "export", "1")).out
    assert "**Запрос:**\n\nГде живут ежи?\n\n**Ответ:**\n\nПривет! Меня зовут Проба." in markdown


async def test_records_are_deleted(logged: Shell) -> None:
    await logged.run(CLI, "Раз")
    await logged.run(CLI, "Два")
    assert "1" in (await logged.run(CLI, "log", "delete", "1")).err
    assert (await logged.run(CLI, "log", "show", "1")).code == 1
    assert "нет записи 1" in (await logged.run(CLI, "log", "delete", "1")).err
    assert (await logged.run(CLI, "log", "delete")).code == 1
    assert (await logged.run(CLI, "log", "delete", "--all")).code == 0
    assert (await logged.run(CLI, "log")).code == 1


async def test_the_choice_is_kept(logged: Shell, log: ExchangeLog) -> None:
    logged.env["LLM_LOG"] = ""
    await logged.run(CLI, "Раз")
    assert (await logged.run(CLI, "log", "on")).code == 0
    await logged.run(CLI, "Два")
    outcome = await logged.run(CLI, "log", "off", LLM_LOG="on")
    assert "LLM_LOG=on важнее" in outcome.err
    await logged.run(CLI, "Три")
    assert [exchange.prompt for exchange in log.find(Filter())] == ["Два"]
    log.close()


async def test_the_word_log_is_still_a_prompt(logged: Shell, server: OpenAIServer) -> None:
    for words in (["--", "log"], ["--", "usage"], ["log in nginx"], ["--model", "llama3", "log"]):
        assert (await logged.run(CLI, *words)).code == 0
    asked = [body["messages"][0]["content"] for body in server.bodies]
    assert asked == ["log", "usage", "log in nginx", "log"]


async def test_a_word_after_log_that_is_no_action(
    logged: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli.hf_cli import main

    with pytest.raises(SystemExit) as exit_:
        main(["log", "of", "nginx"])
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert "нет варианта 'of'" in err
    assert "hf -- log" in err


async def test_a_stopped_answer_is_kept_as_far_as_it_came(
    logged: Shell, server: OpenAIServer, log: ExchangeLog
) -> None:
    server.default = Stall(words=2)
    process = await logged.start(CLI, "--stream", "Считай")
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readexactly(len("слово слово ".encode())), PATIENCE)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 130
    [kept] = log.find(Filter())
    assert (kept.answer, kept.finish_reason, kept.error) == ("слово слово ", "stopped", None)
    log.close()


async def test_a_killed_tool_leaves_the_question(
    logged: Shell, server: OpenAIServer, log: ExchangeLog
) -> None:
    stall = Stall(words=1)
    server.default = stall
    process = await logged.start(CLI, "Считай")
    await asyncio.wait_for(stall.arrived.wait(), PATIENCE)
    process.kill()
    await asyncio.wait_for(process.communicate(), PATIENCE)
    [kept] = log.find(Filter())
    assert (kept.prompt, kept.answer) == ("Считай", None)
    log.close()
    assert "не дописан" in (await logged.run(CLI, "log", "show")).out


async def test_a_failed_log_does_not_cost_the_answer(logged: Shell, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "log.sqlite3").write_bytes(b"not a database, but long enough" * 100)
    for words, answers in ((["-n", "2", "Привет"], 2), (["Привет"], 1)):
        outcome = await logged.run(CLI, *words)
        assert outcome.code == 0
        assert outcome.out.count("Меня зовут Проба") == answers
        assert outcome.err.count("не открыть") == 1
    assert (await logged.run(CLI, "--talk", "имя", "Привет")).code == 1


async def talk(shell: Shell, *words: str) -> Outcome:
    outcome = await shell.run(CLI, *words)
    assert outcome.code == 0, outcome.err
    return outcome


async def test_a_talk_goes_on(logged: Shell, server: OpenAIServer) -> None:
    server.enqueue(Answer("Один"), Answer("Два"), Answer("Три"))
    await talk(logged, "--system", "Кратко", "--model", "org/x", "Раз")
    await talk(logged, "-c", "Ещё")
    await talk(logged, "--continue", "И ещё")
    body = server.bodies[-1]
    assert body["model"] == "org/x"
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "Кратко"),
        ("user", "Раз"),
        ("assistant", "Один"),
        ("user", "Ещё"),
        ("assistant", "Два"),
        ("user", "И ещё"),
    ]


async def test_talks_have_names(logged: Shell, server: OpenAIServer) -> None:
    await talk(logged, "--talk", "отпуск", "Куда?")
    await talk(logged, "Другое")
    await talk(logged, "--talk", "отпуск", "Когда?")
    assert [m["content"] for m in server.bodies[-1]["messages"]] == [
        *("Куда?", "Привет! Меня зовут Проба.", "Когда?")
    ]
    await talk(logged, "-c", "А?")
    assert "Куда?" in [m["content"] for m in server.bodies[-1]["messages"]], "the last talk"


async def test_the_other_tool_goes_on_with_it(logged: Shell, server: OpenAIServer) -> None:
    await talk(logged, "Раз")
    outcome = await logged.run("cli/hf_llama3_openai.py", "-c", "Два")
    assert outcome.code == 0, outcome.err
    assert [m["content"] for m in server.bodies[-1]["messages"]] == [
        *("Раз", "Привет! Меня зовут Проба.", "Два")
    ]


async def test_samples_and_comparisons_are_no_talk(logged: Shell, server: OpenAIServer) -> None:
    await talk(logged, "Раз")
    await talk(logged, "-n", "2", "Проба")
    await talk(logged, "--compare", "org/a", "org/b", "--", "Сравни")
    await talk(logged, "-c", "Два")
    assert server.bodies[-1]["messages"][0]["content"] == "Раз"


@pytest.mark.parametrize("options", [["-c"], ["--talk", "имя"]])
async def test_a_talk_needs_the_log(shell: Shell, options: list[str]) -> None:
    outcome = await shell.run(CLI, *options, "Привет", LLM_LOG="off")
    assert outcome.code == 1
    assert "журнал выключен" in outcome.err.lower()
    assert "hf log on" in outcome.err


async def test_there_may_be_nothing_to_go_on_with(logged: Shell) -> None:
    outcome = await logged.run(CLI, "-c", "Привет")
    assert outcome.code == 1
    assert "Продолжать нечего" in outcome.err


def test_days_without_exchanges_stand_in_the_sparkline() -> None:
    rows = [("2026-01-30", 1, 0, 10, 10, 0.0, 0.0, 0), ("2026-02-02", 2, 0, 5, 5, 1.0, 0.0, 1)]
    table = usage_table("day", rows, json_wanted=False)
    assert "токены по дням  █▁▁▅  2026-01-30 … 2026-02-02" in table
    assert "всего       3        0       ~15              ~15             1.0000  0" in table
    years = usage_table("day", [("2020-01-01", *rows[0][1:]), rows[1]], json_wanted=False)
    assert re.search("(?<![▁-█])[▁-█]{60} ", years)


def test_sparkline() -> None:
    assert sparkline([0, 50, 100]) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""
