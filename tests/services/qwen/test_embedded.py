"""The model from PyPI: prepared once, whole or not at all, and it speaks Russian."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from services.chat import Message
from services.errors import ModelLoading, Unavailable
from services.qwen import LocalModel, LocalModelSettings
from services.qwen.embedded import Preparation, model_folder


@pytest.mark.slow
async def test_speaks_russian(prepared_data_dir: Path) -> None:
    model = LocalModel(LocalModelSettings(model="embedded", data_dir=prepared_data_dir))
    await asyncio.wait_for(model.ready(), 120)
    question = [
        Message("system", "Ты — Гриша, добрый друг. Ты отвечаешь коротко и по-русски."),
        Message("user", "Привет!"),
        Message("assistant", "Привет! Рад тебя видеть."),
        Message("user", "Как тебя зовут?"),
    ]
    answer = await asyncio.wait_for(model.complete(question), 120)
    letters = [letter for letter in answer.text.lower() if letter.isalpha()]
    assert "гриша" in answer.text.lower()
    assert all("а" <= letter <= "я" or letter == "ё" for letter in letters)
    assert "\n" not in answer.text
    await model.aclose()


def test_a_stopped_preparation_leaves_nothing(tmp_path: Path) -> None:
    preparation = Preparation()
    begun = threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            preparation.run(tmp_path, lambda share, stage: begun.set())
        except Unavailable as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(60)
    preparation.stop()
    thread.join(30)
    assert failures
    assert not model_folder(tmp_path).exists()
    assert not list((tmp_path / "models").iterdir())


async def test_the_loop_stays_free_while_it_prepares(tmp_path: Path) -> None:
    model = LocalModel(LocalModelSettings(model="embedded", data_dir=tmp_path))
    with pytest.raises(ModelLoading):
        await model.complete([Message("user", "Привет!")])
    for _ in range(600):
        if (tmp_path / "models").exists():
            break
        await asyncio.sleep(0.1)
    began = time.monotonic()
    await model.aclose()  # returns at once, and ends the conversion
    assert time.monotonic() - began < 30
    with pytest.raises(Unavailable):
        await model.complete([Message("user", "Привет!")])
