"""The log's database: what is found, summed up, erased; two writers, a kill, older versions."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.log import schema
from cli.log.store import Exchange, ExchangeLog, Filter, Outcome, Question
from cli.shell import Problem
from services.chat import Message, Usage
from services.timing import Price

USAGE = Usage(3, 2)
PRICE = Price(65_000, 130_000, "договор", "RUB")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ExchangeLog]:
    log = ExchangeLog(tmp_path / "user" / "log.sqlite3")
    yield log
    log.close()


def keep(
    log: ExchangeLog,
    prompt: str,
    answer: str = "Ответ",
    *,
    talk: int | None = None,
    usage: Usage | None = USAGE,
    price: Price | None = None,
    **outcome: str | None,
) -> int:
    number = log.begin(Question("hf", "openai", "m", prompt, talk_id=talk))
    log.finish(number, Outcome(1.5, answer, "m-1", usage=usage, price=price, **outcome))
    return number


def prompts(found: list[Exchange]) -> list[str]:
    return [exchange.prompt for exchange in found]


def test_an_exchange_is_kept_as_it_was(log: ExchangeLog) -> None:
    number = log.begin(Question("hf", "gigachat", "GigaChat", "Кто ты?", system="Будь краток"))
    started = log.get(number)
    assert started is not None
    assert (started.answer, started.finish_reason) == (None, None)
    outcome = Outcome(2.0, "Я", "GigaChat-2", "stop", None, 0.5, Usage(10, 20, 4), PRICE)
    log.finish(number, outcome)
    kept = log.get(number)
    assert kept is not None
    assert (kept.prompt, kept.system, kept.answer) == ("Кто ты?", "Будь краток", "Я")
    assert (kept.prompt_tokens, kept.completion_tokens, kept.cached_tokens) == (10, 20, 4)
    assert (kept.prompt_price, kept.completion_price, kept.currency) == (65_000, 130_000, "RUB")
    assert kept.cost == pytest.approx(10 * 0.065 + 20 * 0.13)
    assert (kept.seconds, kept.first_token_seconds, kept.answered_by) == (2.0, 0.5, "GigaChat-2")


def test_only_the_owner_reads_the_files(log: ExchangeLog) -> None:
    keep(log, "Тайна")
    for path in log.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("кошка", ["Моя кошка спит"]),
        ("КОШКАМИ", ["Моя кошка спит"]),
        ("елка", ["Где купить ёлку?"]),
        ("ёлку купить", ["Где купить ёлку?"]),
        ('"купить ёлку"', ["Где купить ёлку?"]),
        ('"ёлку купить"', []),
        ("«кошка спит»", ["Моя кошка спит"]),
        ("нет", []),
        ("кошка ёлка", []),
        ("C++", ["Что такое C++?"]),
        ('"', []),
        ("AND OR NOT", []),
        ("кот* OR col:x", []),
    ],
)
def test_words_are_found_in_any_form(log: ExchangeLog, words: str, expected: list[str]) -> None:
    for prompt in ("Моя кошка спит", "Где купить ёлку?", "Что такое C++?"):
        keep(log, prompt)
    assert prompts(log.find(Filter(words=words))) == expected


def test_answers_and_changes_are_searched_too(log: ExchangeLog) -> None:
    keep(log, "Вопрос", "Про бегемота")
    assert prompts(log.find(Filter(words="бегемот"))) == ["Вопрос"]
    log.erase([1])
    assert log.find(Filter(words="бегемот")) == []


def test_filters(log: ExchangeLog) -> None:
    talk = log.open_talk("hf", "отпуск")
    keep(log, "Раз", talk=talk.id)
    keep(log, "Два")
    assert prompts(log.find(Filter())) == ["Два", "Раз"]
    assert prompts(log.find(Filter(), 1)) == ["Два"]
    assert prompts(log.find(Filter(talk="отпуск"))) == ["Раз"]
    assert log.find(Filter(model="другая")) == []
    assert len(log.find(Filter(model="M-1", tool="hf", since="2020-01-01"))) == 2
    assert log.find(Filter(until="2020-01-01")) == []


def test_a_talk_is_what_was_answered(log: ExchangeLog) -> None:
    talk = log.open_talk("hf", "имя")
    keep(log, "Раз", "Один", talk=talk.id)
    keep(log, "Плохо", "нача", talk=talk.id, error="Unavailable")
    log.begin(Question("hf", "openai", "m", "Убит", talk_id=talk.id))
    assert log.messages(talk) == [Message("user", "Раз"), Message("assistant", "Один")]
    assert log.open_talk("hf", "имя") == talk
    last = log.last_talk(("hf",))
    assert last == talk
    assert log.last_talk(("llama3",)) is None


def test_a_tools_result_is_no_question_of_the_user(log: ExchangeLog) -> None:
    talk = log.open_talk("hf")
    keep(log, "Погода?", "", talk=talk.id, finish_reason="function_call")
    number = log.begin(Question("hf", "openai", "m", '{"t": 5}', role="function", talk_id=talk.id))
    log.finish(number, Outcome(1.0, "Пять градусов", "m"))
    assert [message.content for message in log.messages(talk)] == ["Погода?", "Пять градусов"]


def test_erased_words_are_in_no_file(log: ExchangeLog) -> None:
    for number in range(30):
        keep(log, f"Обычный вопрос {number}")
    secret = keep(log, "СЕКРЕТНОСЛОВО тайна", "СЕКРЕТНЫЙОТВЕТ")
    talk = log.open_talk("chat", "session:1")
    keep(log, "ЧЕТВЁРТЫЙСЕКРЕТ", talk=talk.id)
    assert log.erase([secret]) == 1
    log.erase_talk("session:1")
    assert log.talk("session:1") is None
    content = b"".join(path.read_bytes() for path in log.path.parent.iterdir()).lower()
    for word in ("секретнослово", "секретныйответ", "четвёртыйсекрет", "четвертыйсекрет"):
        assert word.encode() not in content
        assert word.upper().encode() not in content
    assert len(log.find(Filter())) == 30


def test_sums(log: ExchangeLog) -> None:
    keep(log, "Раз", usage=Usage(10, 5), price=PRICE)
    keep(log, "Два", usage=Usage(1, 1, approximate=True), price=Price(2, 4, "сайт"))
    keep(log, "Три", usage=None, error="Unavailable")
    [(key, count, errors, asked, answered, roubles, dollars, approximate)] = log.usage(
        "tool", Filter()
    )
    assert (key, count, errors, asked, answered, approximate) == ("hf", 3, 1, 11, 6, 1)
    assert roubles == pytest.approx(10 * 0.065 + 5 * 0.13)
    assert dollars == pytest.approx(6e-6)


def write_many(path: Path, name: str, count: int) -> None:
    log = ExchangeLog(path)
    for number in range(count):
        keep(log, f"{name} {number}")
    log.close()


def test_writers_at_once_lose_nothing(log: ExchangeLog) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=write_many, args=(log.path, name, 40)) for name in ("а", "б", "в")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    found = prompts(log.find(Filter()))
    assert sorted(found) == sorted(f"{name} {n}" for name in "абв" for n in range(40))


def write_and_die(path: Path, pipe: int) -> None:
    log = ExchangeLog(path)
    for number in range(50):
        keep(log, f"вопрос {number}")
        os.write(pipe, b".")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a pipe is inherited")
def test_a_kill_loses_nothing(log: ExchangeLog) -> None:
    reading, writing = os.pipe()
    writer = multiprocessing.get_context("fork").Process(
        target=write_and_die, args=(log.path, writing)
    )
    writer.start()
    writer.join(60)
    os.close(writing)
    told = len(os.read(reading, 1000))
    os.close(reading)
    assert writer.exitcode == -signal.SIGKILL
    assert told == 50
    assert len(log.find(Filter())) == told
    assert sqlite3.connect(log.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_older_database_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ExchangeLog(tmp_path / "log.sqlite3")
    keep(old, "Старый вопрос")
    old.close()
    added = ("ALTER TABLE exchange ADD COLUMN mood TEXT",)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, added))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    new = ExchangeLog(tmp_path / "log.sqlite3")
    assert prompts(new.find(Filter(words="старого"))) == ["Старый вопрос"]
    new.close()
    columns = sqlite3.connect(new.path).execute("SELECT mood FROM exchange").fetchall()
    assert columns == [(None,)]


def test_a_newer_database_is_left_alone(log: ExchangeLog) -> None:
    keep(log, "Раз")
    log.close()
    with sqlite3.connect(log.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(Problem, match="более новой версией"):
        log.find(Filter())


def test_a_file_that_is_no_log_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite3").write_bytes(b"not a database at all, but long enough" * 100)
    with pytest.raises(Problem, match="не открыть"):
        keep(ExchangeLog(tmp_path / "log.sqlite3"), "Раз")
    with pytest.raises(Problem, match="не открыть"):
        ExchangeLog(tmp_path / "log.sqlite3" / "nested").find(Filter())
