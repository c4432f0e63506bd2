"""One's own listings from CSV, TSV or XLSX: columns recognised, rows checked, people left out."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import charset_normalizer

from bots.real_estate.flat import FLAT_FIELDS, TEXT_FIELDS, WHOLE_FIELDS, Flat
from bots.real_estate.listings.store import Listing, plain

MAX_BYTES = 20 * 2**20
MAX_ROWS = 100_000
MAX_UNPACKED = 400 * 2**20  # an XLSX is a ZIP: a small file may hold a huge one
PROGRESS_EVERY = 1000

_ALIASES = {
    "city": "город, населенный пункт, town, locality",
    "okrug": "округ, ао",
    "district": "район, district_name, микрорайон",
    "metro": "метро, станция метро, станция, underground, subway, metro_station, nearest_metro",
    "metro_min": "минут до метро, мин до метро, до метро мин, время до метро, metro_minutes, time_to_metro, minutes to metro",
    "metro_mode": "способ до метро, как до метро, metro_transport, way_to_metro",
    "rooms": "комнат, комнаты, кол-во комнат, количество комнат, комнатность, число комнат, room_count, rooms_count, rooms number",
    "total_area": "площадь, общая площадь, площадь общая, площадь м2, s, area, square, total_meters, total area, area_total",
    "living_area": "жилая площадь, площадь жилая, жилая, living_meters, living area",
    "kitchen_area": "площадь кухни, кухня, kitchen_meters, kitchen, kitchen area",
    "floor": "этаж, level, этаж/этажность",
    "floors_total": "этажность, этажей, этажей в доме, всего этажей, floors, floors_count, max_floor, storeys",
    "year": "год, год постройки, год строительства, build_year, year_of_construction, built_year",
    "house_type": "тип дома, материал, материал стен, материал дома, house_material_type, building_type, material",
    "market": "рынок, тип жилья, вторичка/новостройка, новостройка или вторичка, type, object_type",
    "renovation": "ремонт, отделка, repair, condition, finish",
    "ceiling": "потолки, высота потолков, ceiling_height",
    "dist_center_m": "до центра м, расстояние до центра, cityCenters_nearest, citycenters_nearest",
    "airport_m": "до аэропорта м, airports_nearest",
    "lat": "широта, latitude",
    "lon": "долгота, longitude, lng",
    "street": "улица, адрес, address, location",
    "house_id": "дом, номер дома, house, house_number, building",
    "date": "дата, дата публикации, дата размещения, published, first_day_exposition, created, publication_date",
    "price": "цена, стоимость, цена руб, last_price, price_rub, cost",
    "url": "ссылка, link, адрес объявления, href",
    "source": "источник, площадка, portal",
    "photo": "фото, картинка, image, photo_url",
    "description": "описание, текст, комментарий, text, comment",
}  # fmt: skip
_PERSONAL = re.compile(
    r"телефон|phone|тел\b|контакт|contact|имя|фио|продавец|seller|author|автор|агент|agent|"
    r"собственник|owner|e-?mail|почта|whatsapp|telegram|менеджер"
)
_PHONE = re.compile(r"(?<!\d)(?:\+7|8)[\s(-]*\d{3}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2}(?!\d)")
_BOUNDS = {
    "price": (100_000, 20_000_000_000), "total_area": (8, 2000), "rooms": (0, 20), "floor": (1, 120),
    "floors_total": (1, 120), "year": (1700, 2100), "lat": (-90, 90), "lon": (-180, 180),
    "metro_min": (0, 300), "living_area": (4, 2000), "kitchen_area": (1, 500),
}  # fmt: skip
_ROOM_WORDS = (("студ", 0), ("studio", 0), ("одно", 1), ("двух", 2), ("тре", 3), ("четыр", 4))
_RENOVATIONS = (
    ("дизайн", "дизайнерский"), ("евро", "евро"), ("космет", "косметический"),
    ("без", "без ремонта"), ("чернов", "без ремонта"), ("требу", "без ремонта"),
    ("нет", "без ремонта"), ("чистов", "с ремонтом"), ("ремонт", "с ремонтом"), ("есть", "с ремонтом"),
)  # fmt: skip


class ImportRefused(Exception):
    """The whole file can't be taken; the text says why, for whoever sent it."""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one row; rows are numbered as a spreadsheet does."""

    row: int
    message: str


