"""A model's Markdown as blocks of a rich message: every letter kept, nothing else let in.

The Markdown is read by pyromark (GitHub's dialect, formulas). HTML stays text: `<` travels
as a private-use character, so that no tag is read, and a text in a block is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import pyromark

from bots.common.rich.blocks import Align, Block, RichText, cell, paragraph, table_of
from bots.common.rich.formulas import NEWLINE, is_formula, marked

MAX_NESTING = 6  # lists and quotations in each other; deeper ones stand beside each other
MAX_STYLES = 3  # bold in italic in a link; together within the 16 levels however they count
EVEN_COLUMNS = 20  # up to here rows are filled up with empty cells

# Stand-ins of one character each, for what must stay text: tags, and definitions of links.
LESS_THAN = "\ue000"
COLON = "\ue001"
_PLAIN = str.maketrans({LESS_THAN: "<", COLON: ":", NEWLINE: "\n"})
_BREAK = re.compile(rf"{LESS_THAN}br\s*/?>", re.IGNORECASE)
_OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)
_STYLES = {"Strong": "bold", "Emphasis": "italic", "Strikethrough": "strikethrough"}
_ALIGNS: dict[str, Align] = {"Center": "center", "Right": "right"}


def blocks_of(markdown: str) -> list[Block]:
    """The blocks of a Markdown text; unfinished markup stays as letters."""
    source = guarded(marked(markdown.encode("utf-8", "replace").decode()))
    reader = _Reader(source.encode())
    for event, span in pyromark.events_with_range(source, options=_OPTIONS, merge_text=True):
        reader.take(event, span["start"], span["end"])
    return reader.blocks


def guarded(markdown: str) -> str:
    """The text with stand-ins, of the same length, for what the parser would take for markup."""
    return markdown.replace("<", LESS_THAN).replace("]:", f"]{COLON}")


def unguarded(text: str) -> str:
    return text.translate(_PLAIN)


@dataclass(slots=True)
class _Open:
    """A list, an item, a quotation or the whole text, with what has come inside it."""

    kind: str
    blocks: list[Block] = field(default_factory=list)
    items: list[Block] = field(default_factory=list)
    number: int | None = None
    checked: bool | None = None
    flat: bool = False  # too deep to be a block of its own


@dataclass(slots=True)
class _Style:
    made: Callable[[RichText], RichText]
    parts: list[Any] = field(default_factory=list)


class _Reader:
    """Takes the parser's events one by one; no recursion, whatever a text nests."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._open = [_Open("text")]
        self._styles = [_Style(_joined)]
        self._code: list[str] | None = None
        self._cells: list[list[Block]] = []
        self._aligns: tuple[str, ...] = ()
        self._cell_end = 0
        self._in_cell = False

    @property
    def blocks(self) -> list[Block]:
        self._flush()
        return self._open[0].blocks

    def take(self, event: Any, start: int, end: int) -> None:
        kind, value = _named(event)
        if kind == "Start":
            self._start(*_named(value))
        elif kind == "End":
            self._end(*_named(value), start, end)
        elif kind == "TaskListMarker":
            self._tick(value)
        elif kind == "Rule":
            self._add({"type": "divider"})
        elif kind == "DisplayMath" and len(self._styles) == 1 and not self._in_cell:
            self._display(value)
        elif kind in ("InlineMath", "DisplayMath"):
            self._write(_formula(value, "$" if kind == "InlineMath" else "$$"))
        elif kind == "Code":
            self._write({"type": "code", "text": unguarded(value)})
        elif kind in ("SoftBreak", "HardBreak"):
            self._write("\n")
        elif self._code is not None:
            self._code.append(unguarded(value))
        elif value:
            self._write(unguarded(_BREAK.sub("\n", value) if self._in_cell else value))

    def _start(self, kind: str, value: Any) -> None:
        if kind in ("List", "Item", "BlockQuote"):
            self._flush()
            self._nest(kind, value)
        elif kind == "CodeBlock":
            self._flush()
            self._code = []
            language = value.get("Fenced", "") if isinstance(value, dict) else ""
            self._open.append(_Open(unguarded(language).strip()))
        elif kind == "Table":
            self._flush()
            self._cells, self._aligns = [], value
        elif kind in ("TableHead", "TableRow"):
            self._cells.append([])
        elif kind == "TableCell":
            self._in_cell = True
        elif kind in _STYLES:
            style = _STYLES[kind]
            self._styles.append(_Style(lambda text: {"type": style, "text": text}))
        elif kind in ("Link", "Image"):
            self._styles.append(_Style(_link(value)))
        elif kind != "Paragraph":
            self._flush()

    def _end(self, kind: str, value: Any, start: int, end: int) -> None:
        if kind in _STYLES or kind in ("Link", "Image"):
            self._close_style()
        elif kind == "Heading":
            text = self._text()
            if text:
                self._add({"type": "heading", "text": text, "size": int(str(value)[-1])})
        elif kind == "CodeBlock":
            language, text = self._open.pop().kind, "".join(self._code or ()).rstrip("\n")
            self._code = None
            self._add(_code_block(language, text))
        elif kind == "TableCell":
            self._end_cell(end)
        elif kind in ("TableHead", "TableRow"):
            self._end_row(end)
        elif kind == "Table":
            self._add(_table(self._cells))
        elif kind in ("List", "Item", "BlockQuote"):
            self._flush()
            self._unnest(self._open.pop())
        else:
            self._flush()

    # Blocks

    def _nest(self, kind: str, value: Any) -> None:
        """Open a list, an item or a quotation; one too deep adds to the block around it."""
        around = self._open[-1]
        if kind == "Item":
            opened = _Open(kind, number=around.number, flat=around.flat)
            around.number = around.number and around.number + 1
        else:
            outer = self._open[: 3 * MAX_NESTING]
            depth = sum(each.kind in ("List", "BlockQuote") and not each.flat for each in outer)
            opened = _Open(kind, number=value, flat=depth >= MAX_NESTING)
        if opened.flat:
            opened.blocks = around.blocks
        self._open.append(opened)
        if opened.flat and kind == "Item":
            self._write("• " if opened.number is None else f"{opened.number}. ")

    def _unnest(self, closed: _Open) -> None:
        around = self._open[-1]
        if closed.flat:
            return
        if closed.kind == "Item":
            item: Block = {"blocks": closed.blocks or [paragraph("")]}
            if closed.number is not None:
                item["value"] = closed.number
            if closed.checked is not None:
                item.update(has_checkbox=True, is_checked=closed.checked)
            around.items.append(item)
        elif closed.kind == "List" and closed.items:
            around.blocks.append({"type": "list", "items": closed.items})
        elif closed.kind == "BlockQuote" and closed.blocks:
            around.blocks.append({"type": "blockquote", "blocks": closed.blocks})

    def _tick(self, checked: bool) -> None:
        if self._open[-1].flat:
            self._write("☑ " if checked else "☐ ")
        else:
            self._open[-1].checked = checked

    def _add(self, block: Block | None) -> None:
        self._flush()
        if block:
            self._open[-1].blocks.append(block)

    def _flush(self) -> None:
        """End the paragraph that is being written."""
        text = self._text()
        if text:
            self._open[-1].blocks.append(paragraph(text))

    def _display(self, expression: str) -> None:
        if is_formula(expression):
            self._add({"type": "mathematical_expression", "expression": _bare(expression)})
        else:
            self._write(f"$${unguarded(expression)}$$")

    def _end_cell(self, end: int) -> None:
        row, self._in_cell, self._cell_end = self._cells[-1], False, end
        align = self._aligns[len(row)] if len(row) < len(self._aligns) else ""
        row.append(cell(self._text(), _ALIGNS.get(align, "left"), len(self._cells) == 1))

    def _end_row(self, end: int) -> None:
        """Keep the cells beyond the header's number, which the parser leaves out."""
        rest = self._source[self._cell_end : end].decode().strip().strip("|").strip()
        if rest:
            texts = re.split(r"(?<!\\)\|", rest)
            self._cells[-1] += [cell(unguarded(text).strip()) for text in texts]

    # Text

    def _write(self, part: RichText) -> None:
        self._styles[-1].parts += part if isinstance(part, list) else [part]

    def _close_style(self) -> None:
        style = self._styles.pop()
        text = _joined(style.parts)
        self._write(style.made(text) if len(self._styles) <= MAX_STYLES else text)

    def _text(self) -> RichText:
        """What was written since the last block."""
        while len(self._styles) > 1:
            self._close_style()
        parts, self._styles = self._styles[0].parts, [_Style(_joined)]
        text = _joined(parts)
        return text.strip() if isinstance(text, str) else text


