"""The whole local model on a tiny Qwen2: the contract, loading, the queue, cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from services.chat import GenerationOptions, Message
from services.errors import Busy, ConfigError, Timeout, Unavailable
from services.local.client import LocalModel
from services.local.config import LocalModelSettings
from tests.services.chat_model_contract import QUESTION, ChatModelContract


def open_model(folder: Path, **settings: Any) -> LocalModel:
    return LocalModel(LocalModelSettings(model=str(folder), dtype="float64", **settings))


@pytest.fixture
async def model(tiny_qwen: Path) -> AsyncIterator[LocalModel]:
    model = open_model(tiny_qwen)
    await asyncio.wait_for(model.ready(), 60)
    yield model
    await model.aclose()


class TestContract(ChatModelContract):
    pass


async def test_a_question_waits_for_the_loading(tiny_qwen: Path) -> None:
    model = open_model(tiny_qwen)
    assert model.loading_progress is not None
    assert (await asyncio.wait_for(model.complete(QUESTION), 60)).text
    assert model.loading_progress is None
    await model.aclose()


async def test_a_cancelled_wait_does_not_stop_the_loading(tiny_qwen: Path) -> None:
    model = open_model(tiny_qwen)
    waiting = asyncio.create_task(model.ready())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(model.ready(), 60)
    await model.aclose()


async def test_names_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    model = open_model(tmp_path)
    with pytest.raises(ConfigError, match=tmp_path.name):
        await asyncio.wait_for(model.ready(), 60)
    with pytest.raises(ConfigError):  # and repeats it rather than pretend to load
        await model.complete(QUESTION)
    await model.aclose()


async def test_closing_ends_what_is_under_way(model: LocalModel) -> None:
    endless = GenerationOptions(temperature=0, max_tokens=250)
    task = asyncio.create_task(model.complete(QUESTION, endless))
    await asyncio.sleep(0.05)
    await model.aclose()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(task, 30)
    with pytest.raises(Unavailable):
        await model.complete(QUESTION)
    assert not [t for t in threading.enumerate() if t.name == "local-model" and t.is_alive()]


async def test_refuses_at_once_when_the_queue_is_full(tiny_qwen: Path) -> None:
    model = open_model(tiny_qwen, parallel=1, queue_size=1)
    await asyncio.wait_for(model.ready(), 60)
    long = GenerationOptions(max_tokens=200)
    results = await asyncio.gather(
        *(model.complete(QUESTION, long) for _ in range(4)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Busy)]
    assert len(refused) == 2
    assert all(error.retry_after for error in refused)
    await model.aclose()


async def test_keeps_its_deadline(tiny_qwen: Path) -> None:
    model = open_model(tiny_qwen, timeout=0.001)
    await asyncio.wait_for(model.ready(), 60)
    with pytest.raises(Timeout):
        await model.complete(QUESTION)
    await model.aclose()


async def test_a_left_answer_frees_its_place(tiny_qwen: Path) -> None:
    model = open_model(tiny_qwen, parallel=1, queue_size=0)
    await asyncio.wait_for(model.ready(), 60)
    async with aclosing(model.stream(QUESTION, GenerationOptions(max_tokens=250))) as stream:
        await stream.__anext__()
    for _ in range(100):  # the worker notices at its next step
        try:
            answer = await model.complete(QUESTION, GenerationOptions(max_tokens=2))
            break
        except Busy:
            await asyncio.sleep(0.01)
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 2
    await model.aclose()


async def test_the_same_seed_says_the_same(model: LocalModel) -> None:
    options = GenerationOptions(temperature=1.0, seed=5, max_tokens=20)
    first, second = [(await model.complete(QUESTION, options)).text for _ in range(2)]
    assert first == second
    other = GenerationOptions(temperature=1.0, seed=6, max_tokens=20)
    assert (await model.complete(QUESTION, other)).text != first


async def test_a_conversation_of_any_length_is_answered(model: LocalModel) -> None:
    turns = [Message("user", "Расскажи о море. " * 30) for _ in range(40)]
    completion = await model.complete([QUESTION[0], *turns])
    assert completion.usage is not None
    assert completion.usage.prompt_tokens + 100 <= model.context_length


async def test_a_next_turn_reuses_what_is_known(model: LocalModel) -> None:
    options = GenerationOptions(temperature=0, max_tokens=8)
    first = await model.complete(QUESTION, options)
    follow = [*QUESTION, Message("assistant", first.text), Message("user", "Ещё?")]
    usage = (await model.complete(follow, options)).usage
    assert usage is not None
    assert first.usage is not None
    assert usage.cached_tokens >= first.usage.prompt_tokens - 1
