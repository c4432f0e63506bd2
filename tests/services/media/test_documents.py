"""Documents of all formats, read in their process; what isn't read is told in one line."""

from __future__ import annotations

import io

import pytest

from services.media.documents import DocumentRefused, Page, read_document, reading
from tests.fakes.documents import make_docx, make_pdf, make_xlsx, make_zip
from tests.fakes.hostile_documents import HOSTILE

TABLE = [["Город", "Цена"], ["Казань", 7_100_000], ["Омск", 4.5]]


async def test_a_pdf_page_by_page() -> None:
    document = await read_document(make_pdf(["Договор аренды\nплата 30 000 ₽", "Подписи"]), "d.pdf")
    assert document.pages == (Page("Договор аренды\nплата 30 000 ₽", 1), Page("Подписи", 2))
    assert (document.kind, document.name, document.blank) == ("pdf", "d.pdf", ())


async def test_a_pdf_that_matplotlib_made() -> None:
    """Another producer, with a font of its own inside."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    content = io.BytesIO()
    with mpl.rc_context({"pdf.fonttype": 42}):
        figure = Figure()
        figure.text(0.1, 0.5, "Кадастровый номер 77:01:0001001:1234")
        figure.savefig(content, format="pdf")
    document = await read_document(content.getvalue(), "egrn.pdf")
    assert "77:01:0001001:1234" in document.pages[0].text


async def test_the_name_of_a_file_decides_nothing() -> None:
    pdf, docx = make_pdf(["Это PDF, хотя назван иначе"]), make_docx("Это DOCX")
    assert (await read_document(pdf, "book.docx")).kind == "pdf"
    assert (await read_document(docx, "table.csv")).kind == "docx"
    assert (await read_document(make_xlsx({"Лист": TABLE}), "x.txt")).kind == "xlsx"
    assert (await read_document("город;цена\nКазань;5\nОмск;4\n".encode(), "a")).kind == "csv"
    assert (await read_document(b"<!DOCTYPE html><p>hello", "page.txt")).kind == "html"
    assert (await read_document("Да, и это, и то.\nНет.".encode(), "a.pdf")).kind == "text"


async def test_a_docx_with_pages_a_table_and_a_text_box() -> None:
    table = (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Срок</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:p><w:r><w:t>11</w:t></w:r><w:r><w:t> месяцев</w:t></w:r></w:p></w:tc></w:tr>"
        "</w:tbl>"
        '<w:p xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:r>'
        "<mc:AlternateContent><mc:Choice><w:t>рамка</w:t></mc:Choice>"
        "<mc:Fallback><w:t>рамка</w:t></mc:Fallback></mc:AlternateContent>"
        "<w:delText>удалено</w:delText></w:r></w:p>"
    )
    document = await read_document(make_docx("Первая", "\f", "Вторая", body=table), "d.docx")
    assert document.pages == (Page("Первая", 1), Page("Вторая\nСрок | 11 месяцев\nрамка", 2))


async def test_a_workbook_sheet_by_sheet() -> None:
    document = await read_document(make_xlsx({"Цены": TABLE, "Пустой": [], "Итог": [[1]]}), "x")
    assert document.pages == (
        Page("Город | Цена\nКазань | 7100000\nОмск | 4.5", title="Цены"),
        Page("1", title="Итог"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
async def test_a_text_in_any_encoding(encoding: str) -> None:
    text = "Правила проживания в общежитии:\nтишина после одиннадцати вечера.\n" * 3
    document = await read_document(text.encode(encoding), "rules.txt")
    assert document.pages == (Page(text.strip()),)


async def test_html_as_a_browser_shows_it() -> None:
    page = (
        "<html><head><title>Тариф</title><style>p {}</style><script>alert('no')</script></head>"
        "<body><h1>Цены&nbsp;и сроки</h1><p>Стоит <b>500</b> ₽<br>в месяц</p>"
        "<table><tr><td>Скорость<td>100 Мбит</tr></table></body>"
    )
    document = await read_document(page.encode(), "tariff.html")
    assert document.text == "Тариф\nЦены и сроки\nСтоит 500 ₽\nв месяц\nСкорость | 100 Мбит"
    russian = '<html><meta charset="windows-1251"><p>Привет'.encode("cp1251")
    assert (await read_document(russian, "")).text == "Привет"


async def test_pages_without_text_are_told() -> None:
    scan = "с. 2"
    document = await read_document(make_pdf(["Первая страница с текстом", scan], picture=True))
    assert (document.blank, len(document.pages)) == ((2,), 1)
    with pytest.raises(DocumentRefused, match="скан"):
        await read_document(make_pdf(["", ""], picture=True))


def test_what_is_too_long_is_read_to_its_bound() -> None:
    lines, omitted = reading.bounded(["строка"] * 1000, 100)
    assert len(lines) == 15
    assert "строк: 15" in omitted


REFUSED = {
    "nothing": (b" \n", "нет текста"),
    "empty docx": (make_docx(), "нет текста"),
    "zip": (make_zip({"a.txt": b"text"}), "Архивы"),
    "slides": (make_zip({"ppt/presentation.xml": b"<p/>"}), "Презентации"),
    "odt": (make_zip({"mimetype": b"application/vnd.oasis.opendocument.text"}), "OpenDocument"),
    "doc": (b"\xd0\xcf\x11\xe0" + bytes(600), "старый формат"),
    "rtf": (b"{\\rtf1 text}", "RTF"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "картинка"),
    "program": (b"\x7fELF" + bytes(600), "Не понимаю"),
    "half a pdf": (make_pdf(["текст"])[:300], "повреждён"),
    "half a docx": (make_docx("текст")[:200], "повреждён"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_not_read_is_told_in_one_line(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(DocumentRefused, match=words) as caught:
        await read_document(content, name)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_made_to_hurt_is_refused_or_read_in_part(name: str) -> None:
    """`python -m benchmarks.documents` prints what each costs."""
    document = HOSTILE[name]
    file_name = f"file.{name[:4].strip(': ').lower()}"
    if not document.refusal:
        assert (await read_document(document.make(), file_name)).characters
        return
    with pytest.raises(DocumentRefused, match=document.refusal) as caught:
        await read_document(document.make(), file_name)
    assert "\n" not in str(caught.value)
