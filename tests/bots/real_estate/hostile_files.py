"""Files that are broken, or made to hurt: what an import must refuse or read within bounds."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable
from typing import NamedTuple

import openpyxl

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEADER = ("город", "площадь", "цена")
ROW = ("Москва", 50, 9_000_000)


class HostileFile(NamedTuple):
    """A file, and what has to come: a part of the refusal, or how many flats are read."""

    id: str
    make: Callable[[], bytes]
    expected: str | int
    name: str = "flats.xlsx"


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.append(ROW)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def changed(replacing: dict[str, bytes | None], *, adding: dict[str, bytes] | None = None) -> bytes:
    """A good workbook with some of its parts replaced, left out (None) or added."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook())) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = replacing.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in (adding or {}).items():
            new.writestr(name, content)
    return result.getvalue()


SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
BOOK_RELS, TYPES, STYLES = "xl/_rels/workbook.xml.rels", "[Content_Types].xml", "xl/styles.xml"


def sheet(rows: str, before: str = "", prologue: str = "", encoding: str = "utf-8") -> bytes:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>{prologue}<worksheet xmlns="{_MAIN}">{before}'
        f"<sheetData>{rows}</sheetData></worksheet>"
    )
    return changed({SHEET: text.encode(encoding)})


def inline(*cells: object, row: str = "") -> str:
    texts = (
        f"<c><v>{cell}</v></c>"
        if isinstance(cell, (int, float))
        else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
        for cell in cells
    )
    return f"<row{row}>{''.join(texts)}</row>"


GOOD = inline(*HEADER) + inline(*ROW)
_ENTITIES = '<!DOCTYPE lol [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{("&" + before + ";") * 10}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def with_strings(items: str, cells: str = '<c t="s"><v>0</v></c>') -> bytes:
    """A workbook whose cells refer to shared strings."""
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Override PartName="/{STRINGS}" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
    )
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        known = archive.read(TYPES).decode().partition(">")[2]
    rows = f'<worksheet xmlns="{_MAIN}"><sheetData><row>{cells}</row></sheetData></worksheet>'
    parts = {TYPES: (types + known).encode(), SHEET: rows.encode()}
    strings = f'<sst xmlns="{_MAIN}">{items}</sst>'.encode()
    return changed(parts, adding={STRINGS: strings})


def shared_strings(count: int, length: int) -> bytes:
    """The bomb of the review: a hundred kilobytes that unpack to tens of megabytes."""
    return with_strings(f"<si><t>{'a' * length}</t></si>" * count)


def many_short_strings() -> bytes:
    noise = random.Random(1)
    return with_strings(
        "".join(f"<si><t>{noise.getrandbits(48):x}</t></si>" for _ in range(600_000))
    )


def table(*rows: str) -> bytes:
    return "\n".join(("город;площадь;цена;описание", *rows)).encode()


def csv_file(content: bytes | Callable[[], bytes], id: str, expected: str | int) -> HostileFile:
    make = content if callable(content) else lambda: content
    return HostileFile(id, make, expected, "flats.csv")


def lying_size() -> bytes:
    """The directory says ten bytes where there are many."""
    content = bytearray(changed({SHEET: b"<worksheet/>" * 10_000}))
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(SHEET.encode()))
    struct.pack_into("<I", content, at + 24, 10)
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(workbook())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    return bytes(content)


def nested_archives() -> bytes:
    content = bytes(30 * 2**20)
    for _ in range(3):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", content)
        content = packed.getvalue()
    return content


def cyclic_relations() -> bytes:
    relation = (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/worksheet" Target="workbook.xml"/></Relationships>'
    )
    return changed({BOOK_RELS: relation.encode()})


def many_members() -> bytes:
    return changed({}, adding={f"xl/media/{number}": b"" for number in range(5000)})


def _sheet_of_dates() -> bytes:
    rows = inline("город", "площадь", "цена", "дата") + inline(*ROW, "31.02.2025")
    rows += inline(*ROW, "9999-99-99") + inline(*ROW, "0000-00-00") + inline(*ROW, "31.12.2024")
    return sheet(rows)


