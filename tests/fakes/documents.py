"""Make files for tests: PDF, DOCX and XLSX with given texts, and their hostile kin."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence

import openpyxl

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TO_UNICODE = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /U def "
    b"1 begincodespacerange <0000> <FFFF> endcodespacerange "
    b"1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap end end"
)


def make_pdf(
    pages: Sequence[str], *, catalog: str = "", objects: Sequence[bytes] = (), picture: bool = False
) -> bytes:
    """A PDF with a composite font, as office programs write Russian; "" is a page without text.

    `catalog` goes into the document's catalog, `objects` are numbered from 10 on. With
    `picture` each page shows one.
    """
    parts: dict[int, bytes] = {
        3: b"<</Type/Font/Subtype/Type0/BaseFont/F/Encoding/Identity-H/DescendantFonts[4 0 R]"
        b"/ToUnicode 5 0 R>>",
        4: b"<</Type/Font/Subtype/CIDFontType2/BaseFont/F/CIDSystemInfo"
        b"<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 500>>",
        5: _stream(_TO_UNICODE),
        6: _stream(b"\x80" * 64, b"/Type/XObject/Subtype/Image/Width 8/Height 8"
                   b"/ColorSpace/DeviceGray/BitsPerComponent 8"),
    }  # fmt: skip
    parts |= dict(enumerate(objects, 10))
    first = 10 + len(objects)
    kids = []
    for number, text in enumerate(pages):
        page, content = first + 2 * number, first + 2 * number + 1
        kids.append(f"{page} 0 R")
        image = b"/XObject<</Im 6 0 R>>" if picture else b""
        parts[page] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>"
            + image + b">>/Contents %d 0 R>>" % content
        )  # fmt: skip
        parts[content] = _stream(_page_content(text, picture=picture))
    parts[2] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    parts[1] = f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode()
    return _joined(parts)


def _page_content(text: str, *, picture: bool) -> bytes:
    shown = "".join(
        f"<{line.encode('utf-16-be').hex()}> Tj 0 -16 Td " for line in text.splitlines() if line
    )
    return (b"q 500 0 0 700 40 70 cm /Im Do Q " if picture else b"") + (
        f"BT /F 12 Tf 50 780 Td {shown}ET".encode() if shown else b""
    )


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    packed = zlib.compress(content)
    head = b"<<%s/Filter/FlateDecode/Length %d>>" % (entries, len(packed))
    return head + b"stream\n" + packed + b"\nendstream"


def _joined(parts: dict[int, bytes]) -> bytes:
    result = bytearray(b"%PDF-1.7\n")
    offsets = {}
    for number, body in sorted(parts.items()):
        offsets[number] = len(result)
        result += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(result)
    size = max(parts) + 1
    result += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        offset = offsets.get(number)
        result += b"%010d 00000 n \n" % offset if offset else b"0000000000 00000 f \n"
    return bytes(result) + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, table)


def make_docx(*paragraphs: str, body: str = "", prologue: str = "") -> bytes:
    """A DOCX; a paragraph of "\\f" is a page break, `body` is further XML."""
    shown = "".join(
        '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
        if text == "\f"
        else f'<w:p><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
        for text in paragraphs
    )
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>{prologue}<w:document xmlns:w="{_WORD}">'
        f"<w:body>{shown}{body}</w:body></w:document>"
    )
    return make_zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": document.encode()})


def make_zip(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def make_xlsx(sheets: dict[str, Sequence[Sequence[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def make_picture(width: int, height: int, form: str = "PNG") -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(content, form)
    return content.getvalue()
