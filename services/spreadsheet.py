"""Read the rows of a CSV, TSV or XLSX file that somebody sent.

What a file may unpack to is checked before anything parses it. Bounds of rows, columns and
cells hold while it is read; still, run it in `services.sandbox`, since openpyxl's time is
unknown beforehand. Raises Refused with a line for the user, whatever the file holds.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from services.decoding import decode
from services.office_files import check_archive
from services.sandbox import Refused

MAX_BYTES = 20 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELL = 32_767  # characters; Excel's own bound
DELIMITERS = ";,\t|"

_EXCEL_ROWS = 2**20
_HEAD_CHARACTERS, _HEAD_LINES = 64 * 2**10, 20
_LEGACY_EXCEL = b"\xd0\xcf\x11\xe0"
_SAVE_AS = "Открой его в Excel и сохрани как XLSX или CSV UTF-8."
_BROKEN = f"Файл повреждён или это не таблица XLSX. {_SAVE_AS}"
_BOMB = (
    "Таблица распаковывается в слишком большой объём. Оставь один нужный лист "
    "и сохрани как CSV UTF-8."
)
_UNKNOWN_ENCODING = "Не удалось понять кодировку. Сохрани файл как CSV UTF-8 или XLSX."


def read_rows(name: str, content: bytes) -> Iterator[Sequence[Any]]:
    """Yield the rows of the first sheet, the header first; raise Refused."""
    if len(content) > MAX_BYTES:
        raise Refused(f"Файл больше {MAX_BYTES // 2**20} МБ: раздели его на части.")
    if content.startswith(_LEGACY_EXCEL):
        raise Refused("Это старый формат XLS или файл с паролем. " + _SAVE_AS)
    yield from _bounded(
        _first_sheet(content) if content[:2] == b"PK" else _read_text(name, content)
    )


def read_sheets(content: bytes) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    """Yield the name and the rows of each sheet of an XLSX file; raise Refused."""
    for title, rows in _read_workbook(content):
        yield title, _bounded(rows)


def _bounded(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    for number, row in enumerate(rows):
        if number > MAX_ROWS and row.count(None) < len(row) and any(row):
            raise Refused(f"В файле больше {MAX_ROWS} строк: раздели его на части.")
        if len(row) > MAX_COLUMNS and any(row[MAX_COLUMNS:]):
            raise Refused(
                f"В строке {number + 1} больше {MAX_COLUMNS} колонок. Оставь нужные "
                "или проверь, тем ли знаком они разделены."
            )
        yield row[:MAX_COLUMNS]


def _read_text(name: str, content: bytes) -> Iterator[Sequence[Any]]:
    try:
        text = decode(content)
    except UnicodeDecodeError:
        raise Refused(_UNKNOWN_ENCODING) from None
    delimiter = find_delimiter(text) or ("\t" if name.lower().endswith(".tsv") else ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error:
        raise Refused(
            f"Не читается строка {reader.line_num}: ячейка слишком длинная. "
            "Похоже, в ней не закрыта кавычка."
        ) from None


def find_delimiter(text: str) -> str | None:
    """The delimiter that splits the first lines into most columns, equally many in each."""
    head = list(_first_lines(text))

    def score(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(head, delimiter=delimiter) if row]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] < 2:
            return 0, 0
        return sum(width == widths[0] for width in widths), widths[0]

    best = max(DELIMITERS, key=score)
    return best if score(best) > (0, 0) else None


def _first_lines(text: str) -> Iterator[str]:
    """The first whole lines; of one very long line its beginning."""
    lines = io.StringIO(text[:_HEAD_CHARACTERS], newline="")
    for _, line in zip(range(_HEAD_LINES), lines, strict=False):
        yield line


def _first_sheet(content: bytes) -> Iterator[Sequence[Any]]:
    for _, rows in _read_workbook(content):
        yield from rows
        return


def _read_workbook(content: bytes) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    check_archive(content, broken=_BROKEN, bomb=_BOMB)
    import openpyxl  # type: ignore[import-untyped]  # 0.2 s that only a spreadsheet is worth

    with _understood():
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        sheets = book.worksheets
        if not sheets:
            raise Refused(_BROKEN)
    for sheet in sheets:
        yield sheet.title, _rows_of(sheet)


def _rows_of(sheet: Any) -> Iterator[Sequence[Any]]:
    with _understood():
        sheet.reset_dimensions()  # the size that a file states may be anything
        yield from sheet.iter_rows(max_row=_EXCEL_ROWS, max_col=MAX_COLUMNS + 1, values_only=True)


@contextmanager
def _understood() -> Iterator[None]:
    """Turn whatever openpyxl stumbles over into Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and dates, which aren't read
            yield
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(_BROKEN) from error
