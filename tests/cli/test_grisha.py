"""The tools for Grisha's data and memory, as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import grisha_data, grisha_memory

PATTERNS = [
    {"input": "Как дела?", "response": "Лучше всех, ведь ты написал!", "usage_count": 4,
     "learned_at": "2026-01-16T15:30:00"},
    {"input": "Что нового?", "response": "Научился не спорить с кофеваркой.", "usage_count": 0},
]  # fmt: skip
USERS = {"42": {"name": "Аня", "chat_ids": [42, -7], "created_at": "2026-01-16T15:30:00"}}


@pytest.fixture(autouse=True)
def by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in (grisha_data, grisha_memory):
        monkeypatch.setattr(tool, "open_encoder", lambda: None)


def test_imports_searches_decides_and_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patterns, users = tmp_path / "patterns.json", tmp_path / "users.json"
    patterns.write_text(json.dumps(PATTERNS), "utf-8")
    users.write_text(json.dumps(USERS), "utf-8")
    assert grisha_memory.main(["import", "--patterns", str(patterns), "--users", str(users)]) == 0
    assert grisha_memory.main(["search", "кофеваркой"]) == 0
    out = capsys.readouterr().out
    assert "   2 +   0×  Что нового?" in out
    assert "Всего: 1 " in out
    assert grisha_memory.main(["edit", "2", "--answer", "Дружу с кофеваркой."]) == 0
    assert grisha_memory.main(["reject", "1"]) == 0
    assert grisha_memory.main(["users"]) == 0
    assert "Аня" in capsys.readouterr().out
    exported = tmp_path / "exported.json"
    assert grisha_memory.main(["export", "--patterns", str(exported)]) == 0
    (only,) = json.loads(exported.read_text("utf-8"))
    assert only["response"] == "Дружу с кофеваркой."
    assert grisha_memory.main(["approve", "1", "99"]) == 1
    assert "99" in capsys.readouterr().err
    assert grisha_memory.main(["delete", "1", "2"]) == 0
    assert grisha_memory.main(["list"]) == 0
    assert "Всего: 0 " in capsys.readouterr().out


def test_checks_converts_and_imports_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "mixed.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"messages": [{"role": "user", "content": "а"}, {"role": "assistant", "content": "б"}]},
        {"instruction": "Сложи", "input": "1 и 2", "output": "3"},
        {"conversations": [{"from": "human", "value": "в"}, {"from": "gpt", "value": "г"}]},
        {"messages": [{"role": "user"}]},
    ]
    lines = [json.dumps(row) for row in rows]
    source.write_text("\n".join([*lines, "{broken"]), "utf-8")
    assert grisha_data.main([str(source), "--check"]) == 0
    shown = capsys.readouterr()
    assert "Пар: 3, пропущено строк: 2" in shown.out
    assert "строка 4:" in shown.err
    assert "строка 5: не JSON" in shown.err
    assert grisha_data.main([str(source), "--output", str(output)]) == 0
    assert len(output.read_text("utf-8").splitlines()) == 3
    assert grisha_data.main([str(output)]) == 0
    assert "Пар: 3, пропущено строк: 0" in capsys.readouterr().out
    assert grisha_data.main([str(tmp_path / "none.jsonl")]) == 1


def test_lists_exports_and_imports_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fact = {"person_id": 7, "chat_id": 7, "message_id": 3, "text": "живу в Туле", "kinds": ["city"]}
    given, taken = tmp_path / "given.json", tmp_path / "taken.json"
    given.write_text(json.dumps([fact]), "utf-8")
    assert grisha_memory.main(["import", "--facts", str(given)]) == 0
    assert grisha_memory.main(["facts", "Туле", "--user", "7"]) == 0
    assert "живу в Туле" in capsys.readouterr().out
    assert grisha_memory.main(["export", "--facts", str(taken)]) == 0
    (only,) = json.loads(taken.read_text("utf-8"))
    assert only.items() >= fact.items()
