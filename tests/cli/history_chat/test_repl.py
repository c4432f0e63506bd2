"""The chat at the console: what is said, shown, summed up and kept."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from rich.console import Console

from cli.history_chat.config import ConsoleSettings
from cli.history_chat.reader import _CommandCompleter
from cli.history_chat.repl import COMMANDS, Repl
from cli.history_chat.screen import Screen, clean, split_blocks
from cli.history_chat.session_file import MemoryFile
from services.errors import ContentRejected, ModelLoading, Unavailable
from tests.fakes.chat import FakeChatModel

SUMMARY = "Говорили о числах."


class Script:
    """A reader that types these lines; a callable among them does something instead."""

    def __init__(self, *lines: Any) -> None:
        self._lines = iter(lines)
        self.recalled: list[str] = []

    async def read(self, prompt: str) -> str:
        for line in self._lines:
            if not callable(line):
                return line
            line()
        raise EOFError

    def recall(self, lines: Iterable[str]) -> None:
        self.recalled.extend(lines)


class Desk:
    """A chat at a console without a terminal, to be run several times over one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = FakeChatModel("Понял тебя хорошо.")
        self.settings = ConsoleSettings()
        self.script = Script()

    async def type(self, *lines: Any, terminal: bool = False) -> str:
        """Run the chat over these lines; return what it printed."""
        screen = io.StringIO()
        console = Console(file=screen, force_terminal=terminal, width=80, highlight=False)
        self.script = Script(*lines)
        await asyncio.wait_for(
            Repl(
                self.model,
                MemoryFile(self.path),
                self.settings,
                Screen(console),
                self.script,
                api_base_url="http://giga",
                list_limit=5,
            ).run(),
            20,
        )
        return screen.getvalue()

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return json.loads(self.path.read_text(encoding="utf-8"))["sessions"]

    def asked(self, number: int = -1) -> list[tuple[str, str]]:
        """The messages of a request."""
        return [(item.role, item.content) for item in self.model.history[number][0]]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "memory.json")


async def test_an_answer_is_shown_counted_and_kept(desk: Desk) -> None:
    shown = await desk.type("Привет")
    assert "Понял тебя хорошо.\nвопрос " in shown
    [session] = desk.sessions
    assert [item["role"] for item in session["messages"]] == ["user", "assistant"]
    assert session["title"] == "Привет"
    assert session["model_name"] == "fake"
    assert session["api_base_url"] == "http://giga"
    assert session["total_output_tokens"] == 3
    assert session["is_active"] is False


async def test_the_model_hears_the_dialogue(desk: Desk) -> None:
    await desk.type("Раз", "Два")
    assert desk.asked()[1:] == [
        ("user", "Раз"),
        ("assistant", "Понял тебя хорошо."),
        ("user", "Два"),
    ]


async def test_a_session_goes_on_after_a_restart(desk: Desk) -> None:
    desk.model.enqueue(*["Ответ"] * 5, SUMMARY)
    await desk.type("Раз", "Два", "Три", "Четыре", "Пять", "/exit")
    shown = await desk.type("1", "Шесть")
    assert "  1  " in shown
    assert "Раз" in shown
    system, *turns = desk.asked()
    assert system[0] == "system"
    assert SUMMARY in system[1]
    assert [text for role, text in turns if role == "user"] == ["Четыре", "Пять", "Шесть"]
    assert len(desk.sessions) == 1
    assert desk.script.recalled == ["Раз", "Два", "Три", "Четыре", "Пять"]


async def test_five_questions_become_a_summary_and_all_is_kept(desk: Desk) -> None:
    desk.model.enqueue(*["Ответ"] * 5, SUMMARY)
    shown = await desk.type("Раз", "Два", "Три", "Четыре", "Пять", "Шесть", "/memory")
    assert "История сжата" in shown
    assert "Символов в резюме: 18" in shown
    assert "Пользователь: Раз" in desk.asked(5)[1][1]
    assert "Четыре" not in desk.asked(5)[1][1]
    roles = [item["role"] for item in desk.sessions[0]["messages"]]
    assert roles == ["user", "assistant"] * 5 + ["summary"] + ["user", "assistant"]
    assert desk.sessions[0]["summary"] == SUMMARY
    assert desk.sessions[0]["user_turns"] == 6


async def test_the_next_summary_builds_on_the_last(desk: Desk) -> None:
    desk.model.enqueue(*["Ответ"] * 5, SUMMARY)
    await desk.type(*map(str, range(10)))
    request = next(text for role, text in desk.asked(11) if role == "user")
    assert SUMMARY in request
    assert "Пользователь: 3\n" in request
    assert "Пользователь: 2\n" not in request


