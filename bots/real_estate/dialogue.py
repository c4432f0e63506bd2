"""The state of one talk: what is known, what each message changes, what to ask next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bots.real_estate.flat import Flat
from bots.real_estate.request import Intent, Slots, slots_from_json
from bots.real_estate.understanding import ParsedMessage

MAX_QUESTIONS = 2
NEEDED: dict[Intent, tuple[str, ...]] = {
    "search": ("place", "price_max"),
    "value": ("place", "area", "rooms"),
    "other": (),
}
_BOUNDS = (("price_min", "price_max"), ("area_min", "area_max"), ("floor_min", "floor_max"))
# A place of one level makes the narrower ones of an earlier turn untrue.
_NARROWER = {"city": ("district", "metro", "words"), "district": ("metro",), "metro": ("district",)}


@dataclass(frozen=True, slots=True)
class State:
    """What a talk has come to. `asked` is the slot that the last question was about."""

    intent: Intent = "other"
    slots: Slots = field(default_factory=Slots)
    questions: int = 0
    asked: str | None = None
    sort: str = "price"

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
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> State:
        if not values:
            return cls()
        return cls(**{**values, "slots": slots_from_json(values["slots"])})


def advance(state: State, turn: ParsedMessage) -> State:
    """The state after a message: corrections replace, «любой» empties, a reset clears."""
    if turn.reset:
        return State()
    if turn.intent == "other" and not turn.cleared:
        return state
    intent = state.intent if turn.intent == "other" else turn.intent
    if (
        intent == "value"
        and turn.slots.keys() & {"city", "district", "metro"}
        and ("area_max" in turn.slots)
    ):
        state = State()  # another flat, described anew
    elif state.intent not in ("other", intent):
        state = State(intent, _carried_over(state.slots), sort=state.sort)
    merged = merge(state.slots.without(*turn.cleared), turn.slots)
    return replace(state, intent=intent, slots=merged)


def merge(known: Slots, changes: Mapping[str, Any]) -> Slots:
    """Put what was just said over what was known, dropping what it contradicts."""
    dropped = {
        narrow
        for name, narrower in _NARROWER.items()
        if name in changes and changes[name] != getattr(known, name)
        for narrow in narrower
        if narrow not in changes
    }
    merged = slots_from_json({**known.without(*dropped).said(), **changes})
    for low, high in _BOUNDS:
        least, most = getattr(merged, low), getattr(merged, high)
        if least is not None and most is not None and least > most:
            merged = merged.without(low if high in changes else high)
    return merged


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