def _named(value: Any) -> tuple[str, Any]:
    return next(iter(value.items())) if isinstance(value, dict) else (value, None)


def _joined(parts: list[Any]) -> RichText:
    """Parts as one rich text, neighbouring strings as one."""
    found: list[Any] = []
    for is_text, group in groupby(parts, lambda part: isinstance(part, str)):
        run = list(group)
        found += filter(None, ["".join(run)]) if is_text else run
    return found[0] if len(found) == 1 else found or ""


def _bare(expression: str) -> str:
    return unguarded(expression).strip()


def _formula(expression: str, mark: str) -> RichText:
    if not is_formula(expression):
        return f"{mark}{unguarded(expression)}{mark}"
    return {"type": "mathematical_expression", "expression": _bare(expression)}


def _link(value: dict[str, str]) -> Callable[[RichText], RichText]:
    """A link where Telegram takes its address, else the text with the address behind it."""
    url, title = unguarded(value["dest_url"]), unguarded(value["title"])
    note = f" ({title})" if title else ""

    def made(text: RichText) -> RichText:
        if not is_web_address(url):
            return [text, f" ({url}){note}"] if url else [text, note]
        link = {"type": "url", "text": text or url, "url": url}
        return [link, note] if note else link

    return made


def is_web_address(url: str) -> bool:
    """Whether an address leads to a site: others could mention people or open the app."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return parts.scheme in ("http", "https") and "." in host and not re.search(r"\s", url)


def _code_block(language: str, text: str) -> Block | None:
    if language == "math" and text.strip():
        return {"type": "mathematical_expression", "expression": text}
    if not text.strip():
        return paragraph(language) if language else None
    block: Block = {"type": "pre", "text": text}
    return {**block, "language": language} if language else block


def _table(rows: list[list[Block]]) -> Block | None:
    """A table whose rows are equally long, unless that made a small text a large table."""
    width = max(map(len, rows), default=0)
    # The parser fills rows up to the header, however long that is.
    filled = [row[: _end(row)] for row in rows]
    missing = [max(0, min(width, EVEN_COLUMNS) - len(row)) for row in filled]
    cells = [row + [cell("")] * count for row, count in zip(filled, missing, strict=True)]
    return table_of(cells) if width else None


def _end(row: Sequence[Block]) -> int:
    """How many cells of a row there are up to the last one with a text."""
    return next((at for at in range(len(row), 0, -1) if row[at - 1].get("text")), 0)
