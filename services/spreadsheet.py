"""Read the rows of a CSV, TSV or XLSX file that somebody sent.

What a file may unpack to is checked before anything parses it. Bounds of rows, columns and
cells hold while it is read; still, run it in `services.sandbox`, since openpyxl's time is
unknown beforehand. Raises Refused with a line for the user, whatever the file holds.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import charset_normalizer

from services.sandbox import Refused

MAX_BYTES = 20 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELL = 32_767  # characters; Excel's own bound
MAX_MEMBERS = 2000  # files inside an XLSX
MAX_UNPACKED = 256 * 2**20
MAX_SHARED_STRINGS = 64 * 2**20
MAX_RATIO = 200  # times smaller than unpacked; sheets of real listings reach 40
RATIO_MATTERS_FROM = 2**20  # bytes
DELIMITERS = ";,\t|"

_EXCEL_ROWS = 2**20
_HEAD_CHARACTERS, _HEAD_LINES = 64 * 2**10, 20
_PROLOGUE = 64 * 2**10  # bytes of an XML file that a DOCTYPE is looked for in
_LEGACY_EXCEL = b"\xd0\xcf\x11\xe0"
_SAVE_AS = "Открой его в Excel и сохрани как XLSX или CSV UTF-8."
_BROKEN = f"Файл повреждён или это не таблица XLSX. {_SAVE_AS}"
_BOMB = (
    "Таблица распаковывается в слишком большой объём. Оставь один лист с объявлениями "
    "и сохрани как CSV UTF-8."
)


def read_rows(name: str, content: bytes) -> Iterator[Sequence[Any]]:
    """Yield the rows of the first sheet, the header first; raise Refused."""
    if len(content) > MAX_BYTES:
        raise Refused(f"Файл больше {MAX_BYTES // 2**20} МБ: раздели его на части.")
    if content.startswith(_LEGACY_EXCEL):
        raise Refused("Это старый формат XLS или файл с паролем. " + _SAVE_AS)
    rows = _read_workbook(content) if content[:2] == b"PK" else _read_text(name, content)
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
    text = _decode(content)
    delimiter = _find_delimiter(text) or ("\t" if name.lower().endswith(".tsv") else ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error:
        raise Refused(
            f"Не читается строка {reader.line_num}: ячейка слишком длинная. "
            "Похоже, в ней не закрыта кавычка."
        ) from None


def _decode(content: bytes) -> str:
    if content[:4].startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    # Short Russian texts puzzle the detector: it may choose from the usual candidates alone.
    best = charset_normalizer.from_bytes(
        content[:200_000], cp_isolation=["cp1251", "koi8_r", "utf_16", "cp866", "mac_cyrillic"]
    ).best()
    if best is None:
        raise Refused("Не удалось понять кодировку. Сохрани файл как CSV UTF-8 или XLSX.")
    return content.decode(best.encoding, errors="replace").lstrip("\ufeff")


def _find_delimiter(text: str) -> str | None:
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


def _read_workbook(content: bytes) -> Iterator[Sequence[Any]]:
    _check_archive(content)
    import openpyxl  # type: ignore[import-untyped]  # 0.2 s that only a spreadsheet is worth

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and dates, which aren't read
            book = openpyxl.load_workbook(
                io.BytesIO(content), read_only=True, data_only=True, keep_links=False
            )
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # the size that a file states may be anything
            yield from sheet.iter_rows(
                max_row=_EXCEL_ROWS, max_col=MAX_COLUMNS + 1, values_only=True
            )
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(_BROKEN) from error


def _check_archive(content: bytes) -> None:
    """Refuse an archive that would unpack to too much, or that brings XML entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Refused(_BOMB)
            for member in members:
                _check_member(member)
            if sum(member.file_size for member in members) > MAX_UNPACKED:
                raise Refused(_BOMB)
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _check_prologue(archive, member)
    except Refused:
        raise
    except Exception as error:
        raise Refused(_BROKEN) from error


def _check_member(member: zipfile.ZipInfo) -> None:
    """Check what the directory says; zipfile reads no byte more than `file_size`."""
    if member.flag_bits & 1:
        raise Refused("Файл под паролем: сними пароль и пришли снова.")
    size = member.file_size
    if "sharedStrings" in member.filename and size > MAX_SHARED_STRINGS:
        raise Refused(_BOMB)
    if size > RATIO_MATTERS_FROM and size > MAX_RATIO * max(1, member.compress_size):
        raise Refused(_BOMB)


def _check_prologue(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Office writes no DOCTYPE; entities need one. Expat bounds what hides further below."""
    with archive.open(member) as file:
        start = file.read(_PROLOGUE).replace(b"\x00", b"").lower()  # UTF-16 as well
    if b"<!doctype" in start or b"<!entity" in start:
        raise Refused(_BROKEN)
