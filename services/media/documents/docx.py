"""Read the text of a DOCX: paragraphs, rows of tables, notes; by pages where Word noted them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from xml.parsers import expat

from services.media.documents.document import Document, Page
from services.media.documents.reading import (
    BROKEN,
    MAX_CHARACTERS,
    MAX_PAGES,
    OFFICE_BOMB,
    bounded,
)
from services.office_files import check_archive
from services.sandbox import Refused

MAX_DEPTH = 1000  # of elements
A_PAGE = 4000  # characters; what stands between two breaks of the author's may be longer
_PIECE = 64 * 2**10

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


def read_docx(content: bytes, name: str) -> Document:
    check_archive(content, broken=BROKEN, bomb=OFFICE_BOMB)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            reader = _read_part(archive, "word/document.xml")
            for part in _NOTES:
                if part in archive.namelist():
                    notes = _read_part(archive, part).pages
                    reader.pages[-1] += [line for page in notes for line in page]
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(BROKEN) from error
    return _document(name, reader)


def _document(name: str, reader: _Reader) -> Document:
    room, read, omitted = MAX_CHARACTERS, [], ""
    numbered = reader.laid_out or (len(reader.pages) > 1 and max(map(_size, reader.pages)) < A_PAGE)
    pages = reader.pages if numbered else [[line for page in reader.pages for line in page]]
    for number, page in enumerate(pages[:MAX_PAGES], 1):
        lines, omitted = bounded(page, room)
        room -= sum(map(len, lines))
        if any(lines):
            read.append(Page("\n".join(lines), number if numbered else None))
        if omitted:
            break
    return Document(name, "docx", tuple(read), omitted=omitted)


def _size(page: list[str]) -> int:
    return sum(map(len, page))


def _read_part(archive: zipfile.ZipFile, part: str) -> _Reader:
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _refuse_entity
    with archive.open(part) as file:
        while piece := file.read(_PIECE):
            parser.Parse(piece, False)
    parser.Parse(b"", True)
    return reader


def _refuse_entity(*_: object) -> None:
    raise Refused(BROKEN)


@dataclass(slots=True)
class _Reader:
    """Collects paragraphs from the events of the parser; memory grows with the text alone."""

    pages: list[list[str]] = field(default_factory=lambda: [[]])
    run: list[str] = field(default_factory=list)  # the paragraph that is being read
    cells: list[str] | None = None  # the row that is being read
    depth: int = 0
    rows: int = 0  # nested
    skipped_from: int = 0  # the depth of what isn't shown
    in_text: bool = False
    break_after: bool = False
    laid_out: bool = False  # Word noted where its pages end

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Refused(BROKEN)
        if tag == _FALLBACK and not self.skipped_from:
            self.skipped_from = self.depth
        local = _local(tag)
        if local == "t":
            self.in_text = not self.skipped_from
        elif local in ("tab", "br", "cr") and not self.skipped_from:
            self.run.append(" ")
            self.break_after |= any(value == "page" for value in attributes.values())
        elif local == "lastRenderedPageBreak":
            self.laid_out = True
            self._new_page()
        elif local == "tr":
            self.rows += 1
            if self.rows == 1:
                self.cells = []

    def end(self, tag: str) -> None:
        if self.depth == self.skipped_from:
            self.skipped_from = 0
        self.depth -= 1
        local = _local(tag)
        if local == "t":
            self.in_text = False
        elif local == "p":
            self._end_paragraph()
        elif local == "tc" and self.cells is not None and self.rows == 1:
            self.cells.append("\n")
        elif local == "tr":
            self.rows -= 1
            if self.rows == 0:
                self._end_row()

    def text(self, text: str) -> None:
        if self.in_text:
            self.run.append(text)

    def _end_paragraph(self) -> None:
        text = " ".join("".join(self.run).split())
        self.run.clear()
        if self.cells is not None:
            self.cells.append(text)
        elif text:
            self.pages[-1].append(text)
        if self.break_after:
            self.break_after = False
            self._new_page()

    def _end_row(self) -> None:
        cells = " ".join(self.cells or ()).split("\n")
        self.cells = None
        row = " | ".join(" ".join(cell.split()) for cell in cells[:-1])
        if row.strip(" |"):
            self.pages[-1].append(row)

    def _new_page(self) -> None:
        """Begin a page, once where a break of the author's precedes the one that Word noted."""
        if self.pages[-1]:
            self.pages.append([])


def _local(tag: str) -> str:
    """The name of an element of Word's own namespace, "" for others."""
    for namespace in (_WORD, _STRICT):
        if tag.startswith(namespace):
            return tag[len(namespace) :]
    return ""
