"""The text of a file, by pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pdf", "docx", "xlsx", "csv", "html", "text"]


class DocumentRefused(Exception):
    """A file that isn't read; the text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a PDF or DOCX by its `number`, a sheet by its `title`, or a whole text."""

    text: str
    number: int | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file, page by page; its lines are those that a person sees.

    `blank` are pages without text, such as scans. `omitted` says in Russian what was left out
    because the file is too long, "" when nothing was.
    """

    name: str
    kind: Kind
    pages: tuple[Page, ...]
    blank: tuple[int, ...] = ()
    omitted: str = ""

    @property
    def text(self) -> str:
        return "\n\n".join(page.text for page in self.pages)

    @property
    def characters(self) -> int:
        return sum(len(page.text) for page in self.pages)
