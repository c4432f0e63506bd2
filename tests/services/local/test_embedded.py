"""The model from PyPI: prepared once, whole or not at all, and it speaks Russian."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from services.chat import FinishReason, Message, Usage
from services.errors import ModelLoading, ServiceError, Unavailable
from services.local import LocalModel, LocalModelSettings
from services.local.embedded import Preparation, model_folder
from services.local.linear import adapt
from services.local.loading import read_folder
from services.local.ragged import RaggedModel
from services.local.sampling import Sampler, Sampling
from services.local.scheduler import Limits, Request, Scheduler
from services.local.text import TextStream

DIALOGUES = Path(__file__).with_name("dialogues.txt")
WINDOWED = ((0, 600), (40, 530), (10, 50))  # where each prompt begins, and its tokens


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


class Tokens(TextStream):
    """Remembers the tokens."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self.tokens: list[int] = []

    def feed(self, token: int) -> str:
        self.tokens.append(token)
        return super().feed(token)


class Unheard:
    def on_text(self, text: str) -> None: ...

    def on_end(self, reason: FinishReason, tail: str, usage: Usage) -> None: ...

    def on_error(self, error: ServiceError) -> None:
        raise error


@pytest.mark.slow
def test_beyond_its_window_it_writes_what_generate_writes(prepared_data_dir: Path) -> None:
    loaded = read_folder(model_folder(prepared_data_dir), torch.device("cpu"), torch.float32)
    text = DIALOGUES.read_text(encoding="utf-8") * 2
    prompts = [loaded.tokenizer(text[begin:]).input_ids[:length] for begin, length in WINDOWED]
    window = loaded.model.config.sliding_window
    assert max(map(len, prompts)) > window
    expected = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        output = loaded.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8
        )
        expected.append(output[0, len(prompt) :].tolist())
    adapt(loaded.model, None)
    scheduler = Scheduler(RaggedModel(loaded.model), Limits())
    answers = []
    for number, prompt in enumerate(prompts):
        answers.append(Tokens(loaded.tokenizer))
        sampler = Sampler(Sampling(), prompt, torch.device("cpu"))
        scheduler.add(Request(prompt, 8, answers[-1], sampler, Unheard(), owner=number))
    while scheduler.load:
        scheduler.step()
    assert [answer.tokens for answer in answers] == expected
