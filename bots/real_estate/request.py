"""What a buyer or a seller asks for: an intent and the slots that the talk has filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

Intent = Literal["search", "value", "other"]
RENOVATIONS = ("без ремонта", "косметический", "с ремонтом", "евро", "дизайнерский")
MARKETS = ("новостройка", "вторичка")
HOUSE_TYPES = ("панель", "кирпич", "монолит")
ABOUT = 0.1  # «около X» is 10 % either way


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; None is an open end."""

    low: float | None = None
    high: float | None = None

    @classmethod
    def exactly(cls, value: float) -> Range:
        return cls(value, value)

    @classmethod
    def about(cls, value: float) -> Range:
        return cls(value * (1 - ABOUT), value * (1 + ABOUT))

    @property
    def is_exact(self) -> bool:
        return self.low is not None and self.low == self.high

    @property
    def is_empty(self) -> bool:
        """Whether nothing can lie in it: «от 12» said before «до 8»."""
        return self.low is not None and self.high is not None and self.low > self.high


@dataclass(frozen=True, slots=True)
class Slots:
    """Everything that a search or a valuation can be told; None is "not said".

    Prices are in roubles, areas in m², `metro_minutes` on foot; `travel_minutes` are from
    the flat's door to the station `travel_to`. `rooms` is sorted, 0 is a studio.
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
    house_type: str | None = None
    travel_to: str | None = None
    travel_minutes: int | None = None

    def said(self) -> dict[str, Any]:
        """The filled slots by name."""
        values = ((name, getattr(self, name)) for name in SLOT_NAMES)
        return {name: value for name, value in values if value is not None}

    def without(self, *names: str) -> Slots:
        return replace(self, **dict.fromkeys(names))

    def range(self, name: RangeName) -> Range:
        """The price, the area or the floor as a range."""
        low, high = RANGES[name]
        return Range(getattr(self, low), getattr(self, high))

    def without_range(self, name: RangeName) -> Slots:
        return self.without(*RANGES[name])

    def is_exact(self, slot: str) -> bool:
        """Whether a slot is an end of a range of one number: «просят 15 млн»."""
        name = RANGE_OF.get(slot)
        return name is not None and self.range(name).is_exact

    def told_with(self, slot: str) -> tuple[str, ...]:
        """The slots that are taken back together with this one."""
        if slot in TRAVEL:
            return TRAVEL
        return RANGES[RANGE_OF[slot]] if self.is_exact(slot) else (slot,)

    def shown(self) -> list[str]:
        """The filled slots that users are shown; an exact number once."""
        return [
            name
            for name in self.said()
            if name != "travel_minutes"  # told with where they lead
            and not (self.is_exact(name) and name == RANGES[RANGE_OF[name]][0])
        ]

    @property
    def place(self) -> str | None:
        """The narrowest place named."""
        return self.metro or self.district or self.city or self.travel_to

    @property
    def area(self) -> float | None:
        """The flat's area: what was said exactly, else the middle of the range."""
        bounds = [value for value in (self.area_min, self.area_max) if value is not None]
        return sum(bounds) / len(bounds) if bounds else None


RangeName = Literal["price", "area", "floor"]
RANGES: dict[RangeName, tuple[str, str]] = {
    "price": ("price_min", "price_max"),
    "area": ("area_min", "area_max"),
    "floor": ("floor_min", "floor_max"),
}
TRAVEL = ("travel_to", "travel_minutes")
RANGE_OF: dict[str, RangeName] = {slot: name for name, ends in RANGES.items() for slot in ends}
SLOT_NAMES = tuple(field.name for field in fields(Slots))


def slots_from_json(values: Mapping[str, Any]) -> Slots:
    """Slots as `said` gave them and JSON kept them; names no longer known are dropped."""
    known = {name: value for name, value in values.items() if name in SLOT_NAMES}
    if known.get("rooms") is not None:
        known["rooms"] = tuple(known["rooms"])
    return Slots(**known)
