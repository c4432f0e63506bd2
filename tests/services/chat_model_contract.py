"""What every ChatModel must do, whatever it talks to.

A test module makes a class of its own from `ChatModelContract` and gives it a fixture
`model`: an open model whose answer to anything has at least three chunks of text.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from services.chat import ChatModel, Chunk, GenerationOptions, Message

QUESTION = (
    Message("system", "Ты — собеседник."),
    Message("user", "Привет! Как тебя зовут?"),
)


async def read(model: ChatModel, **options: object) -> list[Chunk]:
    async with aclosing(model.stream(QUESTION, GenerationOptions(**options))) as stream:
        return [chunk async for chunk in stream]


class ChatModelContract:
    async def test_is_a_chat_model(self, model: ChatModel) -> None:
        assert isinstance(model, ChatModel)
        assert model.name
        assert model.context_length > 0

    async def test_completes(self, model: ChatModel) -> None:
        completion = await model.complete(QUESTION)
        assert completion.text.strip()
        assert completion.finish_reason in ("stop", "length")
        assert completion.model

    async def test_streams_what_the_last_chunk_says(self, model: ChatModel) -> None:
        *body, last = await read(model)
        assert len(body) >= 2
        assert all(chunk.completion is None for chunk in body)
        assert last.completion is not None
        assert "".join(chunk.text for chunk in [*body, last]) == last.completion.text

    async def test_usage_has_both_sides(self, model: ChatModel) -> None:
        usage = (await model.complete(QUESTION)).usage
        assert usage is not None
        assert usage.prompt_tokens > 0
        assert usage.completion_tokens > 0

    async def test_refuses_an_empty_conversation(self, model: ChatModel) -> None:
        with pytest.raises(ValueError, match="empty"):
            await model.complete([])

    async def test_works_after_a_consumer_left(self, model: ChatModel) -> None:
        for _ in range(12):
            async with aclosing(model.stream(QUESTION)) as stream:
                async for _chunk in stream:
                    break
        assert (await asyncio.wait_for(model.complete(QUESTION), 30)).text

    async def test_works_after_a_cancelled_task(self, model: ChatModel) -> None:
        task = asyncio.create_task(model.complete(QUESTION))
        await asyncio.sleep(0)  # it has started, and nothing has answered yet
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await asyncio.wait_for(model.complete(QUESTION), 30)).text

    async def test_answers_two_at_once(self, model: ChatModel) -> None:
        answers = await asyncio.gather(model.complete(QUESTION), model.complete(QUESTION))
        assert all(answer.text for answer in answers)

    async def test_counts_tokens(self, model: ChatModel) -> None:
        short = await model.count_tokens(QUESTION[1:])
        long = await model.count_tokens([Message("user", "Расскажи о море. " * 20)])
        assert 0 < short < long

    async def test_closes_twice(self, model: ChatModel) -> None:
        await model.aclose()
        await model.aclose()
