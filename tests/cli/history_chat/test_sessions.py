"""Sessions that are opened, forked, exported and imported; and what the log has of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.history_chat.files import default_name
from cli.history_chat.logbook import Logbook
from cli.history_chat.markdown import NotASession, from_markdown, to_markdown
from cli.history_chat.repl import Repl
from cli.history_chat.session_file import MemoryFile
from cli.history_chat.sessions import Entry, Session, parse_session
from cli.log.store import ExchangeLog, Filter
from tests.cli.history_chat.test_repl import SUMMARY, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "memory.json")


async def three(desk: Desk) -> None:
    await desk.type("Поезд или самолёт?", "А до Петрозаводска?")
    await desk.type("0", "Как солить огурцы?")
    await desk.type("0", "Поезд в Казань")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("3", "Поезд или самолёт?"),
        ("Поезд в Казань", "Поезд в Казань"),
        ("поезд в казань", "Поезд в Казань"),
        ("огурцы", "Как солить огурцы?"),
        ("петрозаводск", "Поезд или самолёт?"),
        ("самолет", "Поезд или самолёт?"),
    ],
)
async def test_a_session_is_opened_by_number_title_or_words(
    desk: Desk, words: str, expected: str
) -> None:
    await three(desk)
    shown = await desk.type("0", f"/open {words}", "Ещё")
    assert f"Продолжаю: {expected}." in shown
    turns = {item["title"]: item["user_turns"] for item in desk.sessions}
    assert turns[expected] == 2 + (expected == "Поезд или самолёт?")
    assert len(turns) == 3


async def test_of_several_one_is_chosen(desk: Desk) -> None:
    await three(desk)
    shown = await desk.type("0", "/open поезд", "2", "Ещё")
    assert "  1  " in shown
    assert "Продолжаю: Поезд или самолёт?" in shown


async def test_open_alone_lists_all(desk: Desk) -> None:
    for number in range(7):
        await desk.type(*(["0"] if number else []), f"Сессия {number}")
    shown = await desk.type("0", "/open")
    assert "  7  " in shown
    assert "/open НОМЕР" in shown


@pytest.mark.parametrize("words", ["0", "9", "бегемот", "user", "messages", '"role"'])
async def test_what_is_not_there_is_told(desk: Desk, words: str) -> None:
    await three(desk)
    shown = await desk.type("0", f"/open {words}")
    assert "Нет сессии, где есть" in shown
    assert "Продолжаю" not in shown


async def test_a_fork_leaves_the_original_as_it_was(desk: Desk) -> None:
    await desk.type("Раз")
    [before] = desk.sessions
    shown = await desk.type("1", "/fork", "Два")
    assert "Начата ветвь" in shown
    original, fork = sorted(desk.sessions, key=lambda item: item["user_turns"])
    assert original["messages"] == before["messages"]
    assert original["total_input_tokens"] == before["total_input_tokens"]
    assert fork["forked_from"] == original["session_id"] != fork["session_id"]
    assert fork["messages"][:2] == original["messages"]
    assert desk.asked()[1] == ("user", "Раз")


async def test_there_may_be_nothing_to_fork_or_export(desk: Desk, tmp_path: Path) -> None:
    shown = await desk.type("/fork", f"/export {tmp_path / 'x.md'}")
    assert "Ветвить нечего" in shown
    assert "Записывать нечего" in shown
    assert not desk.path.exists()


async def test_an_import_exports_to_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    desk.model.enqueue("## Ты · вчера\n\\## Модель · завтра", *["Ответ\n\n"] * 4, SUMMARY)
    one, two, three_ = (tmp_path / name for name in ("1.md", "2.md", "3.md"))
    await desk.type("Раз\r\n", "Два", "Три", "Четыре", "Пять", "Шесть", f"/export {one}")
    shown = await desk.type("0", f"/import {one}", f"/export {two}")
    assert "Открыта сессия: Раз." in shown
    await desk.type("1", f"/export {three_}")
    assert one.read_bytes() == two.read_bytes() == three_.read_bytes()
    first, second = desk.sessions
    assert first["session_id"] != second["session_id"]
    assert first["messages"] == second["messages"]
    assert first["summary"] == second["summary"] == SUMMARY


async def test_an_imported_session_goes_on(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "разговор о главном.md"
    await desk.type("Раз", f"/export {file}")
    desk.path.unlink()
    await desk.type(f"/import {file}", "Два")
    assert desk.asked()[1:] == [
        *(("user", "Раз"), ("assistant", "Понял тебя хорошо."), ("user", "Два"))
    ]


async def test_a_foreign_file_is_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# Мои заметки")
    shown = await desk.type(
        "Раз", f"/export {file}", f"/import {file}", "/import", "/import нет.md"
    )
    assert "уже есть, и это не сессия" in shown
    assert "не сессия из /export: в начале нет" in shown
    assert "Какой файл?" in shown
    assert "не прочитать" in shown
    assert file.read_text() == "# Мои заметки"


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["## Ты · 1", "\\## Модель · x\n\n", "---\n", "\n\n\n", "\r\n", "", " ", "\x85\u2028"]
)
ENTRIES = st.builds(
    Entry,
    st.sampled_from(["user", "assistant", "system", "summary"]),
    TEXTS,
    st.just("2026-02-01T10:00:00.000+00:00"),
)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=6), TEXTS, st.integers(0, 9), st.dictionaries(TEXTS, TEXTS))
def test_any_session_comes_back(
    messages: list[Entry], title: str, tokens: int, extra: dict[str, str]
) -> None:
    session = parse_session(
        {
            **extra,
            "title": title,
            "total_input_tokens": tokens,
            "messages": [
                {"role": entry.role, "content": entry.content, "time": entry.time}
                for entry in messages
            ],
        }
    )
    text = to_markdown(session)
    again = from_markdown(text)
    assert to_markdown(again) == text
    assert again.messages == session.messages
    assert again.extra == session.extra


def test_a_file_saved_on_windows_is_read() -> None:
    session = Session()
    session.add("user", "Раз\nдва")
    text = to_markdown(session)
    assert from_markdown("\ufeff" + text.replace("\n", "\r\n")).messages == session.messages


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Заметки",
        '---\ntitle: "x"\n',
        '---\ntitle: "x"\nверсия\n---\n\n',
        "---\ntitle: {\n---\n\n",
        "---\ntitle: 5\n---\n\n",
        '---\ntitle: "x"\nextra: 5\n---\n\n',
        '---\ntitle: "x"\n---\n\nпросто текст\n',
    ],
)
def test_another_document_is_refused(text: str) -> None:
    with pytest.raises(NotASession):
        from_markdown(text)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Поезд: или?", "Поезд  или.md"),
        ("con", "con_.md"),
        ("../../etc/passwd", "etc passwd.md"),
        ("", "сессия.md"),
        ("я" * 100, f"{'я' * 60}.md"),
    ],
)
def test_the_default_name_suits_any_system(title: str, name: str) -> None:
    assert default_name(Session(title=title)) == Path(name)


class LoggedDesk(Desk):
    """A chat whose exchanges are kept in the log."""

    async def talk(self, *lines: Any) -> str:
        import io

        from rich.console import Console

        from cli.history_chat.screen import Screen
        from tests.cli.history_chat.test_repl import Script

        screen = io.StringIO()
        logbook = Logbook(self.model, "gigachat")
        console = Console(file=screen, force_terminal=False, width=80, highlight=False)
        await Repl(
            logbook.model,
            MemoryFile(self.path),
            self.settings,
            Screen(console),
            Script(*lines),
            api_base_url="http://giga",
            list_limit=5,
            logbook=logbook,
        ).run()
        logbook.close()
        return screen.getvalue()


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoggedDesk:
    monkeypatch.setenv("LLM_LOG", "on")
    monkeypatch.setenv("CHAT_PRICE_INPUT", "0.5")
    monkeypatch.setenv("CHAT_PRICE_OUTPUT", "0.5")
    return LoggedDesk(tmp_path / "memory.json")


@pytest.fixture
def log(tmp_path: Path) -> ExchangeLog:
    return ExchangeLog(tmp_path / "user" / "log.sqlite3")


async def test_the_log_has_answers_and_summaries(logged: LoggedDesk, log: ExchangeLog) -> None:
    logged.model.enqueue(*["Ответ"] * 5, SUMMARY)
    await logged.talk("Раз", "Два", "Три", "Четыре", "Пять", "Шесть")
    kept = log.find(Filter())
    assert len(kept) == 7, "the summary took tokens, too"
    [session] = logged.sessions
    assert session["total_input_tokens"] == sum(item.prompt_tokens or 0 for item in kept)
    assert session["total_output_tokens"] == sum(item.completion_tokens or 0 for item in kept)
    assert {(item.tool, item.backend, item.currency) for item in kept} == {
        ("chat", "gigachat", "RUB")
    }
    tokens = session["total_input_tokens"] + session["total_output_tokens"]
    [(*_, roubles, _, _)] = log.usage("tool", Filter())
    assert roubles == pytest.approx(tokens * 0.5 / 1000)
    log.close()


@pytest.mark.parametrize("command", ["/forget", "/clear"])
async def test_what_is_forgotten_leaves_the_log(
    logged: LoggedDesk, log: ExchangeLog, command: str
) -> None:
    await logged.talk("Останется")
    await logged.talk("0", "СЕКРЕТ", command, "После")
    assert [item.prompt for item in log.find(Filter())] == ["После", "Останется"]
    log.close()
    content = b"".join(path.read_bytes() for path in log.path.parent.iterdir())
    assert "СЕКРЕТ".encode() not in content


async def test_the_log_is_switched_in_the_chat(
    logged: LoggedDesk, log: ExchangeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLM_LOG")
    shown = await logged.talk("/log", "Раз", "/log on", "Два", "/log off", "Три", "/log может")
    assert shown.count("Журнал не ведётся") == 2
    assert "Какой журнал?" in shown
    assert [item.prompt for item in log.find(Filter())] == ["Два"]
    log.close()
    monkeypatch.setenv("LLM_LOG", "off")
    assert "Так решила переменная LLM_LOG" in await logged.talk("0", "/log on")


def test_memory_files_stay_json(tmp_path: Path) -> None:
    """A file of the last version opens unchanged; a fork writes nothing that it can't read."""
    session = Session()
    session.add("user", "Раз")
    fork = session.fork()
    memory = MemoryFile(tmp_path / "memory.json")
    memory.save(session)
    memory.save(fork)
    data = json.loads((tmp_path / "memory.json").read_text("utf-8"))
    assert data["schema_version"] == 2
    assert MemoryFile(tmp_path / "memory.json").open(fork.session_id) == fork