@pytest.mark.parametrize("problem", [Unavailable("down"), "  "])
async def test_a_failed_summary_loses_nothing(desk: Desk, problem: Any) -> None:
    desk.model.enqueue(*["Ответ"] * 5, problem)
    shown = await desk.type("Раз", "Два", "Три", "Четыре", "Пять", "Шесть")
    assert "Сжать историю не вышло" in shown
    assert [text for role, text in desk.asked(6) if role == "user"] == [
        *("Раз", "Два", "Три", "Четыре", "Пять", "Шесть")
    ]


async def test_an_error_is_told_and_the_chat_goes_on(desk: Desk) -> None:
    desk.model.enqueue(ContentRejected("blacklist"), "Ответ")
    shown = await desk.type("Плохое", "Хорошее")
    assert "/clear" in shown
    assert "blacklist" not in shown
    assert desk.asked()[1:] == [("user", "Хорошее")]
    assert [item["content"] for item in desk.sessions[0]["messages"]] == [
        *("Плохое", "Хорошее", "Ответ")
    ]


async def test_a_model_that_loads_is_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.history_chat.conversation.LOADING_POLL", 0.01)
    desk.model.enqueue(ModelLoading("", progress=0.4), ModelLoading("", progress=None), "Ответ")
    shown = await desk.type("Привет")
    assert "Модель загружается…\nОтвет\n" in shown
    assert desk.sessions[0]["user_turns"] == 1


async def test_ctrl_c_stops_the_answer_and_not_the_program(desk: Desk) -> None:
    desk.model.enqueue("Раз два три четыре", "Ответ")
    desk.model.delay = 0.05
    loop = asyncio.get_running_loop()
    loop.call_later(0.15, os.kill, os.getpid(), signal.SIGINT)
    shown = await desk.type("Считай", "Дальше")
    assert "Ответ прерван." in shown
    first = desk.sessions[0]["messages"][1]["content"]
    assert first.startswith("Раз")
    assert not first.endswith("четыре")
    assert desk.sessions[0]["messages"][3]["content"] == "Ответ"
    assert desk.model.active == 0


async def test_stats_with_a_price(desk: Desk) -> None:
    desk.settings = ConsoleSettings(CHAT_PRICE_INPUT=1000, CHAT_PRICE_OUTPUT=10_000)
    shown = await desk.type("/stats", "Привет", "/stats")
    [session] = desk.sessions
    asked = session["total_input_tokens"]
    assert "Ответов в этом запуске ещё не было." in shown
    assert f"Токены последнего запроса: {asked}, ответа: 3." in shown
    assert f"Токены за сессию: запросы {asked}, ответы 3, всего {asked + 3}." in shown
    assert f"сессия {asked + 30:.4f} ₽" in shown


async def test_clear_empties_the_session_and_keeps_it(desk: Desk) -> None:
    await desk.type("Раз", "/clear", "/history")
    [session] = desk.sessions
    assert (session["messages"], session["summary"], session["user_turns"]) == ([], "", 0)
    await desk.type("Два")
    assert desk.asked()[1:] == [("user", "Два")]


async def test_forget_deletes_the_session(desk: Desk) -> None:
    await desk.type("Раз")
    await desk.type("1", "/forget", "Два")
    assert [session["title"] for session in desk.sessions] == ["Два"]
    assert desk.asked()[1:] == [("user", "Два")]


async def test_load_chooses_another_session(desk: Desk) -> None:
    await desk.type("Первый")
    await desk.type("0", "Второй", "/load", "2", "Ещё")
    titles = {item["title"]: item["user_turns"] for item in desk.sessions}
    assert titles == {"Первый": 2, "Второй": 1}


async def test_history_shows_what_the_model_remembers(desk: Desk) -> None:
    desk.model.enqueue(*["Ответ"] * 5, SUMMARY)
    shown = await desk.type("Раз", "Два", "Три", "Четыре", "Пять", "/history")
    assert f"Резюме: {SUMMARY}\nТы: Четыре\nМодель: Ответ\nТы: Пять\n" in shown


async def test_save_writes_even_an_empty_session(desk: Desk) -> None:
    shown = await desk.type("/save")
    assert str(desk.path) in shown
    assert desk.sessions[0]["messages"] == []


async def test_nothing_said_leaves_no_file(desk: Desk) -> None:
    await desk.type("", "/stats", "/help", "/exit")
    assert not desk.path.exists()


async def test_an_unknown_command_does_not_reach_the_model(desk: Desk) -> None:
    shown = await desk.type("/стат", "/exitt")
    assert "Такой команды нет: /стат." in shown
    assert not desk.model.history


