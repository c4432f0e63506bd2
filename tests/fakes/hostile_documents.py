"""Documents that are made to hurt: what a reader must refuse, or read within its bounds."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

from tests.fakes.documents import make_docx, make_pdf, make_xlsx, make_zip

MEGABYTE = 2**20


class HostileDocument(NamedTuple):
    """A file, and a part of the refusal; "" where it is read, at least in part."""

    make: Callable[[], bytes]
    refusal: str


def _laughs() -> bytes:
    entities = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return make_docx("&i;", prologue=f'<!DOCTYPE lol [<!ENTITY a "ha">{entities}]>')


def _late_laughs() -> bytes:
    """The entities stand behind a comment that is longer than what is looked through."""
    return make_docx("&a;", prologue=f'<!--{"x" * 80_000}--><!DOCTYPE l [<!ENTITY a "ha">]>')


def _many_members() -> bytes:
    members = {f"word/media/{number}.xml": bytes(900_000) for number in range(400)}
    return make_zip({"word/document.xml": b"<w/>", **members})


def _overlapping() -> bytes:
    """The directory names one packed megabyte 1900 times."""
    packed = make_zip({"word/document.xml": b"<a>" + b"x" * (MEGABYTE - 10) + b"</a>"})
    start = packed.index(b"PK\x01\x02")
    end = packed.index(b"PK\x05\x06")
    entry, tail = packed[start:end], packed[end:]
    count = 1900
    size = len(entry) * count
    tail = (
        tail[:8]
        + count.to_bytes(2, "little") * 2
        + size.to_bytes(4, "little")
        + start.to_bytes(4, "little")
        + tail[20:]
    )
    return packed[:start] + entry * count + tail


def _wide_workbook() -> bytes:
    cells = b"<c><v>1</v></c>" * 1_000_000
    book = make_xlsx({"S": [[1]]})
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<sheetData><row>" + cells + b"</row></sheetData></worksheet>"
    )
    return _replaced(book, "xl/worksheets/sheet1.xml", sheet, stored=True)


def _replaced(archive: bytes, name: str, content: bytes, *, stored: bool) -> bytes:
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        how = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        new.writestr(name, content, compress_type=how)
    return result.getvalue()


def _flate(content: bytes, times: int = 1, entries: bytes = b"") -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    filters = b"/FlateDecode " * times
    head = b"<<%s/Filter[%s]/Length %d>>" % (entries, filters, len(content))
    return head + b"stream\n" + content + b"\nendstream"


def _pdf_with_content(
    content: bytes, resources: bytes = b"", more: tuple[bytes, ...] = ()
) -> bytes:
    """A PDF whose second page is this stream; `more` are objects from 12 on."""
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>"
        + resources + b">>/Contents 11 0 R>>"
    )  # fmt: skip
    made = make_pdf(["Первая страница"], objects=(page, content, *more))
    return _with_kids(made, b"10 0 R")


def _with_kids(pdf: bytes, kids: bytes, count: int = 2) -> bytes:
    """Put more pages before the first one. The table of offsets becomes wrong: it is rebuilt."""
    start = pdf.index(b"/Count 1/Kids[")
    head = b"/Count %d/Kids[%s " % (count, kids)
    pdf = pdf[:start] + head + pdf[start + len(b"/Count 1/Kids[") :]
    return pdf[: pdf.rindex(b"startxref")] + b"startxref\n0\n%%EOF"


def _branching_forms() -> bytes:
    """Each form draws the next one twice: 2 to the 30th power in all."""
    forms = []
    for number in range(12, 42):
        resources = b"/Resources<</XObject<</A %d 0 R>>>>" % (number + 1)
        head = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]" + resources
        forms.append(_flate(b"/A Do /A Do", entries=head))
    forms.append(
        _flate(b"BT /F 9 Tf (x) Tj ET", entries=b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    )
    return _pdf_with_content(_flate(b"/A Do"), b"/XObject<</A 12 0 R>>", tuple(forms))


def _wide_cmap() -> bytes:
    ranges = b"100 beginbfrange\n" + b"<0000> <FFFF> <0000>\n" * 100 + b"endbfrange\n"
    cmap = b"begincmap\n" + ranges * 2000 + b"endcmap"
    return make_pdf(["текст"], objects=(_flate(cmap),)).replace(
        b"/ToUnicode 5 0", b"/ToUnicode 10 0"
    )


def _locked() -> bytes:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(["тайна"])))
    writer.encrypt("password", algorithm="AES-256")
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def _page_loop() -> bytes:
    node = b"<</Type/Pages/Count 5/Kids[10 0 R 10 0 R 2 0 R]>>"
    return _with_kids(make_pdf(["текст страницы"], objects=(node,)), b"10 0 R")


_SCRIPT = "<</S/JavaScript/JS(app.alert\\(1\\))>>"
_LARGE_DOCX = "Абзац с несколькими словами, каких много. "

HOSTILE: dict[str, HostileDocument] = {
    "21 МБ": HostileDocument(lambda: b"a" * (21 * MEGABYTE), "больше 20 МБ"),
    "DOCX: 400 МБ нулей в одном файле": HostileDocument(
        lambda: make_zip({"word/document.xml": bytes(400 * MEGABYTE)}), "слишком большой объём"
    ),
    "DOCX: 400 файлов по 0,9 МБ": HostileDocument(_many_members, "слишком большой объём"),
    "DOCX: одни байты под 1900 именами": HostileDocument(_overlapping, "слишком большой объём"),
    "DOCX: сущности XML": HostileDocument(_laughs, "повреждён"),
    "DOCX: сущности за комментарием": HostileDocument(_late_laughs, "повреждён"),
    "DOCX: 200 000 уровней вложенности": HostileDocument(
        lambda: make_docx(body="<w:a>" * 200_000 + "</w:a>" * 200_000), "слишком большой объём"
    ),
    "DOCX: 15 МБ текста": HostileDocument(
        lambda: make_docx(*[_LARGE_DOCX * 5] * 40_000), ""
    ),
    "XLSX: миллион колонок": HostileDocument(_wide_workbook, "200 колонок"),
    "CSV: миллион колонок": HostileDocument(
        lambda: b"\n".join([b";".join([b"1"] * 1_000_000)] * 3), "200 колонок"
    ),
    "CSV: незакрытая кавычка, 19 МБ": HostileDocument(
        lambda: b"a;b\n1;2\n3;\"" + b"x;y\n" * (19 * MEGABYTE // 4), "кавычка"
    ),
    "PDF: 10 000 страниц": HostileDocument(lambda: make_pdf(["с"] * 10_000), "1000 страниц"),
    "PDF: 10 000 страниц, в счётчике одна": HostileDocument(
        lambda: make_pdf(["с"] * 10_000).replace(b"/Count 10000", b"/Count 00001"), "1000 страниц"
    ),
    "PDF: дерево страниц замкнуто": HostileDocument(_page_loop, "повреждён"),
    "PDF: JavaScript при открытии": HostileDocument(
        lambda: make_pdf(["текст"], catalog=f"/OpenAction{_SCRIPT}"), "JavaScript"
    ),
    "PDF: JavaScript в именах": HostileDocument(
        lambda: make_pdf(["текст"], catalog=f"/Names<</JavaScript<</Names[(a){_SCRIPT}]>>>>"),
        "JavaScript",
    ),
    "PDF: страница распаковывается в 1 ГБ": HostileDocument(
        lambda: _pdf_with_content(_flate(bytes(1024 * MEGABYTE), 3)), ""
    ),
    "PDF: 3 млн операторов на странице": HostileDocument(
        lambda: _pdf_with_content(_flate(b"BT " + b"(a) Tj " * 3_000_000 + b"ET")), ""
    ),
    "PDF: формы, рисующие друг друга": HostileDocument(_branching_forms, ""),
    "PDF: таблица символов из 13 млрд записей": HostileDocument(_wide_cmap, "нет текста"),
    "PDF: 10 млн вложенных словарей": HostileDocument(
        lambda: b"%PDF-1.7\n1 0 obj\n" + b"<</A" * 4_000_000, "повреждён"
    ),
    "PDF под паролем": HostileDocument(_locked, "под паролем"),
    "HTML: миллион вложенных div": HostileDocument(
        lambda: b"<html><body>" + b"<div>" * 1_000_000 + b"text", ""
    ),
    "HTML: 19 МБ незакрытых тегов": HostileDocument(
        lambda: b"<html><body><p>text</p>" + b"<a " * (19 * MEGABYTE // 3), ""
    ),
    "HTML: незакрытый комментарий": HostileDocument(
        lambda: b"<html><body><p>text</p><!--" + b"<!-- " * (19 * MEGABYTE // 5), ""
    ),
    "TXT: строка в 19 МБ": HostileDocument(lambda: b"word " * (19 * MEGABYTE // 5), ""),
}  # fmt: skip
