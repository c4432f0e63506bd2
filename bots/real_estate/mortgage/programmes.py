"""The programmes of data/real_estate/mortgage.toml: who may take them, where, and how much."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from bots.real_estate.listings.plain import plain
from services.env import SHIPPED_DATA

FILE = SHIPPED_DATA / "real_estate" / "mortgage.toml"
MAX_AGE_DAYS = 90  # older figures are said to be old


@dataclass(frozen=True, slots=True)
class Programme:
    """A loan that the state subsidises up to `limit`; the bank's own rate holds above it."""

    name: str
    short: str
    words: frozenset[str]
    rate: Decimal
    min_down: Decimal
    max_years: int
    limits: Mapping[str, int]
    total_limits: Mapping[str, int]
    markets: tuple[str, ...]
    only_in: str | None
    not_in: str | None
    villages: bool
    who: str
    check: str
    until: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What insurance, registration and the tax deduction are counted by."""

    home_insurance: tuple[Decimal, Decimal]
    full_insurance: tuple[Decimal, Decimal]
    duty: int
    duty_up_to: int
    duty_share: Decimal
    duty_max: int
    tax: Decimal
    deduction_price: int
    deduction_interest: int


@dataclass(frozen=True, slots=True)
class MortgageData:
    """Everything in the file, with the day that it was true on."""

    day: date
    sources: tuple[tuple[str, str], ...]
    groups: Mapping[str, frozenset[str]]
    group_names: Mapping[str, str]
    regions: Mapping[str, str]
    programmes: tuple[Programme, ...]
    rules: Rules

    def is_in(self, place: str | None, group: str) -> bool:
        return plain(place) in self.groups[group]

    def limit(self, programme: Programme, place: str | None) -> int:
        """How much is lent at the programme's rate there; the lower limit where it is unknown."""
        return self._by_place(programme.limits, place)

    def total_limit(self, programme: Programme, place: str | None) -> int | None:
        """How much is lent together with the bank's own part; None where no source tells."""
        return self._by_place(programme.total_limits, place) if programme.total_limits else None

    def age(self, today: date) -> int:
        """The days since the figures were checked."""
        return (today - self.day).days

    def is_old(self, today: date) -> bool:
        return self.age(today) > MAX_AGE_DAYS

    def _by_place(self, limits: Mapping[str, int], place: str | None) -> int:
        groups = (group for group in limits if group != "other" and self.is_in(place, group))
        return limits[next(groups, "other")]


@lru_cache(maxsize=1)
def load_mortgage_data(path: Path = FILE) -> MortgageData:
    """Read the file once for the process."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = values["groups"]
    named = {name: (*group["cities"], *group["regions"]) for name, group in groups.items()}
    return MortgageData(
        values["date"],
        tuple((source["title"], source["url"]) for source in values["sources"]),
        {name: frozenset(plain(place) or "" for place in places) for name, places in named.items()},
        {name: group["name"] for name, group in groups.items()},
        {plain(name) or "": name for group in groups.values() for name in group["regions"]},
        tuple(_programme(item) for item in values["programmes"]),
        _rules(values),
    )


def _programme(values: Mapping[str, Any]) -> Programme:
    return Programme(
        values["name"], values["short"], frozenset(values["words"].split()),
        Decimal(values["rate"]), Decimal(values["min_down"]), values["max_years"],
        values["limits"], values.get("total_limits", {}), tuple(values.get("markets", ())),
        values.get("only_in"), values.get("not_in"), values.get("villages", False),
        values["who"], values["check"], values.get("until", ""),
    )  # fmt: skip


def _rules(values: Mapping[str, Any]) -> Rules:
    insurance, duty, deduction = values["insurance"], values["duty"], values["deduction"]
    home, full = (
        (Decimal(low), Decimal(high)) for low, high in (insurance["home"], insurance["with_life"])
    )
    return Rules(
        home, full, duty["flat"], duty["flat_up_to"], Decimal(duty["share_above"]), duty["max"],
        Decimal(deduction["tax"]), deduction["price_up_to"], deduction["interest_up_to"],
    )  # fmt: skip
