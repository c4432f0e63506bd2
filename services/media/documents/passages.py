"""Cut a document into passages: pieces for a prompt that know where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.media.documents.document import Document, Page

LENGTH = 700  # characters of a passage, unless one line is longer
OVERLAP = 200  # a last line that is shorter begins the next passage as well
_TABLES = ("xlsx", "csv")
_SENTENCE = re.compile(r"(?<=[.!?…;])\s+")


@dataclass(frozen=True, slots=True)
class Passage:
    """Neighbouring lines of one page. `heading` is the first row of their table."""

    document: str
    page: Page
    first_line: int  # from 1
    lines: tuple[str, ...]
    unit: str = "строка"
    heading: str = ""

    @property
    def text(self) -> str:
        body = "\n".join(self.lines)
        return f"{self.heading}\n{body}" if self.heading else body

    @property
    def place(self) -> str:
        """Where it stands: «с. 3», «строки 10–12», «лист «Цены», строка 4»."""
        return self.place_of(0, len(self.lines) - 1)

    def place_of(self, first: int, last: int) -> str:
        """Where these of its lines stand."""
        if self.page.number is not None:
            return f"с. {self.page.number}"
        start, end = self.first_line + first, self.first_line + last
        one, many = ("абзац", "абзацы") if self.unit == "абзац" else ("строка", "строки")
        lines = f"{one} {start}" if start == end else f"{many} {start}–{end}"
        return f"лист «{self.page.title}», {lines}" if self.page.title else lines


def cut(document: Document) -> list[Passage]:
    """All passages, in the order of the text."""
    unit = "абзац" if document.kind == "docx" else "строка"
    table = document.kind in _TABLES
    return [
        passage
        for page in document.pages
        for passage in _cut_page(document.name, page, unit, table=table)
    ]


def _cut_page(name: str, page: Page, unit: str, *, table: bool) -> Iterator[Passage]:
    lines = page.text.split("\n")
    heading = lines[0][:LENGTH] if table and len(lines) > 1 else ""
    for first, group in _groups(lines):
        shown = heading if first > 1 else ""
        yield Passage(name, page, first, tuple(group), unit, shown)


def _groups(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Neighbouring lines of about LENGTH characters, each with the number of its first one."""
    group: list[str] = []
    first, size = 1, 0
    for number, line in enumerate(lines, 1):
        if group and size + len(line) > LENGTH:
            yield first, group
            kept = group[-1:] if len(group) > 1 and len(group[-1]) < OVERLAP else []
            group, first, size = kept, number - len(kept), sum(map(len, kept))
        if len(line) > LENGTH:
            if group:
                yield first, group
            yield from ((number, [part]) for part in _split(line))
            group, first, size = [], number + 1, 0
            continue
        group.append(line)
        size += len(line) + 1
    if any(group):
        yield first, group


def _split(line: str) -> Iterator[str]:
    """A long line by its sentences, and those by their length."""
    part = ""
    for sentence in _SENTENCE.split(line):
        for start in range(0, len(sentence), LENGTH):
            piece = sentence[start : start + LENGTH]
            if part and len(part) + len(piece) > LENGTH:
                yield part
                part = ""
            part = f"{part} {piece}" if part else piece
    if part:
        yield part
