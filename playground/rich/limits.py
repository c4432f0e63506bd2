"""The limits of a rich message, checked over its finished blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playground.errors import Json, bad_request
from playground.markup import utf16_length

MAX_CHARACTERS = 32_768
MAX_BLOCKS = 500  # list items and table rows count too
MAX_COLUMNS = 20
MAX_DEPTH = 16  # of blocks and formatting together


def check_limits(blocks: list[Json]) -> None:
    """Refuse blocks that are too many, too deep, too wide or too long."""
    count, characters = 0, 0
    for depth, node in walk(blocks):
        if depth > MAX_DEPTH:
            raise bad_request("rich message nesting is too deep")
        if isinstance(node, str):
            characters += utf16_length(node)
        else:
            count += 1
        if count > MAX_BLOCKS:
            raise bad_request("rich message has too many blocks")
        if characters > MAX_CHARACTERS:
            raise bad_request("message is too long")
    if not characters and not any(block["type"] in ("map", "divider") for block in blocks):
        raise bad_request("message text is empty")


def walk(blocks: list[Json], depth: int = 1) -> Iterator[tuple[int, Json | str]]:
    """Every block, list item and table row, and every text, with its depth."""
    for block in blocks:
        yield depth, block
        for name in ("text", "summary", "credit", "caption"):
            yield from _texts(block.get(name), depth)
        yield depth, str(block.get("expression", ""))
        yield from walk(block.get("blocks", []), depth + 1)
        for item in block.get("items", []):
            yield depth, item
            yield from walk(item["blocks"], depth + 1)
        for row in block.get("cells", []):
            yield depth, {"type": "row"}
            if sum(cell.get("colspan", 1) for cell in row) > MAX_COLUMNS:
                raise bad_request("rich message table has too many columns")
            for cell in row:
                yield from _texts(cell.get("text"), depth)


def _texts(text: Any, depth: int) -> Iterator[tuple[int, str]]:
    """The strings of a RichText with the depth of their formatting."""
    if isinstance(text, str):
        yield depth, text
    elif isinstance(text, list):
        for part in text:
            yield from _texts(part, depth)
    elif isinstance(text, dict):
        yield depth, str(text.get("expression") or text.get("alternative_text") or "")
        yield from _texts(text.get("text"), depth + 1)
