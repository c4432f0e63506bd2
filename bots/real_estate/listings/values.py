"""One cell of a table to one field of a flat; ValueError says what is wrong with it."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from bots.real_estate.flat import TEXT_FIELDS, WHOLE_FIELDS
from bots.real_estate.listings.contacts import remove_contacts, without_contacts
from bots.real_estate.listings.plain import plain, printable

MAX_SHORT = 300  # characters of an address, a place, a source
MAX_LINK = 2000

_BOUNDS = {
    "price": (100_000, 20_000_000_000), "total_area": (8, 2000), "rooms": (0, 20), "floor": (1, 120),
    "floors_total": (1, 120), "year": (1700, 2100), "lat": (-90, 90), "lon": (-180, 180),
    "metro_min": (0, 300), "living_area": (4, 2000), "kitchen_area": (1, 500),
}  # fmt: skip
_EARLIEST, _LATEST = 1990, 2100  # years of a listing's date
_ROOM_WORDS = (("студ", 0), ("studio", 0), ("одно", 1), ("двух", 2), ("тре", 3), ("четыр", 4))
_RENOVATIONS = (
    ("дизайн", "дизайнерский"), ("евро", "евро"), ("космет", "косметический"),
    ("без", "без ремонта"), ("чернов", "без ремонта"), ("требу", "без ремонта"),
    ("нет", "без ремонта"), ("чистов", "с ремонтом"), ("ремонт", "с ремонтом"), ("есть", "с ремонтом"),
)  # fmt: skip
_NUMBER = re.compile(r"-?\d[\d ]*(?:[.,]\d+)?")
_MULTIPLIERS = (("млн", 1_000_000), ("mln", 1_000_000), ("тыс", 1_000))
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
_RUSSIAN_DATE = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})")
_FLOOR_OF = re.compile(r"\s{0,5}(\d{1,3})\s{0,5}(?:/|из)\s{0,5}(\d{1,3})(?!\d)")
_LINK = re.compile(r"https?://[^\s<>\"]+")


def read_value(name: str, value: Any, *, keep_personal: bool = False) -> Any:
    """The value of the field `name`."""
    if name == "date":
        return _read_date(value)
    if name == "renovation":
        text = plain(str(value)) or ""
        return next((kind for part, kind in _RENOVATIONS if part in text), None)
    if name in TEXT_FIELDS:
        return read_text(value, keep_personal=keep_personal)
    if name == "rooms" and (count := _rooms_in_words(value)) is not None:
        return count
    number = _read_number(name, value)
    low, high = _BOUNDS.get(name, (0, 1e9))
    if not low <= number <= high:
        raise ValueError(f"{name}: {str(value)[:40]} вне пределов {low}…{high}")
    return int(number) if name in WHOLE_FIELDS else number


def read_text(value: Any, *, keep_personal: bool = False) -> str | None:
    """A short text on one line, without contacts."""
    text = " ".join(printable(str(value)).split())[:MAX_SHORT]
    return (text if keep_personal else without_contacts(text)) or None


def read_description(value: Any, *, keep_personal: bool = False) -> str | None:
    text = printable(str(value)).strip() if value not in (None, "") else ""
    return (text if keep_personal else remove_contacts(text)) or None


def read_link(value: Any) -> str | None:
    """A link to a listing or a photo; one to a person's page is none."""
    text = printable(str(value or "")).strip()
    if len(text) > MAX_LINK or not _LINK.fullmatch(text) or _leads_to_a_person(text):
        return None
    return text


def floor_of_storeys(value: Any) -> tuple[int, int] | None:
    """«5/9» and «5 из 9»: the floor and the number of storeys."""
    match = _FLOOR_OF.match(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


_PEOPLES_SITES = (
    "t.me", "telegram.me", "wa.me", "api.whatsapp.com", "vk.com", "vk.ru", "ok.ru", "viber.click",
    "instagram.com", "facebook.com",
)  # fmt: skip


def _leads_to_a_person(link: str) -> bool:
    host = re.split(r"[/?#:]", link.partition("://")[2].lower(), maxsplit=1)[0]
    return host.removeprefix("www.").removeprefix("m.") in _PEOPLES_SITES


def _rooms_in_words(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    text = plain(value) or ""
    return next((count for part, count in _ROOM_WORDS if part in text), None)


def _read_number(name: str, value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    text = plain(str(value).replace("\u00a0", " ")) or ""
    match = _NUMBER.search(text)
    if not match:
        raise ValueError(f"{name}: «{printable(str(value))[:40]}» не число")
    number = float(match[0].replace(" ", "").replace(",", "."))
    if name == "price":
        number *= next((factor for word, factor in _MULTIPLIERS if word in text), 1)
    return number


def _read_date(value: Any) -> str:
    if isinstance(value, (datetime, date)):
        return _checked_date(value.year, value.month, value.day)
    text = str(value).strip()
    if match := _ISO_DATE.match(text):
        return _checked_date(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
    if match := _RUSSIAN_DATE.match(text):
        return _checked_date(int(match[3]), int(match[2]), int(match[1]))
    raise ValueError(f"дата «{printable(text)[:40]}» не понята: нужна 2024-05-31 или 31.05.2024")


def _checked_date(year: int, month: int, day: int | None) -> str:
    """A date as a flat keeps it, «2024-05-31» or «2024-05»."""
    try:
        found = date(year, month, day or 1)
    except ValueError:
        raise ValueError(f"даты {day or 1}.{month}.{year} нет в календаре") from None
    if not _EARLIEST <= year <= _LATEST:
        raise ValueError(f"дата {found:%d.%m.}{year}: год вне пределов {_EARLIEST}…{_LATEST}")
    return found.isoformat() if day else found.isoformat()[:7]
