"""Cut blocks into messages that Telegram takes, between blocks where that can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from telegramify_markdown import utf16_len

from bots.common.rich.blocks import Block, letters_of, paragraph, size_of, table_of

MAX_CHARACTERS = 32_768  # UTF-16 units
MAX_BLOCKS = 500  # list items and table rows count too
MAX_COLUMNS = 20
MAX_DEPTH = 16  # of blocks and formatting together; `markdown` keeps far below it
AROUND = 16  # blocks that may stand around a part of a block: a list, its item, a quotation

Size = tuple[int, int]


def cut(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks in as few messages as hold them; what is too long for one is cut too."""
    pieces = (piece for block in blocks for piece in _pieces(block))
    return list(_grouped(pieces, lambda piece: size_of([piece])))


def _grouped(
    parts: Iterable[Any], measure: Callable[[Any], Size], around: Size = (0, 0)
) -> Iterator[list[Any]]:
    """Consecutive parts in groups within the limits; `around` is what each group has anyway."""
    group: list[Any] = []
    units, count = around
    for part in parts:
        more = measure(part)
        units, count = units + more[0], count + more[1]
        if group and (units > MAX_CHARACTERS or count > MAX_BLOCKS):
            yield group
            group, units, count = [], around[0] + more[0], around[1] + more[1]
        group.append(part)
    if group:
        yield group


def _fits(block: Block) -> bool:
    units, count = size_of([block])
    return units <= MAX_CHARACTERS and count <= MAX_BLOCKS


def _pieces(block: Block) -> Iterator[Block]:
    """The block, or several that say the same within the limits."""
    kind = block["type"]
    if kind == "table":
        for part in _narrow(block):
            yield from [part] if _fits(part) else _rows(part)
    elif _fits(block):
        yield block
    elif kind == "list":
        yield from _items(block)
    elif "blocks" in block:
        inner = (piece for child in block["blocks"] for piece in _pieces(child))
        for group in _grouped(inner, lambda piece: size_of([piece]), (0, AROUND)):
            yield {**block, "blocks": group}
    else:
        name = "expression" if kind == "mathematical_expression" else "text"
        for text in _texts(letters_of(block[name])):
            yield {**block, name: text}


def _narrow(block: Block) -> Iterator[Block]:
    """A table of more columns than Telegram takes as several, each with the first column."""
    cells: list[list[Block]] = block["cells"]
    width = max(map(len, cells))
    yield {**block, "cells": [row[:MAX_COLUMNS] for row in cells]}
    for start in range(MAX_COLUMNS, width, MAX_COLUMNS - 1):
        cells = [row for row in cells if len(row) > start]
        rest = slice(start, start + MAX_COLUMNS - 1)
        yield {**block, "cells": [[*row[:1], *row[rest]] for row in cells]}


def _rows(block: Block) -> Iterator[Block]:
    """A long table as several, each under the same header."""
    head, *rows = block["cells"]
    if size_of([table_of([head])])[0] > MAX_CHARACTERS // 4:  # it can't stand over every part
        head, rows = None, [head, *rows]
    top = [head] if head else []
    around = size_of([table_of(top)])

    def measure(row: list[Block]) -> Size:
        units, count = size_of([table_of([row])])
        return units, count - 1

    for group in _grouped(rows, measure, around):
        part = {**block, "cells": [*top, *group]}
        if _fits(part):
            yield part
        else:  # one row is longer than a message
            for each in group[0]:
                yield from map(paragraph, _texts(letters_of(each.get("text", ""))))


def _items(block: Block) -> Iterator[Block]:
    """A long list as several; an item too long for one message becomes blocks of its own."""

    def measure(item: Block) -> Size:
        units, count = size_of(item["blocks"])
        return units, count + 1

    for group in _grouped(block["items"], measure, (0, AROUND)):
        part = {**block, "items": group}
        if _fits(part):
            yield part
        else:
            for child in group[0]["blocks"]:
                yield from _pieces(child)


def _texts(text: str) -> Iterator[str]:
    """A text in parts that fit, cut at a line or a space if there is one."""
    while utf16_len(text) > MAX_CHARACTERS:
        units = text[:MAX_CHARACTERS].encode("utf-16-le")[: MAX_CHARACTERS * 2]
        room = units.decode("utf-16-le", "ignore")
        half = len(room) // 2
        end = max(room.rfind("\n", half), room.rfind(" ", half)) + 1 or len(room)
        yield text[:end]
        text = text[end:]
    if text.strip():
        yield text
