"""Files as people have them."""

from __future__ import annotations

import io
import re
import time

import openpyxl
import pytest

from bots.real_estate.listings import importing
from bots.real_estate.listings.importing import ImportRefused, read_listings, read_untrusted
from cli import import_listings
from services import spreadsheet
from tests.bots.real_estate.hostile_files import FILES, HostileFile

SECONDS_A_FILE = 20.0  # on a busy machine; the figures are a tenth of it
TABLE = (
    "Город;Район;Метро;Комнат;Площадь, м2;Этаж;Ремонт;Цена, руб.;Телефон;Имя продавца;"
    "Дата;Описание\n"
    "Москва;Сокол;Сокол;2-к;54,3;5/9;Евро;15 500 000;+7 999 123-45-67;Иван;31.05.2025;"
    "Звоните 8 (999) 123-45-67\n"
    "Москва;Сокол;Сокол;студия;25;3/17;без ремонта;9,5 млн;;;2025-06-01;\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_encodings_and_delimiters(encoding: str, delimiter: str) -> None:
    content = TABLE.replace(";", delimiter).encode(encoding)
    preview = read_listings("flats.csv", content)
    first, second = (listing.flat for listing in preview.listings)
    assert (first.city, first.rooms, first.total_area) == ("Москва", 2, 54.3)
    assert (first.floor, first.floors_total, first.renovation) == (5, 9, "евро")
    assert (first.price, first.date) == (15_500_000, "2025-05-31")
    assert (second.rooms, second.price, second.renovation) == (0, 9_500_000, "без ремонта")


def test_people_are_left_out() -> None:
    preview = read_listings("flats.csv", TABLE.encode())
    assert preview.personal == ["Телефон", "Имя продавца"]
    assert preview.listings[0].description == "Звоните [телефон убран]"
    assert "Иван" not in repr(preview.listings)


def test_spreadsheet_and_english_columns() -> None:
    book = openpyxl.Workbook()
    book.active.append(["city", "area", "rooms_count", "floor", "floors_count", "price", "color"])
    book.active.append(["Казань", 41.5, 1, 2, 9, 7_000_000, "red"])
    content = io.BytesIO()
    book.save(content)
    preview = read_listings("flats.xlsx", content.getvalue())
    assert preview.listings[0].flat.floors_total == 9
    assert preview.unknown == ["color"]


def test_bad_rows_are_told_and_good_ones_taken() -> None:
    content = (
        "площадь,цена,этаж,этажность\n50,9000000,3,5\nмного,9000000,3,5\n50,9000000,7,5\n50,,1,5\n"
    )
    preview = read_listings("flats.csv", content.encode())
    assert len(preview.listings) == 1
    assert [error.row for error in preview.errors] == [3, 4, 5]
    assert "не число" in preview.errors[0].message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a;b\n1;2\n", "колонку"),
        (b"PK\x03\x04 not a zip", "повреждён"),
        (b"", "колонку"),
    ],
)
def test_unusable_files_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ImportRefused, match=reason):
        read_listings("flats.csv", content)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "MAX_BYTES", 10)
    with pytest.raises(ImportRefused, match="больше"):
        read_listings("flats.csv", TABLE.encode())
    monkeypatch.setattr(spreadsheet, "MAX_BYTES", 10_000)
    monkeypatch.setattr(spreadsheet, "MAX_ROWS", 1)
    with pytest.raises(ImportRefused, match="строк"):
        read_listings("flats.csv", TABLE.encode())


@pytest.mark.parametrize("file", FILES, ids=[file.id for file in FILES])
def test_hostile_file_is_refused_in_one_line_or_read(file: HostileFile) -> None:
    content = file.make()
    started = time.perf_counter()
    try:
        found: object = len(read_listings(file.name, content).listings)
    except ImportRefused as error:
        found = str(error)
    assert time.perf_counter() - started < SECONDS_A_FILE
    if isinstance(file.expected, int):
        assert found == file.expected
    else:
        assert isinstance(found, str), f"read {found} flats"
        assert re.search(file.expected, found)
        assert "\n" not in found
        assert re.search(r"[А-Яа-я]{3}.*\.$", found), "it is told in Russian"


@pytest.mark.parametrize("id", ["a workbook that is good", "an entity bomb", "a huge header"])
async def test_files_of_others_are_read_in_a_process_of_its_own(id: str) -> None:
    [file] = [file for file in FILES if file.id == id]
    if file.expected == 1:
        preview = await read_untrusted(file.name, file.make(), source="портал")
        assert [listing.source for listing in preview.listings] == ["портал"]
        return
    with pytest.raises(ImportRefused, match=str(file.expected)):
        await read_untrusted(file.name, file.make())


async def test_file_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "SECONDS", 0.05)
    with pytest.raises(ImportRefused, match="слишком сложный"):
        await read_untrusted("flats.csv", TABLE.encode())


async def test_file_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MEGABYTES", 300)
    table = "площадь;цена;описание\n" + "50;9000000;слово\n" * 90_000
    with pytest.raises(ImportRefused, match="слишком сложный"):
        await read_untrusted("flats.csv", table.encode(), source="x" * 200_000_000)


def test_dates_that_no_calendar_has_are_told() -> None:
    content = "площадь,цена,дата\n50,9000000,31.02.2025\n50,9000000,31.12.1899\n"
    errors = read_listings("flats.csv", content.encode()).errors
    assert [error.message for error in errors] == [
        "даты 31.2.2025 нет в календаре",
        "дата 31.12.1899: год вне пределов 1990…2100",
    ]


def test_shell_import(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "flats.csv"
    file.write_text(TABLE, encoding="utf-8")
    assert import_listings.main([str(file), "--dry-run"]) == 0
    assert "Строк с квартирами: 2" in capsys.readouterr().out
    assert import_listings.main([str(file), "--no-training"]) == 0
    assert "Новых 2" in capsys.readouterr().out
    assert import_listings.main([str(file), "--no-training"]) == 0
    assert "без изменений 2" in capsys.readouterr().out
    assert import_listings.main([str(tmp_path / "none.csv")]) == 1
