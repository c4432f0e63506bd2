"""The state of one talk: what is known, what each message changes, what to ask next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bots.real_estate.flat import Flat
from bots.real_estate.metro.travel import way_of
from bots.real_estate.request import RANGES, Intent, Range, Slots, slots_from_json
from bots.real_estate.understanding import ParsedMessage, load_gazetteer
from bots.real_estate.understanding.follow_ups import Shift

MAX_QUESTIONS = 2
NEEDED: dict[Intent, tuple[str, ...]] = {
    "search": ("place", "price_max"),
    "value": ("place", "area", "rooms"),
    "other": (),
}
PLACES = frozenset({"city", "district", "metro"})
STEP = 0.1  # how far «подешевле» and «побольше» move a limit
# A place of one level makes the narrower ones of an earlier turn untrue.
_NARROWER = {
    "city": ("district", "metro", "words"),
    "district": ("metro", "words"),
    "metro": ("district", "words"),
}


@dataclass(frozen=True, slots=True)
class State:
    """What a talk has come to. `asked` is the slot that the last question was about."""

    intent: Intent = "other"
    slots: Slots = field(default_factory=Slots)
    questions: int = 0
    asked: str | None = None
    sort: str = "price"
    offset: int = 0  # of the page that was shown last

    @property
    def key(self) -> str:
        """Tells this request from another; buttons carry it, in any order of the list."""
        said = json.dumps([self.intent, self.slots.said()], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:8]

    def to_json(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "slots": self.slots.said(),
            "questions": self.questions,
            "asked": self.asked,
            "sort": self.sort,
            "offset": self.offset,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> State:
        if not values:
            return cls()
        return cls(**{**values, "slots": slots_from_json(values["slots"])})


def advance(state: State, message: ParsedMessage) -> State:
    """The state after a message: corrections replace, «любой» empties, a reset clears."""
    if message.reset:
        return State()
    if message.intent == "other" and not message.cleared:
        return state
    intent = state.intent if message.intent == "other" else message.intent
    start = _starting_point(state, intent, message)
    slots = merge(start.slots.without(*message.cleared), message.slots)
    if message.follow_up.shift:
        slots = shifted(slots, message.follow_up.shift)
    # «В любую цену» answers the question of the budget for good.
    asked = MAX_QUESTIONS if "price_max" in message.cleared else start.questions
    sort = _order_of(start, slots, message)
    return replace(start, intent=intent, slots=slots, questions=asked, sort=sort, offset=0)


def _order_of(start: State, slots: Slots, message: ParsedMessage) -> str:
    """The nearest first once a way is told; the cheapest where there is none any more."""
    way = way_of(slots)
    if way and "travel_to" in message.slots:
        return "travel"
    return "price" if start.sort == "travel" and way is None else start.sort


def _starting_point(state: State, intent: Intent, message: ParsedMessage) -> State:
    """What of the talk so far still holds: a request told anew leaves only the order."""
    if _is_told_anew(state, intent, message):
        return State(sort=state.sort)
    if state.intent in ("other", intent):
        return state
    if message.follow_up.similar:
        return State(intent, _like(state.slots), sort=state.sort)
    return State(intent, _carried_over(state.slots), sort=state.sort)


def _is_told_anew(state: State, intent: Intent, message: ParsedMessage) -> bool:
    """Whether a message describes a flat of its own: another place with rooms or an area."""
    told = message.slots.keys()
    if not told & PLACES or state.asked == "place":
        return False
    if intent == "value":
        return "area_max" in told
    same = all(getattr(state.slots, name) in (None, message.slots[name]) for name in told & PLACES)
    return "rooms" in told and not same


def merge(known: Slots, changes: Mapping[str, Any]) -> Slots:
    """Put what was just said over what was known, dropping what it contradicts."""
    merged = slots_from_json({**known.without(*_outdated(known, changes)).said(), **changes})
    for name, (low, high) in RANGES.items():
        if merged.range(name).is_empty:
            merged = merged.without(low if high in changes else high)
    return merged


def _outdated(known: Slots, changes: Mapping[str, Any]) -> set[str]:
    """The places of earlier turns that a new place makes untrue: narrower ones, other cities."""
    outdated = {
        narrow
        for name, narrower in _NARROWER.items()
        if name in changes and changes[name] != getattr(known, name)
        for narrow in narrower
    }
    for kind in ("district", "metro"):
        if kind in changes and known.city:
            cities = load_gazetteer().cities_of(kind, changes[kind])
            if cities and known.city not in cities:
                outdated.add("city")
    # «Лучше трёшку»: the area that was told of a two-room flat isn't a three-room one's.
    if changes.get("rooms", known.rooms) != known.rooms and known.area is not None:
        outdated |= {"area_min", "area_max"}
    return outdated - changes.keys()


def shifted(slots: Slots, shift: Shift) -> Slots:
    """The request with its limit moved by a tenth: «а подешевле?», «побольше»."""
    factor = 1 - STEP if shift in ("cheaper", "smaller") else 1 + STEP
    if shift in ("cheaper", "dearer"):
        if slots.price_max is None:
            return slots
        return merge(slots, {"price_max": round(slots.price_max * factor, -5)})
    if slots.area is None:
        return slots
    end = "area_min" if shift == "larger" else "area_max"
    return merge(slots, {end: round(slots.area * factor, 1)})


def without_slot(state: State, slot: str) -> State:
    """The request without a slot and what was told together with it."""
    slots = state.slots.without(*state.slots.told_with(slot))
    sort = "price" if state.sort == "travel" and slots.travel_to is None else state.sort
    return replace(state, slots=slots, sort=sort)


def next_question(state: State) -> str | None:
    """The slot to ask for, None when there is enough or enough was asked."""
    if state.questions >= MAX_QUESTIONS:
        return None
    missing = [name for name in NEEDED[state.intent] if getattr(state.slots, name) is None]
    return missing[0] if missing else None


def can_answer(state: State) -> bool:
    """Whether there is something to search by, or to value."""
    if state.intent == "value":
        return state.slots.place is not None and state.slots.area is not None
    return state.intent == "search" and bool(state.slots.said())


def asking(state: State, slot: str) -> State:
    return replace(state, questions=state.questions + 1, asked=slot)


def flat_of(slots: Slots) -> Flat:
    """The flat that a request for a valuation describes."""
    return Flat(
        city=slots.city,
        district=slots.district,
        metro=slots.metro,
        metro_min=slots.metro_minutes,
        rooms=slots.rooms[0] if slots.rooms else None,
        total_area=slots.area,
        floor=slots.floor,
        floors_total=slots.floors_total,
        renovation=slots.renovation,
        market={"новостройка": "Новостройка", "вторичка": "Вторичка"}.get(slots.market or ""),
    )


def _carried_over(slots: Slots) -> Slots:
    """What stays true when a talk turns from searching to valuing or back: the place alone."""
    return Slots(city=slots.city, district=slots.district, metro=slots.metro)


def _like(slots: Slots) -> Slots:
    """A search for flats like the one that was valued."""
    area = Range.about(slots.area) if slots.area is not None else Range()
    low, high = (None if end is None else round(end, 1) for end in (area.low, area.high))
    return replace(_carried_over(slots), rooms=slots.rooms, area_min=low, area_max=high)
