"""Files as people have them."""

from __future__ import annotations

import io

import openpyxl
import pytest

from bots.real_estate.listings import importing
from bots.real_estate.listings.importing import ImportRefused, read_listings
from cli import import_listings

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
    monkeypatch.setattr(importing, "MAX_BYTES", 10)
    with pytest.raises(ImportRefused, match="больше"):
        read_listings("flats.csv", TABLE.encode())
    monkeypatch.setattr(importing, "MAX_BYTES", 10_000)
    monkeypatch.setattr(importing, "MAX_ROWS", 1)
    with pytest.raises(ImportRefused, match="строк"):
        read_listings("flats.csv", TABLE.encode())


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
