"""Prices and areas out of quantities: which number without a unit is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bots.real_estate.request import RANGES, Range, RangeName
from bots.real_estate.understanding.corrections import markers
from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.phrases import words
from bots.real_estate.understanding.quantities import (
    MAX_AREA,
    MAX_PRICE,
    MIN_AREA,
    MIN_PRICE,
    Quantity,
)
from bots.real_estate.understanding.tokens import Tokens
from bots.real_estate.understanding.units import MILLION, THOUSAND

_PLAIN_ROUBLES = 300_000  # a bare number from here on is a price in roubles
_MAX_MILLIONS = 27  # «до 27» is a price, «от 28» an area
_BARE_AREA = (14, 400)
_YEARS = (1900, 2035)
_SMALLEST_AREAS = {0: _BARE_AREA[0], 1: 22, 2: 33, 3: 46, 4: 60}  # m², by rooms
_ASKED_FOR = {"money": "price_max", "area": "area"}
_NUMBERED = words(
    "дом корпус номер вариант школа квартал блок секция подъезд литер № улица очередь"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the rest of a message says, which tells a bare price from a bare area."""

    exact: bool
    asked: str | None = None
    alone: bool = False  # nothing else is said
    money: bool = False
    area: bool = False
    smallest: float = 0  # m², what a bare number must be at least to be an area


def read_amounts(
    tokens: Tokens,
    quantities: Sequence[Quantity],
    *,
    exact: bool,
    asked: str | None,
    alone: bool = False,
    rooms: int | None = None,
) -> list[Mention]:
    """Mentions of the price and the area.

    `alone` tells that nothing else is said. `exact` is a valuation, where a number means just that number. `asked` is the slot that
    the bot has asked for, which a number without a unit then answers. `rooms` tell how small
    an area may be.
    """
    known = Known(
        exact,
        asked,
        alone,
        money=any(item.unit == "money" and _is_price(item) for item in quantities),
        area=any(item.unit == "area" for item in quantities),
        smallest=_SMALLEST_AREAS.get(rooms or 0, _SMALLEST_AREAS[max(_SMALLEST_AREAS)]),
    )
    mentions: list[Mention] = []
    corrections = markers(tokens)
    quantities = _in_the_unit_said_after(quantities, corrections)
    told: Quantity | None = None
    for quantity in quantities:
        # «40 метров, вернее 45»: the unit goes over.
        if (
            told is not None
            and quantity.unit == "none"
            and any(told.end <= marker < quantity.start for marker in corrections)
        ):
            known = replace(known, **{told.unit: False}, asked=_ASKED_FOR[told.unit])
        told = quantity if quantity.unit != "none" else _guess(tokens, quantity, known)
        if told is None or not _is_plausible(told):
            continue
        known = replace(
            known, money=known.money or told.unit == "money", area=known.area or told.unit == "area"
        )
        mentions.append(_mention(told, exact))
        tokens.use(told.start, told.end)
    return mentions


def _in_the_unit_said_after(
    quantities: Sequence[Quantity], corrections: Sequence[int]
) -> list[Quantity]:
    """«За 15, ой, нет, за 17 млн»: what is corrected was in the unit of what corrects it."""
    told = list(quantities)
    for position in range(len(told) - 2, -1, -1):
        this, following = told[position], told[position + 1]
        if this.unit == "none" and any(
            this.end <= marker < following.start for marker in corrections
        ):
            if following.unit == "money":
                told[position] = _as_price(this)
            elif following.unit == "area":
                told[position] = replace(this, unit="area")
    return told


def _mention(quantity: Quantity, exact: bool) -> Mention:
    """The slots of a quantity; a bare number gives way to what is bounded or labelled."""
    area = quantity.unit == "area"
    bounds = quantity.as_range(exact=exact, bare="about" if area else "most")
    if exact and not area and not bounds.is_exact:
        bounds = Range.exactly(bounds.high or bounds.low or 0)
    name: RangeName = "area" if area else "price"
    ends = zip(RANGES[name], (bounds.low, bounds.high), strict=True)
    digits = 2 if area else None
    values = {slot: round(value, digits) for slot, value in ends if value is not None}
    bounded = quantity.bound != "none" or quantity.is_range
    weak = not quantity.labelled if exact else not bounded
    return Mention(name, values, quantity.start, quantity.end, weak=weak)


