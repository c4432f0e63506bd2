"""One message to a turn of the dialogue: its intent, what it fills and what it takes back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bots.real_estate.request import Intent
from bots.real_estate.understanding.amounts import Range, read_amounts
from bots.real_estate.understanding.consumable import ConsumableText
from bots.real_estate.understanding.gazetteer import load_gazetteer
from bots.real_estate.understanding.intent import names_a_flat, names_other_property, read_intent
from bots.real_estate.understanding.layout import read_floors, read_renovation, read_rooms
from bots.real_estate.understanding.places import read_places

_RESET = re.compile(
    r"(?:начни|начн[её]м|начать|давай) (?:вс[её] )?(?:сначала|заново|с начала|с нуля)|сбрось|сброс(?:ить)?(?![а-я])"
    r"|очисти(?:ть)? (?:вс[её]|фильтр)|забудь (?:вс[её]|что)|новый поиск"
)
_ANY = (
    r"(?:люб(?:ой|ая|ое|ые|ую)|не ?важ(?:ен|на|но|ны)|без разницы|вс[её] равно"
    r"|не имеет значения|не принципиал[а-я]+|убери|сними|без ограничени[а-я]+)"
)
_CLEARED = tuple(
    (slots, re.compile(rf"(?<![а-я]){_ANY}(?: фильтр[а-я]*)?(?: по)? {word}|{word} (?:тут |мне |вообще |- )?{_ANY}"))
    for slots, word in (
        (("floor", "floors_total", "floor_min", "floor_max", "not_first_floor", "not_last_floor"), r"этаж[а-я]*"),
        (("price_min", "price_max"), r"(?:цен|бюджет|стоимост)[а-я]*"),
        (("area_min", "area_max"), r"(?:площад|метраж)[а-я]*"),
        (("district", "metro"), r"район[а-я]*"),
        (("metro", "metro_minutes"), r"(?:метро|станци[а-я]+)"),
        (("renovation",), r"ремонт[а-я]*"),
        (("rooms",), r"(?:количеств[а-я]+ |число |числ[а-я]+ |сколько )?комнат[а-я]*"),
        (("city", "district", "metro"), r"город[а-я]*"),
    )
)  # fmt: skip
_MARKET = (
    ("новостройка", re.compile(r"(?<!не )(?<!кроме )новостро[а-я]+|первичк[а-я]*|первичн[а-я]+|от застройщика|строящ[а-я]+|нов(?:ом|ый|ого) дом[а-я]*")),
    ("вторичка", re.compile(r"(?<!не )(?<!кроме )вторич[а-я]+")),
)  # fmt: skip


_ADDRESS = re.compile(
    r"(?:на )?(?:улиц[а-я]+|ул\.?|переул[а-я]+|пер\.|набережн[а-я]+|жк|ж\.к\.) ?«?([а-я][а-я-]{2,})»?"
)


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """What one message changes: slots to fill, slots to empty, or everything."""

    intent: Intent
    slots: dict[str, Any] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()
    reset: bool = False


def read_turn(text: str, previous: Intent | None = None, asked: str | None = None) -> ParsedMessage:
    """Read a message by rules.

    `previous` is the intent of the talk so far, `asked` the slot that was asked for:
    a bare «15» after a question about the budget is a price.
    """
    scratch = ConsumableText(text)
    if _RESET.search(scratch.low):
        return ParsedMessage("other", reset=True)
    intent = read_intent(scratch.low, previous)
    cleared = _read_cleared(scratch)
    slots = {} if intent == "other" else _read_slots(scratch, intent == "value", asked)
    if intent is None:
        intent = "search" if slots and not names_other_property(scratch.low) else "other"
    elif not slots and not cleared and not names_a_flat(scratch.low):
        intent = "other"
    return ParsedMessage(intent, slots if intent != "other" else {}, cleared)


def _read_slots(scratch: ConsumableText, exact: bool, asked: str | None) -> dict[str, Any]:
    """Every slot the text fills; each reader takes its words out of the text."""
    market = next((name for name, words in _MARKET if scratch.has(words)), None)
    renovation = read_renovation(scratch)
    places = read_places(scratch, load_gazetteer())
    address = scratch.take(_ADDRESS)
    floors = read_floors(scratch)
    rooms = read_rooms(scratch)
    amounts = read_amounts(scratch, exact=exact, asked=asked)
    slots = {
        "city": places.city,
        "district": places.district,
        "metro": places.metro,
        "rooms": rooms,
        **_bounds("area", amounts.area, 1),
        **_bounds("price", amounts.price, None),
        **floors,
        "renovation": renovation,
        "market": market,
        "metro_minutes": amounts.metro_minutes,
        "words": address[1] if address else None,
    }
    return {name: value for name, value in slots.items() if value is not None}


def _bounds(name: str, bounds: Range, digits: int | None) -> dict[str, float | int | None]:
    low, high = (None if value is None else round(value, digits) for value in bounds)
    return {f"{name}_min": low, f"{name}_max": high}


def _read_cleared(scratch: ConsumableText) -> frozenset[str]:
    return frozenset(
        slot for slots, words in _CLEARED if any(list(scratch.take_all(words))) for slot in slots
    )
