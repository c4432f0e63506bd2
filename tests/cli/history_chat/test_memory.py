"""The memory file: readable, atomic, shared, and never overwritten when it is broken."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.history_chat.session_file import MemoryBroken, MemoryFile, MemoryTooNew, _cut, _join
from cli.history_chat.sessions import Session, dump_session, load_session
from services.env import PROJECT_ROOT

FIELDS = [
    *("session_id", "created_at", "updated_at", "model_name", "api_base_url"),
    *("first_user_message", "title", "summary", "user_turns", "total_input_tokens"),
    *("total_output_tokens", "is_active", "messages"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".chat_memory.json"


@pytest.fixture
def memory(path: Path) -> MemoryFile:
    return MemoryFile(path)


def session(*questions: str, **fields: Any) -> Session:
    made = Session(**fields)
    for question in questions:
        made.add("user", question)
        made.add("assistant", f"Ответ на «{question}»")
    return made


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def texts(session: Session) -> list[str]:
    return [entry.content for entry in session.messages]


def test_the_file_is_the_promised_json(memory: MemoryFile, path: Path) -> None:
    memory.save(session("Привет, 🐈!\nКак дела?", is_active=True))
    text = path.read_text(encoding="utf-8")
    data = json.loads(text)
    assert text == json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    assert "Привет, 🐈!" in text
    assert list(data) == ["schema_version", "active_session_id", "sessions"]
    assert list(data["sessions"][0]) == FIELDS
    assert data["sessions"][0]["title"] == "Привет, 🐈! Как дела?"
    assert data["sessions"][0]["user_turns"] == 1
    assert set(data["sessions"][0]["messages"][0]) == {"role", "content", "time"}
    assert data["active_session_id"] == data["sessions"][0]["session_id"]


def test_an_empty_memory_is_json_too(memory: MemoryFile, path: Path) -> None:
    only = memory.save(session("Раз"))
    memory.forget(only)
    assert read(path) == {"schema_version": 2, "sessions": []}
    assert memory.heads() == []


def test_files_are_private(memory: MemoryFile, path: Path) -> None:
    path.write_text('{"sessions": []}')
    path.chmod(0o644)
    memory.save(session("Раз"))
    for name in (path, memory.backup, Path(f"{path}.lock")):
        assert stat.S_IMODE(name.stat().st_mode) == 0o600, name


def test_the_file_before_stays_as_a_backup(memory: MemoryFile, path: Path) -> None:
    memory.save(session("Раз"))
    before = path.read_bytes()
    memory.save(session("Два"))
    assert memory.backup.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == [
        ".chat_memory.json",
        ".chat_memory.json.bak",
        ".chat_memory.json.lock",
    ]


def test_a_session_comes_back_as_it_was(memory: MemoryFile, path: Path) -> None:
    saved = session("Раз", "Два", model_name="GigaChat", api_base_url="https://x")
    saved.add("summary", "Считали до двух.")
    saved.spend(10, 20)
    memory.save(saved)
    assert MemoryFile(path).open(saved.session_id) == saved


def test_heads_are_the_latest_sessions_with_questions(memory: MemoryFile) -> None:
    old, new = session("Старый"), session("Новый " * 50)
    old.updated_at, new.updated_at = "2026-01-01T00:00:00", "2026-02-01T00:00:00"
    for item in (old, new, session()):
        memory.save(item)
    heads = memory.heads()
    assert [head.session_id for head in heads] == [new.session_id, old.session_id]
    assert len(heads[0].title) == 100


def test_two_programs_keep_each_other_s_sessions(path: Path) -> None:
    one, two = MemoryFile(path), MemoryFile(path)
    first, second = one.save(session("Раз")), two.save(session("Два"))
    one.save(first)
    names = {item["session_id"] for item in read(path)["sessions"]}
    assert names == {first.session_id, second.session_id}


def test_two_programs_in_one_session_lose_nothing(path: Path) -> None:
    one, two = MemoryFile(path), MemoryFile(path)
    here = one.save(session("Начало"))
    there = two.open(here.session_id)
    here.add("user", "Отсюда")
    there.add("user", "Оттуда")
    here.spend(1, 2)
    there.spend(10, 20)
    one.save(here)
    merged = two.save(there)
    assert texts(merged) == ["Начало", "Ответ на «Начало»", "Отсюда", "Оттуда"]
    assert (merged.total_input_tokens, merged.total_output_tokens) == (11, 22)
    assert merged.user_turns == 3
    assert texts(one.save(here)) == texts(merged)


@pytest.mark.parametrize("clears_first", [True, False])
def test_a_session_cleared_elsewhere_stays_cleared(path: Path, clears_first: bool) -> None:
    one, two = MemoryFile(path), MemoryFile(path)
    here = one.save(session("Начало"))
    there = two.open(here.session_id)
    here.clear()
    there.add("user", "Новое")
    for memory, item in ((one, here), (two, there))[:: 1 if clears_first else -1]:
        memory.save(item)
    assert texts(MemoryFile(path).open(here.session_id)) == ["Новое"]


def test_many_programs_at_once(path: Path) -> None:
    def work() -> None:
        memory = MemoryFile(path)
        mine = session()
        for number in range(5):
            mine.add("user", str(number))
            mine = memory.save(mine)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    sessions = read(path)["sessions"]
    assert [len(item["messages"]) for item in sessions] == [5] * 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"schema_version": 2, "sessions": [{"sess',
        b"[]",
        b'{"sessions": {}}',
        b'{"sessions": [1]}',
        b'{"sessions": [{"session_id": 5}]}',
        b'{"sessions": [{"session_id": "a", "messages": [{"role": "king", "content": ""}]}]}',
        b'{"schema_version": "new", "sessions": []}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_not_touched(memory: MemoryFile, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(MemoryBroken):
        memory.heads()
    with pytest.raises(MemoryBroken):
        memory.save(session("Раз"))
    assert path.read_bytes() == content


def test_a_broken_file_is_set_aside_and_the_backup_restored(memory: MemoryFile, path: Path) -> None:
    first = memory.save(session("Раз"))
    memory.save(first)
    broken = path.read_bytes()[:-40]
    path.write_bytes(broken)
    again = MemoryFile(path)
    aside = again.set_aside()
    assert "broken" in aside.name
    assert aside.read_bytes() == broken
    assert again.restore()
    assert [head.session_id for head in again.heads()] == [first.session_id]


def test_a_broken_backup_is_no_backup(memory: MemoryFile) -> None:
    memory.backup.write_text("{")
    assert not memory.restore()
    assert not memory.path.exists()


def test_what_was_read_outlives_a_file_broken_by_others(memory: MemoryFile, path: Path) -> None:
    first, second = memory.save(session("Раз")), session("Два")
    path.write_text("oops")
    memory.set_aside()
    memory.rewrite()
    memory.save(second)
    names = [item["session_id"] for item in read(path)["sessions"]]
    assert names == [first.session_id, second.session_id]


def test_a_newer_file_is_refused_as_it_is(memory: MemoryFile, path: Path) -> None:
    path.write_text('{"schema_version": 3, "sessions": []}')
    with pytest.raises(MemoryTooNew) as caught:
        memory.save(session("Раз"))
    assert caught.value.version == 3
    assert path.read_text() == '{"schema_version": 3, "sessions": []}'


def test_an_older_file_is_migrated(memory: MemoryFile, path: Path) -> None:
    old = {
        "schema_version": 1,
        "sessions": [
            {
                "session_id": "a",
                "updated_at": "2025-01-01T00:00:00",
                "first_user_message": "Привет",
                "summary": "Поздоровались.",
                "user_turns": 1,
                "mood": {"good": True},
                "messages": [{"role": "user", "content": "Привет"}],
            },
            {"session_id": "a", "user_turns": 2, "first_user_message": "Двойник"},
        ],
    }
    path.write_text(json.dumps(old))
    heads = memory.heads()
    assert {head.title for head in heads} == {"Привет", "Двойник"}
    memory.save(session("Новое"))
    data = read(path)
    assert data["schema_version"] == 2
    migrated = data["sessions"][0]
    assert migrated["mood"] == {"good": True}
    assert migrated["summary"] == "Поздоровались."
    assert migrated["messages"] == [
        {"role": "user", "content": "Привет", "time": "2025-01-01T00:00:00"}
    ]


def test_a_file_edited_by_hand_is_read(memory: MemoryFile, path: Path) -> None:
    first = memory.save(session("Раз"))
    path.write_text("\ufeff" + json.dumps(read(path)), encoding="utf-8")
    memory.save(session("Два"))
    assert [item["title"] for item in read(path)["sessions"]] == ["Раз", "Два"]
    assert MemoryFile(path).open(first.session_id) == first


@given(st.lists(st.lists(st.text()), max_size=4))
def test_any_texts_can_be_cut_out_again(conversations: list[list[str]]) -> None:
    sessions = [session(*questions, extra={"note": questions}) for questions in conversations]
    pieces = {
        item.session_id: "    " + dump_session(item).replace("\n", "\n    ") for item in sessions
    }
    text = "".join(_join(pieces, None))
    assert json.loads(text)["sessions"] == [json.loads(dump_session(item)) for item in sessions]
    if sessions:
        assert _cut(text) == pieces
        assert [load_session(piece) for piece in pieces.values()] == sessions


SAVER = """
import sys
from pathlib import Path
from cli.history_chat.session_file import MemoryFile
memory = MemoryFile(Path(sys.argv[1]))
heads = memory.heads()
from cli.history_chat.sessions import Session
session = memory.open(heads[0].session_id) if heads else Session()
while True:
    session.add("user", f"{session.user_turns} " + "слово " * 2000)
    session = memory.save(session)
    print(session.user_turns, flush=True)
