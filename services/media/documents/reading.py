"""Find out what a file is and read it; runs in the sandbox. Raises Refused with a user's line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, time
from typing import Any

from services.decoding import decode
from services.media.documents.document import Document, Page
from services.sandbox import Refused
from services.spreadsheet import MAX_COLUMNS, find_delimiter, read_rows, read_sheets

MAX_BYTES = 20 * 2**20
MAX_PAGES = 1000
MAX_CHARACTERS = 2_000_000

TOO_LARGE = f"Файл больше {MAX_BYTES // 2**20} МБ: раздели его на части."
BROKEN = "Этот файл не получилось открыть: он повреждён или собран с ошибкой."
UNREADABLE = "Этот файл слишком сложный: чтение заняло бы слишком много времени или памяти."
EMPTY = "В файле нет текста."
OFFICE_BOMB = "Файл распаковывается в слишком большой объём, такие я не открываю."
FORMATS = "Читаю PDF, DOCX, XLSX, CSV, HTML, TXT и MD."
UNKNOWN_ENCODING = f"Не удалось понять кодировку файла. Сохрани его как UTF-8. {FORMATS}"
LEGACY = "Это старый формат Word или Excel либо файл с паролем. Сохрани как DOCX, XLSX или PDF."
RTF = "Формат RTF не читаю. Сохрани как DOCX или PDF."
OPEN_DOCUMENT = "Формат OpenDocument не читаю. Сохрани как DOCX, XLSX или PDF."
SLIDES = "Презентации не читаю. Сохрани как PDF."
ARCHIVE = f"Архивы не открываю: пришли файлы по одному. {FORMATS}"
PICTURE = "Это картинка, а не документ с текстом."
UNKNOWN = f"Не понимаю, что это за файл. {FORMATS}"

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM")
_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_HTML = ("<!doctype html", "<html", "<head", "<body")
_HEAD = 4096  # characters by which a table is known
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")


def read(content: bytes, name: str) -> Document:
    """Read a file of any of the formats."""
    if not content.strip():
        raise Refused(EMPTY)
    document = _reader_of(content)(content, name)
    if not document.characters:
        raise Refused(EMPTY)
    return document


def _reader_of(content: bytes) -> Callable[[bytes, str], Document]:
    start = content[:1024]
    if b"%PDF-" in start:
        from services.media.documents.pdf import read_pdf

        return read_pdf
    if start.startswith(b"PK\x03\x04"):
        return _office_reader(content)
    refusals: tuple[tuple[tuple[bytes, ...], str], ...] = (
        ((b"\xd0\xcf\x11\xe0",), LEGACY),
        ((b"{\\rtf",), RTF),
        (_ARCHIVES, ARCHIVE),
        (_PICTURES, PICTURE),
    )
    for signatures, refusal in refusals:
        if start.startswith(signatures):
            raise Refused(refusal)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        raise Refused(PICTURE)
    return _read_text


def _office_reader(content: bytes) -> Callable[[bytes, str], Document]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist()[:5000])
            mimetype = archive.read("mimetype")[:80] if "mimetype" in names else b""
    except Exception as error:
        raise Refused(BROKEN) from error
    if "word/document.xml" in names:
        from services.media.documents.docx import read_docx

        return read_docx
    if "xl/workbook.xml" in names:
        return _read_workbook
    if "ppt/presentation.xml" in names:
        raise Refused(SLIDES)
    if b"opendocument" in mimetype:
        raise Refused(OPEN_DOCUMENT)
    raise Refused(ARCHIVE)


def _read_text(content: bytes, name: str) -> Document:
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not utf16 and not _CONTROL.isdisjoint(content[: 64 * 2**10]):
        raise Refused(UNKNOWN)
    if _is_html(content):
        from services.media.documents.html import read_html

        return read_html(content, name)
    text = decoded(content)
    if _is_table(text, name):
        rows = _lines_of_rows(read_rows(name, content))
        lines, omitted = bounded(rows)
        return Document(name, "csv", (Page("\n".join(lines)),), omitted=omitted)
    lines, omitted = bounded(text.splitlines())
    return Document(name, "text", (Page("\n".join(lines).rstrip()),), omitted=omitted)


def decoded(content: bytes) -> str:
    """The text of a file; raises Refused when its encoding is unknown."""
    try:
        return decode(content)
    except UnicodeDecodeError:
        raise Refused(UNKNOWN_ENCODING) from None


def _is_html(content: bytes) -> bool:
    start = content[:4096].decode("utf-8-sig", "ignore").lstrip().lower()
    return start.startswith("<") and any(tag in start for tag in _HTML)


def _is_table(text: str, name: str) -> bool:
    """Whether the first lines are rows: equally many columns, which prose never has."""
    if name.lower().endswith((".csv", ".tsv")):
        return True
    delimiter = find_delimiter(text)
    if text.count(";", 0, _HEAD) > MAX_COLUMNS or text.count("\t", 0, _HEAD) > MAX_COLUMNS:
        return True  # so many columns that it is refused
    head = [line for line in text[:_HEAD].splitlines()[:8] if line.strip()]
    return (
        delimiter in (";", "\t", ",")
        and len(head) >= 3
        and len({line.count(delimiter) for line in head[:-1]}) == 1
    )


def _read_workbook(content: bytes, name: str) -> Document:
    pages, room, omitted = [], MAX_CHARACTERS, ""
    for title, rows in read_sheets(content):
        lines, omitted = bounded(_lines_of_rows(rows), room)
        while lines and not lines[-1]:
            lines.pop()
        if lines:
            pages.append(Page("\n".join(lines), title=title))
        room -= sum(map(len, lines))
        if omitted or len(pages) >= MAX_PAGES:
            break
    return Document(name, "xlsx", tuple(pages), omitted=omitted)


def _lines_of_rows(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A line per row, so that the number of a line is the number of the row."""
    for row in rows:
        cells = [_cell(value) for value in row[:MAX_COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        yield " | ".join(cells)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y}" if value.time() == time() else f"{value:%d.%m.%Y %H:%M}"
    if isinstance(value, float):
        return f"{value:.10g}"
    return " ".join(str(value).split())


def bounded(lines: Iterable[str], room: int = MAX_CHARACTERS) -> tuple[list[str], str]:
    """The lines that fit into `room` characters, and what to say when some are left out."""
    kept: list[str] = []
    for line in lines:
        if room <= 0:
            return kept, f"прочитано начало, строк: {len(kept)}; файл слишком длинный"
        kept.append(line.rstrip()[:room])
        room -= len(line) + 1
    return kept, ""
