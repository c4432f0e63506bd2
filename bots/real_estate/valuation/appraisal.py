"""What one flat is worth, and why: the estimate in words that add up to its number."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bots.real_estate.flat import Flat
from bots.real_estate.listings.plain import plain
from bots.real_estate.valuation.hedonic import GROUPS
from bots.real_estate.valuation.model import Prediction, ValuationModel
from bots.real_estate.valuation.table import Table

SHOWN_COMPARABLES = 5
FEWEST_COMPARABLES = 12
_ALIKE_AREA = 0.35  # of the logarithm: from 0.7 to 1.4 of the area
_STEP = 10_000  # roubles that amounts are rounded to
_LEVELS = ("city", "district", "metro")
# Fields whose absence may widen the range, and what to ask for them.
ASKABLE = {
    "metro": "какое метро рядом",
    "metro_min": "сколько минут до метро",
    "rooms": "сколько комнат",
    "floor": "какой этаж",
    "floors_total": "сколько этажей в доме",
    "market": "новостройка или вторичка",
    "renovation": "какой ремонт",
}
Verdict = Literal["above", "within", "below"]


@dataclass(frozen=True, slots=True)
class Factor:
    """What one thing adds to the price, in roubles."""

    name: str
    roubles: int


@dataclass(frozen=True, slots=True)
class Comparable:
    """A listing like the flat, its price, and that price brought to the flat's own facts."""

    flat: Flat
    price: int
    adjusted: int
    adjustments: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Appraisal:
    """An estimate: `base` and the factors add up to `price` exactly."""

    flat: Flat
    price: int
    low: int
    high: int
    base: int
    factors: tuple[Factor, ...]
    comparables: tuple[Comparable, ...]
    data_date: str
    rows: int
    narrows: str | None
    verdict: Verdict | None

    @property
    def per_metre(self) -> int:
        return round(self.price / (self.flat.total_area or 1))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no estimate: "place" unknown, "field" missing, or "few" comparables."""

    reason: Literal["place", "field", "few"]
    detail: str


def appraise(model: ValuationModel, flat: Flat, asked: float | None = None) -> Appraisal | Refusal:
    """Estimate `flat`; `asked` is the price to place against the range."""
    placed = _place(model, flat)
    if isinstance(placed, Refusal):
        return placed
    alike = _count_alike(model, placed)
    if alike < FEWEST_COMPARABLES:
        return Refusal("few", str(alike))
    prediction = model.predict([placed])
    area = placed.total_area or 0.0
    price = _round(area * math.exp(float(prediction.log_ppm[0])))
    half = float(prediction.half80[0])
    base, factors = _factors(model, placed, prediction, price)
    low, high = _round(price * math.exp(-half)), _round(price * math.exp(half))
    return Appraisal(
        placed, price, low, high, base, factors, _comparables(model, placed),
        max((listed.date or "" for listed in model.flats), default=""), len(model.flats),
        _narrowing_field(model, placed, half), _verdict(asked, low, high),
    )  # fmt: skip


def _place(model: ValuationModel, flat: Flat) -> Flat | Refusal:
    """The flat with its place as the listings spell it; the city may follow from the district."""
    if not flat.total_area:
        return Refusal("field", "площадь")
    if not (flat.city or flat.district or flat.metro):
        return Refusal("field", "место")
    spelt: dict[str, str] = {}
    for level in _LEVELS:
        name = getattr(flat, level)
        if name is None:
            continue
        known = model.spelling(level, plain(name) or "")
        if known is None and level == "district":
            known = model.spelling("okrug", plain(name) or "")
            if known:
                spelt["okrug"] = known
                flat = replace(flat, district=None)
                continue
        if known is None:
            return Refusal("place", name)
        spelt[level] = known
    flat = replace(flat, **spelt)  # type: ignore[arg-type]
    if flat.city is None:
        flat = replace(flat, city=_city_of(model, flat))
    return flat


def _city_of(model: ValuationModel, flat: Flat) -> str | None:
    cities = [
        listed.city
        for listed in model.flats
        if (flat.metro and listed.metro == flat.metro)
        or (flat.district and listed.district == flat.district)
        or (flat.okrug and listed.okrug == flat.okrug)
    ]
    return max(set(cities), key=cities.count) if cities else None


def has_comparables(model: ValuationModel, flat: Flat) -> bool:
    """Whether enough listings of the flat's size and place are known to value it."""
    placed = _place(model, flat)
    return isinstance(placed, Flat) and _count_alike(model, placed) >= FEWEST_COMPARABLES


