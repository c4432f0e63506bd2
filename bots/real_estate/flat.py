"""A flat for sale, as listings, valuation and import know it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Flat:
    """What is known of one flat; None is unknown.

    Areas are in m², distances in metres, prices in roubles, `rooms` 0 is a studio. `house_id`
    is anything that tells houses apart. `date` is "YYYY-MM" or "YYYY-MM-DD".
    """

    city: str | None = None
    okrug: str | None = None
    district: str | None = None
    metro: str | None = None
    metro_min: float | None = None
    metro_mode: str | None = None
    rooms: int | None = None
    total_area: float | None = None
    living_area: float | None = None
    kitchen_area: float | None = None
    floor: int | None = None
    floors_total: int | None = None
    year: int | None = None
    house_type: str | None = None
    market: str | None = None
    renovation: str | None = None
    ceiling: float | None = None
    dist_center_m: float | None = None
    airport_m: float | None = None
    lat: float | None = None
    lon: float | None = None
    street: str | None = None
    house_id: str | None = None
    date: str | None = None
    price: float | None = None

    @property
    def price_per_metre(self) -> float | None:
        return self.price / self.total_area if self.price and self.total_area else None


FLAT_FIELDS = tuple(field.name for field in fields(Flat))
TEXT_FIELDS = frozenset(
    {
        "city", "okrug", "district", "metro", "metro_mode", "house_type", "market", "renovation",
        "street", "house_id", "date",
    }
)  # fmt: skip
WHOLE_FIELDS = frozenset({"rooms", "floor", "floors_total", "year"})


def flat_from_strings(row: dict[str, str]) -> Flat:
    """Build a flat from text values under our own names; empty is unknown.

    Raises ValueError that names the field.
    """
    values: dict[str, Any] = {}
    for name in FLAT_FIELDS:
        text = (row.get(name) or "").strip()
        if text:
            values[name] = text if name in TEXT_FIELDS else _number(name, text)
    return Flat(**values)


def _number(name: str, text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name}: «{text}» is not a number") from None
    return int(number) if name in WHOLE_FIELDS else number
