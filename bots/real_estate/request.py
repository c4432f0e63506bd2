"""What a buyer or a seller asks for: an intent and the slots that the talk has filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

Intent = Literal["search", "value", "other"]
RENOVATIONS = ("без ремонта", "косметический", "с ремонтом", "евро", "дизайнерский")
MARKETS = ("новостройка", "вторичка")


@dataclass(frozen=True, slots=True)
class Slots:
    """Everything that a search or a valuation can be told; None is "not said".

    Prices are in roubles, areas in m², `metro_minutes` on foot. `rooms` is sorted, 0 is a studio.
    `words` are a street's or a housing estate's name, looked for in the listings' text.
    In a valuation the asked price is `price_min` = `price_max`.
    """

    city: str | None = None
    district: str | None = None
    metro: str | None = None
    rooms: tuple[int, ...] | None = None
    area_min: float | None = None
    area_max: float | None = None
    price_min: int | None = None
    price_max: int | None = None
    floor: int | None = None
    floors_total: int | None = None
    floor_min: int | None = None
    floor_max: int | None = None
    not_first_floor: bool | None = None
    not_last_floor: bool | None = None
    renovation: str | None = None
    market: str | None = None
    metro_minutes: int | None = None
    words: str | None = None

    def said(self) -> dict[str, Any]:
        """The filled slots by name."""
        values = ((name, getattr(self, name)) for name in SLOT_NAMES)
        return {name: value for name, value in values if value is not None}

    def without(self, *names: str) -> Slots:
        return replace(self, **dict.fromkeys(names))

    @property
    def place(self) -> str | None:
        """The narrowest place named."""
        return self.metro or self.district or self.city

    @property
    def area(self) -> float | None:
        """The flat's area: what was said exactly, else the middle of the range."""
        bounds = [value for value in (self.area_min, self.area_max) if value is not None]
        return sum(bounds) / len(bounds) if bounds else None


SLOT_NAMES = tuple(field.name for field in fields(Slots))


def slots_from_json(values: Mapping[str, Any]) -> Slots:
    """Slots as `said` gave them and JSON kept them; names no longer known are dropped."""
    known = {name: value for name, value in values.items() if name in SLOT_NAMES}
    if known.get("rooms") is not None:
        known["rooms"] = tuple(known["rooms"])
    return Slots(**known)