def _is_price(quantity: Quantity) -> bool:
    return MIN_PRICE <= quantity.low <= quantity.high <= MAX_PRICE


def _is_plausible(quantity: Quantity) -> bool:
    if quantity.unit == "area":
        return MIN_AREA <= quantity.low <= quantity.high <= MAX_AREA
    return _is_price(quantity)


def _guess(tokens: Tokens, quantity: Quantity, known: Known) -> Quantity | None:
    """What a number without a unit is: a price, an area, or neither."""
    value = quantity.high
    if known.asked == "price_max" and not known.money:
        return _as_price(quantity)
    if known.asked == "area" and not known.area:
        return replace(quantity, unit="area")
    if value >= _PLAIN_ROUBLES:
        return _as_price(quantity)
    before = tokens.low(quantity.start - 1)
    if before in _NUMBERED or (before == "под" and _speaks_of_a_loan(tokens)):
        return None
    if value >= 1000:
        year = _YEARS[0] <= value <= _YEARS[1] and not tokens[quantity.start].in_words
        return None if (year and not quantity.labelled) or known.money else _as_price(quantity)
    if known.alone and not quantity.labelled and quantity.bound == "none":
        return None
    if quantity.is_range:
        return _guess_range(quantity, known)
    return _guess_one(tokens, quantity, known)


def _speaks_of_a_loan(tokens: Tokens) -> bool:
    """«Ипотека под 6»: a rate, where «под 20» alone is a price."""
    return any(not _LOANS.isdisjoint(token.lemmas) for token in tokens)


_LOANS = words("ипотека ставка процент кредит")


def _guess_range(quantity: Quantity, known: Known) -> Quantity | None:
    low, high = quantity.low, quantity.high
    likely_area = low >= known.smallest and high <= _BARE_AREA[1] and not known.area
    if quantity.labelled and not known.money:
        return _as_price(quantity)
    if likely_area and (low > _MAX_MILLIONS or known.money):
        return replace(quantity, unit="area")
    return None if known.money else _as_price(quantity)


def _guess_one(tokens: Tokens, quantity: Quantity, known: Known) -> Quantity | None:
    value, bound = quantity.low, quantity.bound
    could_be_area = known.smallest <= value <= _BARE_AREA[1] and not known.area
    could_be_price = not known.money
    fraction = value != int(value)
    if quantity.labelled and could_be_price:
        return _as_price(quantity)
    if fraction and value < _BARE_AREA[0]:
        return _as_price(quantity) if could_be_price else None
    if bound in ("least", "about") and value >= _MAX_MILLIONS - 2 and could_be_area:
        return replace(quantity, unit="area")
    if (
        bound == "most"
        and could_be_price
        and (value <= _MAX_MILLIONS or known.area or not known.exact)
    ):
        return _as_price(quantity)
    if bound != "none" and value < _BARE_AREA[0] and not known.exact:
        return _as_price(quantity)  # «дороже 4, но дешевле 6 млн»
    if bound == "about" and could_be_price and not known.exact:
        return _as_price(quantity)
    if bound != "none":
        if could_be_price and value < _BARE_AREA[0]:
            return _as_price(quantity)
        return replace(quantity, unit="area") if could_be_area else None
    if known.exact:
        return replace(quantity, unit="area") if could_be_area and value >= 18 else None
    if could_be_area and (known.money or value > _MAX_MILLIONS):
        return replace(quantity, unit="area")
    alone = quantity.end >= len(tokens) or tokens[quantity.end].kind == "mark"
    return _as_price(quantity) if could_be_price and alone and value >= 1 else None


def _as_price(quantity: Quantity) -> Quantity:
    low, high = _roubles(quantity.low), _roubles(quantity.high)
    return replace(quantity, unit="money", low=low, high=high)


def _roubles(number: float) -> float:
    """Roubles meant by a number without a unit: millions, thousands or roubles."""
    if number < 1000:
        return number * MILLION
    return number * THOUSAND if number < MIN_PRICE else number
