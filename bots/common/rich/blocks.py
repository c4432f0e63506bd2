"""Blocks of a rich message: made, measured, read back as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from telegramify_markdown import utf16_len

Block = dict[str, Any]
RichText = Any  # a string, a list of rich texts, or an object with a type and a text
Align = Literal["left", "center", "right"]

_ONLY_RICH = frozenset(("heading", "table", "mathematical_expression", "details"))
_TEXTS = ("summary", "text", "credit", "caption")


def paragraph(text: RichText) -> Block:
    return {"type": "paragraph", "text": text}


def heading(text: RichText, size: int = 3) -> Block:
    return {"type": "heading", "text": text, "size": size}


def details(summary: RichText, blocks: Iterable[Block]) -> Block:
    """A part that opens at a tap."""
    return {"type": "details", "summary": summary, "blocks": list(blocks)}


def table(rows: Sequence[Sequence[RichText]], aligns: Sequence[Align] = ("left",)) -> Block:
    """A table of texts under a header, its first row; the last align goes for all columns after."""
    return table_of(
        [
            [
                cell(text, aligns[min(column, len(aligns) - 1)], is_header=number == 0)
                for column, text in enumerate(row)
            ]
            for number, row in enumerate(rows)
        ]
    )


def table_of(cells: list[list[Block]]) -> Block:
    return {"type": "table", "cells": cells, "is_bordered": True, "is_striped": True}


def cell(text: RichText, align: Align = "left", is_header: bool = False) -> Block:
    made: Block = {"align": align, "valign": "top", "is_header": is_header}
    return {**made, "text": text} if text else made


def is_rich(blocks: Sequence[Block]) -> bool:
    """Whether the blocks show something that a classic message can't."""
    return any(
        node["type"] in _ONLY_RICH or (node["type"] == "list" and inside_list)
        for node, inside_list in _typed(blocks)
    )


def size_of(blocks: Sequence[Block]) -> tuple[int, int]:
    """UTF-16 units, and blocks with list items and table rows."""
    units = count = 0
    for block in blocks:
        count += 1 + len(block.get("items", ())) + len(block.get("cells", ()))
        units += sum(utf16_len(text) for text in _own_texts(block))
        for inner in _inner(block):
            more, blocks_more = size_of(inner)
            units, count = units + more, count + blocks_more
    return units, count


def text_of(blocks: Sequence[Block]) -> str:
    """What the blocks say, a line for each block and each row of a table."""
    return "\n".join(filter(None, (line for block in blocks for line in _lines(block))))


def _lines(block: Block) -> Iterator[str]:
    if block["type"] == "table":
        for row in block["cells"]:
            yield " ".join(letters_of(each.get("text", "")) for each in row)
    else:
        yield "".join(_own_texts(block))
    for inner in _inner(block):
        yield text_of(inner)


def letters_of(text: RichText) -> str:
    """A rich text without its formatting."""
    return "".join(strings(text))


def strings(text: RichText) -> Iterator[str]:
    if isinstance(text, str):
        yield text
    elif isinstance(text, list):
        for part in text:
            yield from strings(part)
    elif isinstance(text, dict):
        yield str(text.get("expression", ""))
        yield from strings(text.get("text"))


def _own_texts(block: Block) -> Iterator[str]:
    for name in _TEXTS:
        yield from strings(block.get(name))
    yield str(block.get("expression", ""))
    for row in block.get("cells", ()):
        for each in row:
            yield from strings(each.get("text"))


def _inner(block: Block) -> Iterator[list[Block]]:
    yield block.get("blocks", [])
    for item in block.get("items", ()):
        yield item["blocks"]


def _typed(blocks: Any, inside_list: bool = False) -> Iterator[tuple[Block, bool]]:
    """Every block and every formatted text, with whether it stands inside a list."""
    if isinstance(blocks, list):
        for part in blocks:
            yield from _typed(part, inside_list)
    elif isinstance(blocks, dict):
        if "type" in blocks:
            yield blocks, inside_list
        inside = inside_list or blocks.get("type") == "list"
        for name in (*_TEXTS, "blocks", "items", "cells"):
            yield from _typed(blocks.get(name), inside)