@dataclass(slots=True)
class ImportPreview:
    """What a file holds: listings that can be taken, and what can't."""

    columns: dict[str, str] = field(default_factory=dict)
    personal: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


def read_listings(
    name: str,
    content: bytes,
    *,
    source: str | None = None,
    demo: bool = False,
    keep_personal: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
) -> ImportPreview:
    """Read a file; bad rows are told, good ones returned. Raises ImportRefused."""
    if len(content) > MAX_BYTES:
        raise ImportRefused(f"Файл больше {MAX_BYTES // 2**20} МБ.")
    rows = _read_sheet(content) if content[:2] == b"PK" else _read_text(name, content)
    header = [str(cell or "").strip() for cell in next(rows, [])]
    preview = _match_columns(header)
    fields = {column: number for number, column in enumerate(header) if column in preview.columns}
    for number, row in enumerate(rows, start=2):
        if number - 1 > MAX_ROWS:
            raise ImportRefused(f"В файле больше {MAX_ROWS} строк.")
        if number % PROGRESS_EVERY == 0:
            progress(number)
        values = {
            preview.columns[column]: row[at]
            for column, at in fields.items()
            if at < len(row) and row[at] not in (None, "")
        }
        if not values:
            continue
        try:
            preview.listings.append(_listing(values, source or name, demo, keep_personal))
        except ValueError as error:
            preview.errors.append(RowError(number, str(error)))
    if keep_personal:
        preview.personal.clear()
    return preview