async def test_every_command_is_in_help(desk: Desk) -> None:
    shown = await desk.type("/help")
    assert all(command in shown for command in COMMANDS)


async def test_a_wrong_number_is_asked_again_and_text_is_a_question(desk: Desk) -> None:
    await desk.type("Раз")
    shown = await desk.type("7", "Новый разговор")
    assert "Такого номера нет" in shown
    assert {item["title"] for item in desk.sessions} == {"Раз", "Новый разговор"}


async def test_the_list_shows_the_latest_five(desk: Desk) -> None:
    for number in range(7):
        await desk.type(*(["0"] if number else []), f"Сессия {number}")
    shown = await desk.type("/exit")
    assert "  5  " in shown
    assert "  6  " not in shown
    assert "Сессия 1" not in shown
    assert shown.index("Сессия 6") < shown.index("Сессия 2")


async def test_a_broken_file_is_told_and_its_backup_offered(desk: Desk) -> None:
    await desk.type("Раз", "Два")
    desk.path.write_text('{"schema_version": 2, "sess')
    shown = await desk.type("", "1", "Три")
    assert "Файл памяти повреждён" in shown
    assert "Память восстановлена" in shown
    assert desk.sessions[0]["user_turns"] == 3
    assert len(list(desk.path.parent.glob("*.broken-*"))) == 1


async def test_a_backup_may_be_declined(desk: Desk) -> None:
    await desk.type("Раз", "Два")
    desk.path.write_text("oops")
    await desk.type("n", "Новое")
    assert [item["title"] for item in desk.sessions] == ["Новое"]


async def test_a_file_broken_while_we_talk_is_set_aside(desk: Desk) -> None:
    shown = await desk.type("Раз", lambda: desk.path.write_text("oops"), "Два")
    assert "Файл памяти повреждён" in shown
    assert desk.sessions[0]["user_turns"] == 2
    [aside] = desk.path.parent.glob("*.broken-*")
    assert aside.read_text() == "oops"


async def test_a_file_of_a_newer_version_stops_saving_not_talking(desk: Desk) -> None:
    newer = '{"schema_version": 99, "sessions": []}'
    shown = await desk.type("Раз", lambda: desk.path.write_text(newer), "Два")
    assert "более новой версией" in shown
    assert desk.path.read_text() == newer
    assert len(desk.model.history) == 2


@pytest.mark.parametrize("text", ["я" * 10_000, "👩‍👩‍👧 東京 е́", "a\ud83d", "строка\nещё одна"])
async def test_any_text_may_be_typed(desk: Desk, text: str) -> None:
    desk.model.default = "Эхо: 東京 👩‍👩‍👧"
    shown = await desk.type(text)
    assert "Эхо: 東京 👩‍👩‍👧" in shown
    expected = text.encode(errors="replace").decode()
    assert desk.sessions[0]["messages"][0]["content"] == expected


async def test_a_terminal_gets_markdown(desk: Desk) -> None:
    desk.model.default = "Вот **жирное**\n\n1. один\n2. два\n\n```python\nprint(1)\n```\nКонец"
    shown = await desk.type("Покажи", terminal=True)
    assert "**" not in shown
    assert "```" not in shown
    assert "\x1b[1mжирное\x1b[0m" in shown


async def test_an_answer_cannot_command_the_terminal(desk: Desk) -> None:
    desk.model.default = "Смотри \x1b[2J\x1b]0;заголовок\x07 сюда"
    shown = await desk.type("Привет")
    assert "\x1b" not in shown
    assert clean("a\x9b1mb\tc\n") == "a1mb\tc\n"


@pytest.mark.parametrize(
    ("text", "done", "rest"),
    [
        ("Раз\n\nДва", "Раз", "Два"),
        ("Раз\n\n", "", "Раз\n\n"),
        ("Раз\nДва", "", "Раз\nДва"),
        ("1. раз\n\n2. два", "", "1. раз\n\n2. два"),
        ("- раз\n\n  ещё о нём", "", "- раз\n\n  ещё о нём"),
        ("Код:\n\n```\na\n\nb", "Код:", "```\na\n\nb"),
        ("```\na\n\nb\n```\n\nКонец", "```\na\n\nb\n```", "Конец"),
    ],
)
def test_only_finished_blocks_are_cut_off(text: str, done: str, rest: str) -> None:
    assert split_blocks(text) == (done, rest)


def test_commands_are_completed_and_questions_are_not() -> None:
    def complete(text: str) -> list[str]:
        found = _CommandCompleter(COMMANDS).get_completions(Document(text), CompleteEvent())
        return [item.text for item in found]

    assert complete("/h") == ["/help", "/history"]
    assert complete("что такое /h") == []
