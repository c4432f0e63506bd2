"""Which field of a flat each column of somebody's table fills."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bots.real_estate.listings.plain import plain
from services.sandbox import Refused

MAX_NAME = 100  # characters of a column's name that count

_ALIASES = {
    "city": "город, населенный пункт, town, locality",
    "okrug": "округ, ао",
    "district": "район, district_name, микрорайон",
    "metro": "метро, станция метро, станция, underground, subway, metro_station, nearest_metro",
    "metro_min": "минут до метро, мин до метро, до метро мин, время до метро, metro_minutes, "
    "time_to_metro, minutes to metro",
    "metro_mode": "способ до метро, как до метро, metro_transport, way_to_metro",
    "rooms": "комнат, комнаты, кол-во комнат, количество комнат, комнатность, число комнат, "
    "room_count, rooms_count, rooms number",
    "total_area": "площадь, общая площадь, площадь общая, площадь м2, s, area, square, "
    "total_meters, total area, area_total",
    "living_area": "жилая площадь, площадь жилая, жилая, living_meters, living area",
    "kitchen_area": "площадь кухни, кухня, kitchen_meters, kitchen, kitchen area",
    "floor": "этаж, level, этаж/этажность",
    "floors_total": "этажность, этажей, этажей в доме, всего этажей, floors, floors_count, "
    "max_floor, storeys",
    "year": "год, год постройки, год строительства, build_year, year_of_construction, built_year",
    "house_type": "тип дома, материал, материал стен, материал дома, house_material_type, "
    "building_type, material",
    "market": "рынок, тип жилья, вторичка/новостройка, новостройка или вторичка, type, object_type",
    "renovation": "ремонт, отделка, repair, condition, finish",
    "ceiling": "потолки, высота потолков, ceiling_height",
    "dist_center_m": "до центра м, расстояние до центра, citycenters_nearest",
    "airport_m": "до аэропорта м, airports_nearest",
    "lat": "широта, latitude",
    "lon": "долгота, longitude, lng",
    "street": "улица, адрес, address, location",
    "house_id": "дом, номер дома, house, house_number, building",
    "date": "дата, дата публикации, дата размещения, published, first_day_exposition, created, "
    "publication_date",
    "price": "цена, стоимость, цена руб, last_price, price_rub, cost",
    "url": "ссылка, link, адрес объявления, href",
    "source": "источник, площадка, portal",
    "photo": "фото, картинка, image, photo_url",
    "description": "описание, текст, комментарий, text, comment",
}
# A column that no field claims and whose name has one of these is about a person.
_PERSONAL = (
    "телефон", "phone", "контакт", "contact", "имя", "фио", "продавец", "seller", "author",
    "автор", "агент", "agent", "собственник", "owner", "email", "e-mail", "почта", "whatsapp",
    "telegram", "менеджер",
)  # fmt: skip
_UNITS = ("м2", "м²", "кв м", "кв.м", "кв. м", "кв м.", "кв.м.", "кв. м.", "руб", "руб.", "₽", "м", "мин", "мин.")  # fmt: skip
REQUIRED = {"price": "цена", "total_area": "площадь"}


@dataclass(frozen=True, slots=True)
class Columns:
    """A table's columns: `fields` by name, where each stands, and what is left out."""

    fields: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def match_columns(header: Sequence[str]) -> Columns:
    """Match a header with our fields; the first column of a field wins. Raises Refused."""
    fields: dict[str, str] = {}
    places: dict[str, int] = {}
    personal, unknown = [], []
    for at, column in enumerate(header):
        name = _FIELDS.get(_normal(column))
        if not column:
            continue
        if name and name not in places:
            fields[column] = name
            places[name] = at
        elif name is None and _is_personal(column):
            personal.append(column)
        else:
            unknown.append(column)
    missing = [f"«{REQUIRED[name]}»" for name in sorted(REQUIRED.keys() - places.keys())]
    if missing:
        found = ", ".join(filter(None, header))[:300] or "пусто"
        raise Refused(
            f"Не нашёл колонку {' и '.join(missing)}. Назови её так в первой строке. "
            f"Сейчас там: {found}."
        )
    return Columns(fields, places, tuple(personal), tuple(unknown))


def _is_personal(column: str) -> bool:
    name = plain(column[:MAX_NAME]) or ""
    return any(word in name for word in _PERSONAL) or "тел" in re.split(r"\W+", name)


def _normal(column: str) -> str:
    """A column's name without its unit, case and punctuation."""
    name = (plain(" ".join(column[:MAX_NAME].split())) or "").rstrip(")").rstrip()
    for mark in (",", "("):
        before, _, unit = name.rpartition(mark)
        if before and unit.strip() in _UNITS:
            name = before
            break
    return re.sub(r"[\s_.,:№#()]+", " ", name).strip()


_FIELDS = {
    _normal(alias): name
    for name, aliases in _ALIASES.items()
    for alias in (name, *aliases.split(","))
}