def _read_text(name: str, content: bytes) -> Iterator[Sequence[Any]]:
    text = _decode(content)
    head = "\n".join(text.splitlines()[:20])
    try:
        dialect: Any = csv.Sniffer().sniff(head, delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel_tab if name.lower().endswith(".tsv") else csv.excel
    try:
        yield from csv.reader(io.StringIO(text, newline=""), dialect)
    except csv.Error as error:
        raise ImportRefused(f"Файл не читается как таблица: {error}.") from error


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    # Short Russian texts puzzle the detector: the usual candidates are all it may choose from.
    best = charset_normalizer.from_bytes(
        content[:200_000], cp_isolation=["cp1251", "koi8_r", "utf_16", "cp866", "mac_cyrillic"]
    ).best()
    if best is None:
        raise ImportRefused("Не удалось понять кодировку. Сохрани файл как CSV UTF-8 или XLSX.")
    return content.decode(best.encoding, errors="replace").lstrip("\ufeff")


def _read_sheet(content: bytes) -> Iterator[Sequence[Any]]:
    import openpyxl  # type: ignore[import-untyped]  # 0.2 s that only a spreadsheet is worth
    from openpyxl.utils.exceptions import (  # type: ignore[import-untyped]
        InvalidFileException,
    )

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(item.file_size for item in archive.infolist()) > MAX_UNPACKED:
                raise ImportRefused("Таблица слишком большая.")
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise ImportRefused("Файл повреждён или это не таблица XLSX.") from error
    try:
        yield from book.worksheets[0].iter_rows(values_only=True)
    finally:
        book.close()


def _match_columns(header: Sequence[str]) -> ImportPreview:
    """Which field each column fills; the first column of a field wins."""
    preview = ImportPreview()
    for column in filter(None, header):
        name = _field_of(column)
        if _PERSONAL.search(plain(column) or "") and name is None:
            preview.personal.append(column)
        elif name and name not in preview.columns.values():
            preview.columns[column] = name
        else:
            preview.unknown.append(column)
    missing = {"price", "total_area"} - set(preview.columns.values())
    if missing:
        wanted = {"price": "«цена»", "total_area": "«площадь»"}
        names = " и ".join(wanted[name] for name in sorted(missing))
        raise ImportRefused(f"Не нашёл колонку {names}. Колонки файла: {', '.join(header)[:300]}.")
    return preview


def _field_of(column: str) -> str | None:
    wanted = _normal(column)
    for name, aliases in _ALIASES.items():
        if wanted == _normal(name) or wanted in map(_normal, aliases.split(",")):
            return name
    return None


def _normal(column: str) -> str:
    without_units = re.sub(r"[,(]\s*(?:м2|м²|кв\.?\s?м\.?|руб\.?|₽|м|мин\.?)\s*\)?\s*$", "", column)
    return re.sub(r"[\s_.,:№#()]+", " ", (plain(without_units) or "")).strip()


def _listing(values: dict[str, Any], source: str, demo: bool, keep_personal: bool) -> Listing:
    flat: dict[str, Any] = {}
    if isinstance(values.get("floor"), str) and (pair := _floor_pair(values["floor"])):
        values = {**values, "floor": pair[0], "floors_total": values.get("floors_total", pair[1])}
    for name in FLAT_FIELDS:
        if name in values:
            flat[name] = _read_value(name, values[name])
    for name in ("price", "total_area"):
        if flat.get(name) is None:
            raise ValueError(f"нет поля «{_ALIASES[name].split(',')[0]}»")
    floor, storeys = flat.get("floor"), flat.get("floors_total")
    if floor and storeys and floor > storeys:
        raise ValueError(f"этаж {floor} выше этажности {storeys}")
    description = str(values["description"]) if values.get("description") else None
    if description and not keep_personal:
        description = _PHONE.sub("[телефон убран]", description)
    return Listing(
        Flat(**flat),
        source=str(values.get("source") or source),
        url=_link(values.get("url")),
        photo=_link(values.get("photo")),
        description=description,
        demo=demo,
    )


def _read_value(name: str, value: Any) -> Any:
    if name == "date":
        return _read_date(value)
    if name == "renovation":
        text = plain(str(value)) or ""
        return next((kind for part, kind in _RENOVATIONS if part in text), None)
    if name in TEXT_FIELDS:
        return " ".join(str(value).split()) or None
    if name == "rooms" and isinstance(value, str):
        text = plain(value) or ""
        for part, count in _ROOM_WORDS:
            if part in text:
                return count
    number = _read_number(name, value)
    low, high = _BOUNDS.get(name, (0, 1e9))
    if not low <= number <= high:
        raise ValueError(f"{name}: {value} вне пределов {low}…{high}")
    return int(number) if name in WHOLE_FIELDS else number


def _read_number(name: str, value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    text = plain(str(value).replace("\u00a0", " ")) or ""
    match = re.search(r"-?\d[\d ]*(?:[.,]\d+)?", text)
    if not match:
        raise ValueError(f"{name}: «{str(value)[:40]}» не число")
    number = float(match[0].replace(" ", "").replace(",", "."))
    if name == "price" and re.search(r"млн|mln", text):
        number *= 1_000_000
    elif name == "price" and re.search(r"тыс", text):
        number *= 1_000
    return number


def _read_date(value: Any) -> str:
    if isinstance(value, (datetime, date)):
        return value.strftime("%Y-%m-%d")
    text = str(value).strip()
    if match := re.match(r"(\d{4})-(\d{2})(?:-(\d{2}))?", text):
        return match[0]
    if match := re.match(r"(\d{1,2})[./](\d{1,2})[./](\d{4})", text):
        return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}"
    raise ValueError(f"дата «{text[:40]}» не понята: нужна 2024-05-31 или 31.05.2024")


def _floor_pair(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"\s*(\d+)\s*(?:/|из)\s*(\d+).*", text)
    return (int(match[1]), int(match[2])) if match else None


def _link(value: Any) -> str | None:
    text = str(value or "").strip()
    return text if re.match(r"https?://\S+$", text) else None