def _count_alike(model: ValuationModel, flat: Flat) -> int:
    """Listings of about this size in the narrowest place named."""
    table, codes = model.table, model.table.vocabulary
    alike = np.abs(np.log(table.numbers["total_area"] / (flat.total_area or 1.0))) < _ALIKE_AREA
    for level in ("city", "okrug", "district"):
        name = getattr(flat, level)
        if name and not (level == "district" and flat.metro):
            alike &= table.codes[level] == codes[level][name]
    return int(alike.sum())


def _factors(
    model: ValuationModel, flat: Flat, prediction: Prediction, price: int
) -> tuple[int, tuple[Factor, ...]]:
    """The price of an average flat of this area, and what each thing adds to it.

    The parts of the logarithm are shared out in proportion to the difference in roubles,
    so that they add up; rounding goes into the last.
    """
    filled = model.filled([flat])
    parts = {
        GROUPS[group]: float(value[0])
        for group, value in model.hedonic.contributions(filled).items()
    }
    parts["цены похожих квартир рядом"] = float(prediction.local[0])
    parts["сочетание признаков"] = float(prediction.trees[0])
    base = _round((flat.total_area or 0.0) * math.exp(model.hedonic.level))
    factors = _share_out(price - base, parts)
    return base, tuple(sorted(factors, key=lambda factor: -abs(factor.roubles)))


def _share_out(difference: int, parts: dict[str, float]) -> list[Factor]:
    """Roubles to each part of a logarithm; they sum to `difference`."""
    total = sum(parts.values())
    per_unit = difference / total if abs(total) > 1e-9 else 0.0
    factors = [Factor(name, _round(value * per_unit)) for name, value in parts.items()]
    rest = difference - sum(factor.roubles for factor in factors)
    last = factors[-1]
    factors[-1] = Factor(last.name, last.roubles + rest)
    return [factor for factor in factors if factor.roubles]


def _comparables(model: ValuationModel, flat: Flat) -> tuple[Comparable, ...]:
    table = model.filled([flat])
    near = model.comparables.nearest(table, SHOWN_COMPARABLES).index[0]
    target = _log_parts(model, table)
    return tuple(_adjust(model, model.flats[number], target) for number in near)


def _adjust(model: ValuationModel, listed: Flat, target: dict[str, float]) -> Comparable:
    """Bring a listing's price to the target's facts, a difference at a time."""
    own = _log_parts(model, Table.of([listed], model.table.vocabulary))
    price = _round(listed.price or 0.0)
    parts = {name: target[name] - own[name] for name in target}
    adjusted = _round(price * math.exp(sum(parts.values())))
    return Comparable(listed, price, adjusted, tuple(_share_out(adjusted - price, parts)))


def _log_parts(model: ValuationModel, table: Table) -> dict[str, float]:
    """The logarithm of the price in parts; the area's own is the largest."""
    parts = {
        GROUPS[group]: float(value[0])
        for group, value in model.hedonic.contributions(table).items()
    }
    parts[GROUPS["area"]] += math.log(float(table.numbers["total_area"][0]))
    return parts


def _narrowing_field(model: ValuationModel, flat: Flat, half: float) -> str | None:
    """The field left out whose knowledge would narrow the range most."""
    gaps = [name for name in ASKABLE if name in model.usual and getattr(flat, name) is None]
    if not gaps:
        return None
    filled = model.filled([flat])
    known = [replace(flat, **{name: model.value(filled, name)}) for name in gaps]  # type: ignore[arg-type]
    halves = model.predict(known).half80
    best = int(np.argmin(halves))
    return ASKABLE[gaps[best]] if halves[best] < half * 0.98 else None


def _verdict(asked: float | None, low: int, high: int) -> Verdict | None:
    if asked is None:
        return None
    if asked > high:
        return "above"
    return "below" if asked < low else "within"


def _round(roubles: float) -> int:
    return round(roubles / _STEP) * _STEP


def place_price(price: float | None, low: float, high: float) -> Verdict | None:
    """Where a listing's price lies against its range."""
    return _verdict(price, round(low), round(high))
