"""Answers from the web: which tools are asked for, how citations become numbered links."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.budgets import Budget, Meter, payer
from services.chat import ChatModel, Completion, Message, Source, builtin_tools
from services.errors import ToolMissing
from services.gigachat import GigaChatModel
from services.storage import SpendingStore
from services.texts import describe_error
from services.web import SOURCES, UNNAMED_SOURCES, Citations, link, reading_pages, searching
from tests.fakes.chat import FakeChatModel
from tests.fakes.gigachat import GigaChatServer

QUESTION = [Message("user", "Что нового в Казани?")]
PAGES = {
    "1": {"url": "https://a.ru/x_(1)", "title": "Не цитируется"},
    "2": {"url": "https://kzn.ru/news", "title": "Казань [сегодня]"},
    "7": {"url": "https://most.ru", "title": ""},
}
ANSWER = "Мост открыт [sources=[7]], парк тоже[sources=[2, 7]]. Итог [sources=[2]]"
SHOWN = (
    "Мост открыт [1], парк тоже [2] [1]. Итог [2]\n\n"
    f"{SOURCES}\n1. [most.ru](https://most.ru)\n2. [Казань сегодня](https://kzn.ru/news)"
)


@pytest.fixture
async def server() -> AsyncIterator[GigaChatServer]:
    async with GigaChatServer() as server:
        yield server


@pytest.fixture
async def model(server: GigaChatServer) -> AsyncIterator[GigaChatModel]:
    async with GigaChatModel(server.settings(model="GigaChat-3-Ultra")) as model:
        yield model


def found(text: str = ANSWER, pages: dict[str, Any] = PAGES) -> dict[str, Any]:
    return {"content": [{"text": text}, {"inline_data": {"sources": pages}}]}


async def both_ways(model: ChatModel, messages: list[Message]) -> list[Completion]:
    said, completion = "", None
    async with aclosing(model.stream(messages)) as stream:
        async for chunk in stream:
            said, completion = said + chunk.text, chunk.completion
    assert completion is not None
    assert completion.text == said
    return [completion, await model.complete(messages)]


async def test_a_search_lists_its_sources(model: GigaChatModel, server: GigaChatServer) -> None:
    server.enqueue(found(), found())
    for completion in await both_ways(searching(model), QUESTION):
        assert completion.text == SHOWN
    for request in server.requests:
        assert request["tools"] == [{"web_search": {"type": "actual_info_web_search"}}]
        assert request["tool_config"] == {"mode": "forced", "tool_name": "web_search"}


async def test_all_sources_are_listed_when_none_is_cited(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    server.enqueue(found("Мост открыт."))
    text = (await searching(model).complete(QUESTION)).text
    assert text.startswith(f"Мост открыт.\n\n{SOURCES}\n1. [Не цитируется](https://a.ru/x_%281%29)")
    assert text.endswith("3. [most.ru](https://most.ru)")


async def test_sources_without_addresses_are_told(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    server.enqueue(found(pages={}), found(pages={"2": {"url": "javascript:alert(1)"}}))
    for completion in await both_ways(searching(model), QUESTION):
        assert completion.text.endswith(f"Итог [2]\n\n{UNNAMED_SOURCES}")


async def test_an_address_in_the_question_is_read(
    model: GigaChatModel, server: GigaChatServer
) -> None:
    reader = reading_pages(model)
    await reader.complete([Message("user", "Перескажи https://kzn.ru/news?id=5")])
    await reader.complete(
        [Message("user", "https://kzn.ru"), Message("assistant", "Да"), *QUESTION]
    )
    await searching(model).complete([Message("user", "А что пишет http://a.ru?")])
    first, second, third = server.requests
    assert first["tools"] == [{"url_content_extraction": {}}]
    assert "tool_config" not in first
    assert "tools" not in second, "only what is asked now is read"
    assert [name for tool in third["tools"] for name in tool] == [
        "url_content_extraction",
        "web_search",
    ]


async def test_a_model_without_the_tools_says_what_is_missing(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings(model="GigaChat-2-Max")) as old:
        for model in (old, FakeChatModel()):
            assert reading_pages(model) is model
            with pytest.raises(ToolMissing) as caught:
                searching(model)
            text = describe_error(caught.value)
            assert text.startswith("Искать в интернете я могу только с GigaChat")
            assert f"отвечает сейчас {model.name}" in text
            assert "GIGA_MODEL_NAME=GigaChat-3-Ultra" in text


async def test_a_budget_counts_what_a_search_takes(
    model: GigaChatModel, server: GigaChatServer, database: Any
) -> None:
    spending = SpendingStore(database, "bot", b"key")
    metered = Meter(spending, Budget(requests=5)).on(model)
    assert "web_search" in builtin_tools(metered)
    server.enqueue(found())
    payer.set(7)
    completion = await searching(metered).complete(QUESTION)
    assert completion.usage is not None
    spent = await spending.today(7)
    assert spent.requests == 1
    assert spent.tokens == completion.usage.total_tokens


def numbered(*pieces: str) -> str:
    citations = Citations()
    return "".join(citations.feed(piece) for piece in pieces) + citations.finish()


@given(st.lists(st.integers(1, len(ANSWER) - 1)))
def test_citations_survive_any_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(ANSWER)]
    pieces = [ANSWER[start:end] for start, end in pairwise(edges)]
    assert numbered(*pieces) == "Мост открыт [1], парк тоже [2] [1]. Итог [2]"


@given(st.lists(st.text(alphabet="[]sources=12, а"), max_size=8))
def test_what_is_no_citation_stays(pieces: list[str]) -> None:
    text = "".join(pieces)
    if "[sources=[" not in text:
        assert numbered(*pieces) == text


@pytest.mark.parametrize("text", ["[sources=[" + "1" * 5000, "[" * 5000, "a [sources=" * 500])
def test_an_unfinished_citation_holds_nothing_back_for_long(text: str) -> None:
    citations = Citations()
    shown = "".join(citations.feed(letter) for letter in text)
    assert len(text) - len(shown) < 200
    assert shown + citations.finish() == text


def test_a_title_can_t_leave_its_link() -> None:
    source = Source("1", "https://a.ru/b(c)d", "](https://evil.ru) **x** `y`\n# z")
    assert link(source) == "[https://evil.ru x y # z](https://a.ru/b%28c%29d)"