BROKEN, BIG = "повреждён", "слишком большой"
FILES = (
    HostileFile("a workbook that is good", workbook, 1),
    HostileFile("truncated in the middle", lambda: workbook()[:2500], BROKEN),
    HostileFile("only the beginning", lambda: workbook()[:30], BROKEN),
    HostileFile("zeros in the middle", lambda: workbook()[:900] + bytes(300) + workbook()[1200:], BROKEN),
    HostileFile("not a ZIP after all", lambda: b"PK\x03\x04 not a zip", BROKEN),
    HostileFile("an empty ZIP", lambda: b"PK\x05\x06" + bytes(18), BROKEN),
    HostileFile("a ZIP of something else", nested_archives, BROKEN),
    HostileFile("wrong content type", lambda: changed({TYPES: b"<Types/>"}), BROKEN),
    HostileFile("no content types", lambda: changed({TYPES: None}), BROKEN),
    HostileFile("no workbook", lambda: changed({BOOK: None}), BROKEN),
    HostileFile("no relations", lambda: changed({BOOK_RELS: None}), BROKEN),
    HostileFile("no sheet", lambda: changed({SHEET: None}), BROKEN),
    HostileFile("a shared string of none", lambda: with_strings(""), BROKEN),
    HostileFile("shared strings of garbage", lambda: with_strings("<si></sst>"), BROKEN),
    HostileFile("no styles", lambda: changed({STYLES: None}), 1),
    HostileFile("styles of garbage", lambda: changed({STYLES: b"\x00\xff"}), BROKEN),
    HostileFile("a workbook of bad XML", lambda: changed({BOOK: b"<workbook><sheets>"}), BROKEN),
    HostileFile("a sheet of bad XML", lambda: changed({SHEET: b"<worksheet><sheetData><row>"}), BROKEN),
    HostileFile("a sheet that is binary", lambda: changed({SHEET: bytes(range(256)) * 40}), BROKEN),
    HostileFile("an empty sheet part", lambda: changed({SHEET: b""}), BROKEN),
    HostileFile("relations that go in a circle", cyclic_relations, "колонку"),
    HostileFile("a workbook without sheets", lambda: changed({BOOK: f'<workbook xmlns="{_MAIN}"/>'.encode()}), BROKEN),
    HostileFile("an entity bomb", lambda: sheet(GOOD.replace("Москва", "&i;"), prologue=_ENTITIES + "]>"), BROKEN),
    HostileFile("an entity bomb in UTF-16", lambda: sheet(GOOD.replace("Москва", "&i;"), prologue=_ENTITIES + "]>", encoding="utf-16"), BROKEN),
    HostileFile("an entity bomb below a long comment", lambda: sheet(GOOD.replace("Москва", "&i;"), prologue=f"<!--{'-+' * 50_000}-->{_ENTITIES}]>"), BROKEN),
    HostileFile("an entity of a local file", lambda: sheet(GOOD.replace("Москва", "&x;"), prologue='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), BROKEN),
    HostileFile("40 MB of shared strings in 40 KB", lambda: shared_strings(4, 10_000_000), BIG),
    HostileFile("two million equal shared strings", lambda: shared_strings(2_000_000, 1), BIG),
    HostileFile("600,000 different shared strings", many_short_strings, "колонк"),
    HostileFile("a dimension of the whole Excel", lambda: sheet(GOOD, '<dimension ref="A1:XFD1048576"/>'), 1),
    HostileFile("a negative dimension", lambda: sheet(GOOD, '<dimension ref="A-1:B-5"/>'), BROKEN),
    HostileFile("a dimension of nonsense", lambda: sheet(GOOD, '<dimension ref="(((("/>'), BROKEN),
    HostileFile("a row far below", lambda: sheet(GOOD + inline(*ROW, row=' r="1048576"')), "строк"),
    HostileFile("a row at minus one", lambda: sheet(inline(*HEADER) + inline(*ROW, row=' r="-1"')), 0),
    HostileFile("a row at infinity", lambda: sheet(GOOD + inline(*ROW, row=' r="1e999"')), BROKEN),
    HostileFile("a cell beyond the last column", lambda: sheet(GOOD + '<row><c r="ZZZZ1"><v>1</v></c></row>'), BROKEN),
    HostileFile("a shared string that isn't there", lambda: sheet(GOOD + '<row><c t="s"><v>999</v></c></row>'), BROKEN),
    HostileFile("a style that isn't there", lambda: sheet(GOOD + '<row><c s="999"><v>1</v></c></row>'), 1),
    HostileFile("a number of nonsense", lambda: sheet(inline(*HEADER) + "<row><c><v>1.2.3</v></c></row>"), BROKEN),
    HostileFile("numbers that are infinite or absent", lambda: sheet(inline(*HEADER) + inline("Москва", 50, float("1e308")) + inline("Москва", float("nan"), 9_000_000)), BROKEN),
    HostileFile("a surrogate escaped", lambda: sheet(inline(*HEADER) + inline("Мос_xD800_ква", 50, 9_000_000)), 1),
    HostileFile("dates that no calendar has", _sheet_of_dates, 1),
    HostileFile("twenty thousand columns", lambda: sheet(inline(*HEADER, *map(str, range(20_000)))), "колонок"),
    HostileFile("a hundred and fifty thousand rows", lambda: sheet(inline(*HEADER) + inline(*ROW) * 150_000), "слишком большой|строк"),
    HostileFile("five thousand members", many_members, BIG),
    HostileFile("a size that lies", lying_size, BROKEN),
    HostileFile("an encrypted member", encrypted, "парол"),
    HostileFile("an old XLS", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "XLS"),
    csv_file(b"", "an empty file", "колонку"),
    csv_file(bytes(5000), "a file of NUL", "колонку"),
    csv_file(b"\xff\xfe\x00", "half a letter of UTF-16", "колонку"),
    csv_file(bytes(random.Random(2).randbytes(50_000)), "random bytes", "колонку|кодировк|кавычка"),
    csv_file("\ufeff\ufeffгород;площадь;цена\nМосква;50;9000000\n".encode(), "two marks of UTF-8", 1),
    csv_file("город;площадь;цена\nМосква;50;9000000\n".encode("utf-16-be"), "UTF-16 without a mark", 1),
    csv_file("город;площадь;цена\nМосква;50;9000000\n".encode("utf-16"), "UTF-16 with a mark", 1),
    csv_file(table("Мос\x00ква;50;9000000;a\x07b"), "NUL and bells in cells", 1),
    csv_file("город#площадь#цена\nМосква#50#9000000\n".encode(), "a delimiter of one's own", "колонку"),
    csv_file(table('Москва;50;9000000;"' + "не закрыта " * 40_000), "a quote that is never closed", "кавычка"),
    csv_file(lambda: ("город;площадь;цена;" + "x" * 300_000).encode(), "a huge header", "кавычка"),
    csv_file(lambda: ("город;площадь;цена" + ";a" * 1_000_000 + "\n").encode(), "a million columns", "колонок"),
    csv_file(lambda: ("город;площадь;цена\n" + ";a" * 1_000_000 + "\n").encode(), "a million cells in a row", "колонок"),
    csv_file(lambda: b'"' * 1_000_000, "a million quotes", "кавычка|колонку"),
    csv_file(lambda: b'";' * 500_000, "half a million quotes and semicolons", "кавычка|колон"),
    csv_file(lambda: b"\n" * 5_000_000, "five million empty lines", "колонку"),
    csv_file(lambda: table(*["Москва;50;9000000;"] * 120_000), "a hundred and twenty thousand rows in CSV", "строк"),
    csv_file(lambda: bytes(21 * 2**20), "21 MB", "больше 20 МБ"),
    csv_file(lambda: table("Москва;" + "9" * 100_000 + ";1 " + " 1" * 50_000 + ";"), "numbers of a hundred thousand digits", 0),
    csv_file(table("Москва;50;1e400;", "Москва;nan;9000000;", "Москва;-50;9000000;"), "numbers out of all bounds", 0),
    csv_file(lambda: table("Москва;50;9000000;" + "8 (" * 40_000), "a description that looks like a phone without end", 0),
)  # fmt: skip
