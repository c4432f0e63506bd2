"""Rich messages from Markdown: GitHub's, with formulas, spoilers and <details>."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playground.errors import Json
from playground.markup import checked_link

_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})([^`]*)$")
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*$")
_ITEM = re.compile(r"( *)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$")
_CHECKBOX = re.compile(r"\[([ xX])\]\s+")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_DETAILS = re.compile(r"\s*<details(\s+open)?>\s*(?:<summary>(.*?)</summary>)?\s*$", re.IGNORECASE)
_SUMMARY = re.compile(r"\s*<summary>(.*?)</summary>\s*$", re.IGNORECASE)
_MAX_NESTING = 20  # deeper markup is read as text


def parse_rich_markdown(text: str) -> list[Json]:
    """The blocks of a Markdown text; what isn't markup is text."""
    return _Blocks(text.split("\n"), 0).parse()


class _Blocks:
    """Reads lines into blocks, one pass; quotations, items and details are read anew inside."""

    def __init__(self, lines: list[str], depth: int) -> None:
        self._lines = lines
        self._at = 0
        self._depth = depth
        self._blocks: list[Json] = []
        self._paragraph: list[str] = []

    def parse(self) -> list[Json]:
        readers: tuple[Callable[[str], bool], ...] = (
            self._fence, self._formula, self._heading, self._rule, self._details, self._quotation,
            self._table, self._list,
        )  # fmt: skip
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._end_paragraph()
                self._at += 1
            elif not any(read(line) for read in readers):
                self._paragraph.append(line.strip())
                self._at += 1
        self._end_paragraph()
        return self._blocks

    def _end_paragraph(self) -> None:
        if self._paragraph:
            text = parse_inline("\n".join(self._paragraph))
            self._blocks.append({"type": "paragraph", "text": text})
            self._paragraph = []

    def _add(self, block: Json) -> bool:
        self._end_paragraph()
        self._blocks.append(block)
        return True

    def _inside(self, lines: list[str]) -> list[Json]:
        if self._depth >= _MAX_NESTING:
            return [{"type": "paragraph", "text": "\n".join(lines)}]
        return _Blocks(lines, self._depth + 1).parse()

    def _until(self, is_end: Callable[[str], bool]) -> list[str]:
        """Take the lines up to the end, which is taken too; without one, all."""
        begin = self._at + 1
        end = next((i for i in range(begin, len(self._lines)) if is_end(self._lines[i])), None)
        self._at = len(self._lines) if end is None else end + 1
        return self._lines[begin : len(self._lines) if end is None else end]

    def _fence(self, line: str) -> bool:
        found = _FENCE.match(line)
        if not found:
            return False
        mark, language = found[2], found[3].strip().partition(" ")[0]
        close = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}\s*$")
        text = "\n".join(self._until(lambda line: bool(close.match(line))))
        if language == "math":
            return self._add({"type": "mathematical_expression", "expression": text or " "})
        return self._add({"type": "pre", "text": text, "language": language or None})

    def _formula(self, line: str) -> bool:
        stripped = line.strip()
        if len(stripped) > 4 and stripped.startswith("$$") and stripped.endswith("$$"):
            self._at += 1
            return self._add({"type": "mathematical_expression", "expression": stripped[2:-2]})
        if stripped != "$$":
            return False
        text = "\n".join(self._until(lambda line: line.strip() == "$$"))
        return self._add({"type": "mathematical_expression", "expression": text or " "})

    def _heading(self, line: str) -> bool:
        found = _HEADING.match(line)
        if not found:
            return False
        self._at += 1
        text = parse_inline(found[2])
        return self._add({"type": "heading", "text": text, "size": len(found[1])})

    def _rule(self, line: str) -> bool:
        if not _RULE.match(line):
            return False
        self._at += 1
        return self._add({"type": "divider"})

    def _details(self, line: str) -> bool:
        found = _DETAILS.match(line)
        if not found:
            return False
        level = 1

        def is_end(line: str) -> bool:
            nonlocal level
            level += line.lower().count("<details") - line.lower().count("</details>")
            return level <= 0

        lines, summary = self._until(is_end), found[2]
        if summary is None and lines and (title := _SUMMARY.match(lines[0])):
            summary, lines = title[1], lines[1:]
        block = {"type": "details", "summary": parse_inline(summary or "")}
        return self._add({**block, "blocks": self._inside(lines), "is_open": bool(found[1])})

    def _quotation(self, line: str) -> bool:
        if not line.lstrip().startswith(">"):
            return False
        lines = []
        while self._at < len(self._lines) and self._lines[self._at].lstrip().startswith(">"):
            lines.append(self._lines[self._at].lstrip()[1:].removeprefix(" "))
            self._at += 1
        return self._add({"type": "blockquote", "blocks": self._inside(lines)})

    def _table(self, line: str) -> bool:
        following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
        if "|" not in line or "-" not in following or not _DELIMITER.match(following):
            return False
        aligns = [_align(cell) for cell in _split_row(following)]
        if len(_split_row(line)) != len(aligns):
            return False
        rows = [_row(line, aligns, is_header=True)]
        self._at += 2
        while self._at < len(self._lines) and "|" in self._lines[self._at]:
            rows.append(_row(self._lines[self._at], aligns, is_header=False))
            self._at += 1
        return self._add({"type": "table", "cells": rows, "is_bordered": True})

    def _list(self, line: str) -> bool:
        first = _ITEM.match(line)
        if not first:
            return False
        items = []
        while found := _ITEM.match(self._lines[self._at]) if self._at < len(self._lines) else None:
            if len(found[1]) != len(first[1]) or bool(found[3]) != bool(first[3]):
                break
            items.append(self._item(found))
        return self._add({"type": "list", "items": items})

    def _item(self, found: re.Match[str]) -> Json:
        """An item with the lines that belong to it: those that stand further in."""
        indent, text = len(found[1]), found[4]
        box = _CHECKBOX.match(text)
        lines = [text[box.end() :] if box else text]
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
            further = len(line) - len(line.lstrip()) > indent
            if not line.strip() and not following.startswith(" " * (indent + 1)):
                break
            if line.strip() and not further:
                break
            lines.append(line[indent + 2 :] if line[: indent + 2].isspace() else line.lstrip())
            self._at += 1
        while self._at < len(self._lines) and not self._lines[self._at].strip():
            following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
            if not (again := _ITEM.match(following)) or len(again[1]) != indent:
                break
            self._at += 1
        item: Json = {"blocks": self._inside(lines)}
        if found[3]:
            item["value"] = int(found[3])
        if box:
            item.update(has_checkbox=True, is_checked=box[1] != " ")
        return item