"""


def test_kill_at_any_moment_leaves_all_that_was_saved(path: Path) -> None:
    saved = 0
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path)],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            process.stdout.readline()  # it is at work
            time.sleep(random.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            told = process.stdout.read().split()
        saved = max([saved, *map(int, told[:-1])])
        messages = read(path)["sessions"][0]["messages"]
        assert len(messages) >= saved
        assert [int(item["content"].split()[0]) for item in messages] == list(range(len(messages)))
        MemoryFile(path).heads()


SECRET = "тайна «кота»\nи собаки, которую никто не должен прочесть"


def everything(folder: Path) -> str:
    """What all files of a folder hold, with JSON's escapes undone."""
    found = [file.read_text("utf-8", "replace") for file in folder.iterdir()]
    return "\n".join(
        f"{text} {text.encode().decode('unicode_escape', 'replace')}" for text in found
    )


@pytest.mark.parametrize("act", ["forget", "clear"])
def test_no_word_of_a_deleted_session_stays_in_any_file(
    memory: MemoryFile, path: Path, act: str
) -> None:
    other = memory.save(session("Остаётся"))
    secret = memory.save(session(SECRET, f"И ещё: {SECRET}", summary=f"Речь о «{SECRET}»"))
    whole = path.read_text("utf-8")
    broken = path.with_name(f"{path.name}.broken-20260101")
    broken.write_text(whole[: whole.rindex("никто не")], "utf-8")  # as after a power cut
    path.with_name(f"{path.name}.broken-20260102").write_text(json.dumps(json.loads(whole)) + "}")
    path.with_name(f"{path.name}.bak.tmp").write_text(whole, "utf-8")
    path.with_name(f"{path.name}.tmp").write_text(whole, "utf-8")
    memory.save(secret)  # now the backup has it too
    getattr(memory, act)(secret)
    left = everything(path.parent)
    for word in ("тайна", "собаки", "никто не должен", "\\u0442\\u0430\\u0439"):
        assert word not in left
    assert "Остаётся" in path.read_text("utf-8")
    assert "Остаётся" in memory.backup.read_text("utf-8")
    assert "Остаётся" in broken.read_text("utf-8"), "other sessions stay"
    assert other.session_id in read(path)["sessions"][0].values()
    assert memory.restore()
