"""Rich messages: three ways in, one form of blocks out, and the limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from aiogram import Bot
from aiogram.types import (
    InputRichBlockDetails,
    InputRichBlockParagraph,
    InputRichBlockTable,
    InputRichMessage,
    RichBlockTableCell,
    RichTextBold,
)

from playground import Playground
from playground.errors import ApiError
from playground.rich import parse_rich_html, parse_rich_markdown, plain_text
from tests.playground.conftest import Api

MARKDOWN = r"""
# План **поездки**

Первый абзац
в две строки, `код`, $E = mc^2$, ||тайна|| и [сайт](https://example.com).

| Город | Цена |
|:------|-----:|
| Казань | 12 \| 13 |
| Пермь |

1. Раз
   - внутри
   - ещё
2. Два

- [x] готово
- [ ] нет

> цитата
> > глубже

```python
print("|не таблица|")
```

$$
\int_0^1 x\,dx
$$

<details open>
<summary>Подробно</summary>

текст
</details>

---
конец
"""


@pytest.fixture
def chat_id(playground: Playground) -> int:
    chat = playground.person("Аня").private
    chat.send("/start")
    return chat.chat.id


def kinds(blocks: list[dict[str, Any]]) -> list[str]:
    return [block["type"] for block in blocks]


async def test_markdown_becomes_blocks(bot: Bot, chat_id: int) -> None:
    sent = await bot.send_rich_message(chat_id, InputRichMessage(markdown=MARKDOWN))
    assert sent.rich_message is not None
    blocks = sent.rich_message.model_dump(mode="json", exclude_none=True)["blocks"]
    assert kinds(blocks) == [
        "heading", "paragraph", "table", "list", "list", "blockquote", "pre",
        "mathematical_expression", "details", "divider", "paragraph",
    ]  # fmt: skip
    heading, paragraph, table, numbered, checks, quotation, code, formula, details, *_ = blocks
    assert (heading["size"], heading["text"]) == (1, ["План ", {"type": "bold", "text": "поездки"}])
    assert [part["type"] for part in paragraph["text"] if isinstance(part, dict)] == [
        "code", "mathematical_expression", "spoiler", "url"
    ]  # fmt: skip
    texts = [[cell.get("text") for cell in row] for row in table["cells"]]
    assert texts == [["Город", "Цена"], ["Казань", "12 | 13"], ["Пермь", None]]
    assert [cell["align"] for cell in table["cells"][1]] == ["left", "right"]
    assert [item["label"] for item in numbered["items"]] == ["1.", "2."]
    assert kinds(numbered["items"][0]["blocks"]) == ["paragraph", "list"]
    assert [item.get("is_checked", False) for item in checks["items"]] == [True, False]
    assert kinds(quotation["blocks"]) == ["paragraph", "blockquote"]
    assert (code["language"], code["text"]) == ("python", 'print("|не таблица|")')
    assert formula["expression"] == r"\int_0^1 x\,dx"
    assert (details["summary"], details["is_open"]) == ("Подробно", True)


async def test_html_becomes_the_same_kinds_of_blocks(bot: Bot, chat_id: int) -> None:
    html = (
        "<h2>План</h2>вольный <b>текст</b><table bordered><tr><th>Город</th><th>Цена</th></tr>"
        '<tr><td>Казань</td><td align="right" colspan="2">12</td></tr></table>'
        '<ol start="3"><li>три<ul><li>внутри</li></ul></li></ol>'
        '<ul><li><input type="checkbox" checked>готово</li></ul><blockquote>цитата</blockquote>'
        '<pre><code class="language-python">a &lt; b\n  c</code></pre>'
        "<tg-math-block>x^2</tg-math-block><details><summary>Ещё</summary><p>текст</p></details>"
        "<hr><p>конец</p>"
    )
    sent = await bot.send_rich_message(chat_id, InputRichMessage(html=html))
    assert sent.rich_message is not None
    blocks = sent.rich_message.model_dump(mode="json", exclude_none=True)["blocks"]
    assert kinds(blocks) == [
        "heading", "paragraph", "table", "list", "list", "blockquote", "pre",
        "mathematical_expression", "details", "divider", "paragraph",
    ]  # fmt: skip
    assert blocks[2]["cells"][1][1]["colspan"] == 2
    assert blocks[3]["items"][0]["label"] == "3."
    assert blocks[4]["items"][0]["is_checked"]
    assert (blocks[6]["text"], blocks[6]["language"]) == ("a < b\n  c", "python")


async def test_blocks_are_taken_as_they_are(bot: Bot, playground: Playground, chat_id: int) -> None:
    cells = [[RichBlockTableCell(text="ячейка", is_header=True, align="left", valign="top")]]
    blocks = [
        InputRichBlockParagraph(text=["это ", RichTextBold(text="важно")]),
        InputRichBlockDetails(
            summary="ещё", blocks=[InputRichBlockTable(cells=cells, is_striped=True)]
        ),
    ]
    chat = playground.person("Аня").private
    await bot.send_rich_message(chat_id, InputRichMessage(blocks=blocks))
    seen = await chat.wait_for("важно", timeout=1)
    assert seen.rich_message is not None
    assert [block.type for block in seen.rich_message.blocks] == ["paragraph", "details"]


def nested(depth: int) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "paragraph", "text": "дно"}
    for _ in range(depth - 1):
        block = {"type": "blockquote", "blocks": [block]}
    return {"blocks": [block]}


def table(columns: int) -> dict[str, Any]:
    return {"blocks": [{"type": "table", "cells": [[{"text": "x"}] * columns]}]}


PARAGRAPH = {"type": "paragraph", "text": "x"}


@pytest.mark.parametrize(
    ("fits", "too_much", "error"),
    [
        ({"markdown": "ы" * 32_768}, {"markdown": "ы" * 32_769}, "message is too long"),
        ({"blocks": [PARAGRAPH] * 500}, {"blocks": [PARAGRAPH] * 501}, "too many blocks"),
        (table(20), table(21), "too many columns"),
        (nested(16), nested(17), "nesting is too deep"),
    ],
)
async def test_the_limits(
    api: Api, chat_id: int, fits: dict[str, Any], too_much: dict[str, Any], error: str
) -> None:
    await api.result("sendRichMessage", chat_id=chat_id, rich_message=fits)
    assert error in await api.error("sendRichMessage", chat_id=chat_id, rich_message=too_much)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (None, "rich_message is empty"),
        ({}, "exactly one of"),
        ({"html": "x", "markdown": "x"}, "exactly one of"),
        ({"markdown": " \n"}, "message text is empty"),
        ({"html": "<script>x</script>"}, 'Unsupported start tag "script"'),
        ({"html": "<b>x"}, "Can't find end tag"),
        ({"html": "<b>x</i>"}, "Unexpected end tag"),
        ({"html": "<b>" * 5000 + "x" + "</b>" * 5000}, "nesting is too deep"),
        ({"blocks": [{"type": "nothing"}]}, "Unsupported type"),
        ({"blocks": ["x"]}, "expected an Object"),
        ({"blocks": [{"type": "heading", "text": "x", "size": 7}]}, "heading size"),
        ({"blocks": [{"type": "paragraph", "text": {"type": "url", "text": "x"}}]}, '"url"'),
        ({"blocks": [{"type": "thinking", "text": "x"}]}, "drafts only"),
        ({"blocks": [{"type": "list", "items": []}]}, "must have items"),
        (nested(300), "nesting is too deep"),
    ],
)
async def test_refusals(api: Api, chat_id: int, given: Any, error: str) -> None:
    assert error in await api.error("sendRichMessage", chat_id=chat_id, rich_message=given)


async def test_a_draft_then_the_message_then_an_edit(
    api: Api, playground: Playground, chat_id: int
) -> None:
    chat = playground.person("Аня").private
    for given in ({"markdown": ""}, {"blocks": [{"type": "thinking", "text": "считаю"}]},
                  {"markdown": "| a |\n|---|\n| 1 |"}):  # fmt: skip
        draft = {"chat_id": chat_id, "draft_id": 7, "rich_message": given, "can_stop": True}
        assert await api.result("sendRichMessageDraft", **draft)
    assert chat.draft is not None
    assert chat.draft.body["rich_message"]["blocks"][0]["type"] == "table"
    assert chat.stop_draft()
    sent = await api.result("sendRichMessage", chat_id=chat_id, rich_message={"markdown": "# раз"})
    assert chat.draft is None
    edited = {"chat_id": chat_id, "message_id": sent["message_id"]}
    again = await api.result("editMessageText", **edited, rich_message={"markdown": "# два"})
    assert plain_text(again["rich_message"]) == "два"
    plain = await api.result("editMessageText", **edited, text="просто")
    assert (plain["text"], "rich_message" in plain) == ("просто", False)
    copied = await api.result("sendRichMessage", chat_id=chat_id, rich_message={"markdown": "x"})
    ids = {"chat_id": chat_id, "from_chat_id": chat_id, "message_id": copied["message_id"]}
    assert (await api.result("forwardMessage", **ids))["rich_message"] == copied["rich_message"]


@pytest.mark.parametrize(
    "unit", ["**", "_a", "`", "[", "|a", "> ", "- a\n", "$x", "<b>", "&lt;", "||"]
)
def test_markup_costs_linear_time(unit: str) -> None:
    for parse in (parse_rich_markdown, parse_rich_html):
        times = []
        for size in (8_000, 64_000):  # linear is 8 times, quadratic 64
            times.append(min(_cpu(parse, unit * (size // len(unit))) for _ in range(3)))
        assert times[1] < max(0.5, 40 * times[0])


def _cpu(parse: Callable[[str], object], text: str) -> float:
    """CPU seconds of this thread: other work on the machine doesn't count."""
    begun = time.thread_time()
    with suppress(ApiError):
        parse(text)
    return time.thread_time() - begun
