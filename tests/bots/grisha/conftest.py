"""A Grisha whose data set is small, so that a test starts in no time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.common import replies
from bots.common.intake import Pastes
from bots.grisha import bot as grisha_bot
from tests.bots.harness import RunningBot, running_bot

DIALOGUES = [
    ("Какая сегодня погода?", "За моим окном только нули и единицы. А за твоим?"),
    ("Мне грустно", "Обнимаю цифровыми руками. Что случилось?"),
    ("Расскажи анекдот", "Программист купил слона. Тот не запустился."),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.1)
    monkeypatch.setattr(replies, "GROUP_INTERVAL", 0.1)
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.03)
    monkeypatch.setattr(Pastes, "QUIET", 0.02)
    monkeypatch.setenv("GRISHA_COMMENT_PAUSE", "0")
    monkeypatch.setattr(grisha_bot, "open_encoder", lambda: None)  # by words: no model to load


@pytest.fixture(autouse=True)
def small_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "dialogues.jsonl"
    path.write_text(
        "\n".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": question},
                        {"role": "assistant", "content": answer},
                    ]
                },
                ensure_ascii=False,
            )
            for question, answer in DIALOGUES
        ),
        "utf-8",
    )
    monkeypatch.setattr(grisha_bot, "OWN_DATASET", path)
    monkeypatch.setenv("GRISHA_DATASET_FILE", str(tmp_path / "none.jsonl"))
    return path


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(grisha_bot.create_dispatcher, tmp_path / "var") as running:
        yield running