def _split_row(line: str) -> list[str]:
    inside = line.strip().removeprefix("|")
    inside = inside[:-1] if inside.endswith("|") and not inside.endswith("\\|") else inside
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inside)]


def _align(cell: str) -> str:
    if cell.endswith(":"):
        return "center" if cell.startswith(":") else "right"
    return "left"


def _row(line: str, aligns: list[str], *, is_header: bool) -> list[Json]:
    cells = _split_row(line)[: len(aligns)]
    cells += [""] * (len(aligns) - len(cells))
    return [
        {"text": parse_inline(cell), "align": align, "is_header": is_header}
        for cell, align in zip(cells, aligns, strict=True)
    ]


# --- Inside a line -----------------------------------------------------------

_MARKS = {
    "**": "bold",
    "__": "bold",
    "*": "italic",
    "_": "italic",
    "~~": "strikethrough",
    "||": "spoiler",
    "==": "marked",
}
_TOKEN = re.compile(
    r"\\([!-/:-@\[-`{-~])"  # an escaped mark
    r"|(`+)(?!`)"
    r"|\$(?=\S)([^$\n]{1,500})(?<=\S)\$(?!\d)"
    r"|\[([^\[\]]{1,1000})\]\(([^()\s]{1,2000})\)"
    r"|(\*\*|__|~~|\|\||==|\*|_)"
)


def parse_inline(text: str) -> Any:
    """A line's RichText; a mark without its pair is text."""
    return _Inline(text).parse()


class _Inline:
    """One pass over the tokens with a stack of open marks."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[tuple[str, list[Any]]] = [("", [])]

    def parse(self) -> Any:
        at = 0
        while found := _TOKEN.search(self._text, at):
            self._write(self._text[at : found.start()])
            at = self._take(found)
        self._write(self._text[at:])
        while len(self._stack) > 1:
            self._unopen()
        return _joined(self._stack[0][1])

    def _write(self, part: Any) -> None:
        parts = self._stack[-1][1]
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part:
            parts.append(part)

    def _take(self, found: re.Match[str]) -> int:
        escaped, ticks, formula, label, address, mark = found.groups()
        if escaped:
            self._write(escaped)
        elif ticks:
            return self._code(found, ticks)
        elif formula:
            self._write({"type": "mathematical_expression", "expression": formula})
        elif label:
            link = checked_link(address)
            self._write({"type": "url", "text": label, "url": link} if link else found[0])
        else:
            self._mark(found, mark)
        return found.end()

    def _code(self, found: re.Match[str], ticks: str) -> int:
        close = re.compile(rf"(?<!`){ticks}(?!`)").search(self._text, found.end())
        if not close:
            self._write(ticks)
            return found.end()
        self._write({"type": "code", "text": self._text[found.end() : close.start()].strip()})
        return close.end()

    def _mark(self, found: re.Match[str], mark: str) -> None:
        before = self._text[found.start() - 1 : found.start()]
        after = self._text[found.end() : found.end() + 1]
        opened = [name for name, _ in self._stack]
        in_word = mark[0] == "_" and before.isalnum() and after.isalnum()
        if mark in opened and before and not before.isspace() and not in_word:
            while self._stack[-1][0] != mark:
                self._unopen()
            _, parts = self._stack.pop()
            self._write({"type": _MARKS[mark], "text": _joined(parts)} if parts else mark * 2)
        elif after and not after.isspace() and not in_word and len(self._stack) < 12:
            self._stack.append((mark, []))
        else:
            self._write(mark)

    def _unopen(self) -> None:
        """Make the innermost open mark text again."""
        mark, parts = self._stack.pop()
        for part in (mark, *parts):
            self._write(part)


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else parts or ""
