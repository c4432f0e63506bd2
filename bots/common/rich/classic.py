"""Blocks as a classic message says them: a text, and entities over parts of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from telegramify_markdown import utf16_len
from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

from bots.common.rich.blocks import Block, RichText, letters_of

Entity = dict[str, Any]

MAX_COLUMN = 40  # letters that a table's column is made wide; a longer cell sticks out

_TEX = re.compile(r"[\\^_]")
_SPACES = re.compile(r"\s+")
_STYLES = frozenset(("bold", "italic", "underline", "strikethrough", "spoiler", "code"))
_BULLET, _TICKED, _UNTICKED = "• ", "☑ ", "☐ "


def classic(blocks: Sequence[Block]) -> tuple[str, list[Entity]]:
    """The text and its entities, whose offsets and lengths are in UTF-16 units."""
    writer = _Writer()
    writer.blocks(blocks)
    return "".join(writer.parts), writer.entities


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.entities: list[Entity] = []
        self._width = 0
        self._indent = ""
        self._in_quotation = False

    def blocks(self, blocks: Sequence[Block], between: str = "\n\n") -> None:
        for number, block in enumerate(blocks):
            if number:
                self._write(between)
            self._block(block)

    def _block(self, block: Block) -> None:
        kind = block["type"]
        if kind == "list":
            self._list(block)
        elif kind == "table":
            with self._marked("pre"):
                self._write(_grid(block["cells"]), raw=True)
        elif kind == "pre":
            with self._marked("pre", language=block.get("language")):
                self._write(block["text"], raw=True)
        elif kind == "mathematical_expression":
            with self._marked("pre"):
                self._write(as_unicode(block["expression"]), raw=True)
        elif kind == "divider":
            self._write("———")
        elif kind == "heading":
            self._heading(block)
        else:
            self._text_block(block)

    def _text_block(self, block: Block) -> None:
        """A paragraph, a quotation or a folded part, which stands open here."""
        if "summary" in block:
            with self._marked("bold"):
                self._text(block["summary"])
            self._write("\n")
        if "text" in block:
            self._text(block["text"])
        if block["type"] == "blockquote" and not self._in_quotation:
            self._in_quotation = True
            with self._marked("blockquote"):
                self.blocks(block["blocks"], "\n")
            self._in_quotation = False
        elif "blocks" in block:
            self.blocks(block["blocks"], "\n")

    def _heading(self, block: Block) -> None:
        with self._marked("bold"):
            self._text(block["text"])
        if block["size"] == 1:
            self.entities.append({**self.entities[-1], "type": "underline"})

    def _list(self, block: Block) -> None:
        for number, item in enumerate(block["items"]):
            if number:
                self._write("\n")
            mark = f"{item['value']}. " if "value" in item else _BULLET
            if item.get("has_checkbox"):
                mark = _TICKED if item.get("is_checked") else _UNTICKED
            self._write(mark)
            outer, self._indent = self._indent, f"{self._indent}  "
            self.blocks(item["blocks"], "\n")
            self._indent = outer

    def _text(self, text: RichText) -> None:
        if isinstance(text, str):
            self._write(text)
        elif isinstance(text, list):
            for part in text:
                self._text(part)
        elif text["type"] == "mathematical_expression":
            with self._marked("code"):
                self._write(as_unicode(text["expression"]))
        elif text["type"] == "url":
            with self._marked("text_link", url=text["url"]):
                self._text(text["text"])
        elif text["type"] in _STYLES:
            with self._marked(text["type"]):
                self._text(text["text"])
        else:
            self._text(text.get("text", ""))

    def _write(self, text: str, *, raw: bool = False) -> None:
        """Write a text; its lines stand under the item that they belong to, code's don't."""
        if self._indent and not raw:
            text = text.replace("\n", f"\n{self._indent}")
        self.parts.append(text)
        self._width += utf16_len(text)

    @contextmanager
    def _marked(self, kind: str, **extra: Any) -> Iterator[None]:
        start, place = self._width, len(self.entities)
        yield
        if self._width > start:
            entity: Entity = {"type": kind, "offset": start, "length": self._width - start}
            found = {name: value for name, value in extra.items() if value}
            self.entities.insert(place, {**entity, **found})


def as_unicode(expression: str) -> str:
    """A formula in the letters that there are: E = mc²."""
    if not _TEX.search(expression):
        return expression
    converted = _helper().convert(_SPACES.sub(" ", expression))  # type: ignore[no-untyped-call]
    return str(converted).strip() or expression


@lru_cache(maxsize=1)
def _helper() -> LatexToUnicodeHelper:
    return LatexToUnicodeHelper()


def _grid(cells: Sequence[Sequence[Block]]) -> str:
    """A table in letters of one width, a line under its header."""
    rows = [[_SPACES.sub(" ", letters_of(each.get("text", ""))) for each in row] for row in cells]
    widths = [min(MAX_COLUMN, max(map(len, column))) for column in zip_longest(*rows, fillvalue="")]
    lines = [
        " | ".join(
            text.rjust(width) if each["align"] == "right" else text.ljust(width)
            for text, width, each in zip(row, widths, source, strict=False)
        ).rstrip()
        for row, source in zip(rows, cells, strict=True)
    ]
    if any(each.get("is_header") for each in cells[0]):
        lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)
