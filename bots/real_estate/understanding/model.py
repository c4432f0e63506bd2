"""A model's help with what the rules don't catch: a forced function, validated by code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bots.real_estate.prompts import READER, UPDATE_REQUEST
from bots.real_estate.request import MARKETS, RENOVATIONS
from bots.real_estate.understanding.reading import ParsedMessage
from bots.real_estate.understanding.units import said_numbers
from services.chat import ChatModel, GenerationOptions, Message
from services.errors import ServiceError

logger = logging.getLogger(__name__)

TIMEOUT = 15.0
_OPTIONS = GenerationOptions(
    temperature=0, max_tokens=300, functions=(UPDATE_REQUEST,), function_call=UPDATE_REQUEST.name
)
_BOUNDS = {
    "area_min": (8, 1500), "area_max": (8, 1500), "price_min": (1e5, 5e9), "price_max": (1e5, 5e9),
    "floor": (1, 120), "floors_total": (1, 120),
}  # fmt: skip
# What must be said for a model's word on it to count.
_ROOM_STEMS = ("комн", "шк", "студи", "спальн", "к.", "ккв", "хат")
_STEMS = {
    "renovation": ("ремонт", "отделк", "состояни", "дизайн", "евро", "косметич", "убит"),
    "market": ("новостро", "вторич", "первич", "застройщик", "новый дом"),
}
_SLACK = (1, 0.9, 1.1)  # «около X» makes bounds that the user didn't say


async def read_with_model(
    model: ChatModel, text: str, turn: ParsedMessage, *, timeout: float = TIMEOUT
) -> ParsedMessage:
    """`turn` with what the model makes of the words that the rules left open.

    What the rules have read stands, and the model's slots need words that they left open.
    A model that is late, down, or talks instead of calling adds nothing.
    """
    messages = (Message("system", READER), Message("user", text))
    try:
        completion = await asyncio.wait_for(model.complete(messages, _OPTIONS), timeout)
    except (TimeoutError, ServiceError) as error:
        logger.warning("the model read nothing: %s", type(error).__name__)
        return turn
    call = completion.function_call
    if call is None or call.name != UPDATE_REQUEST.name:
        logger.info("the model answered without the function")
        return turn
    slots = validated(call.arguments, text if turn.intent == "other" else turn.open)
    intent = call.arguments.get("intent")
    # «Что за район Бибирево?» names a place and asks for no flat.
    described = bool(slots.keys() - {"city", "district", "metro"})
    if turn.intent == "other" and intent in ("search", "value") and described:
        turn = replace(turn, intent=intent)
    if turn.intent == "other":
        return turn
    return replace(turn, slots={**slots, **turn.slots}, open="")


def validated(arguments: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The arguments that are of their type and range, and that the user's words bear out."""
    slots: dict[str, Any] = {}
    said = _plain(text)
    numbers = _numbers(text)
    for name in ("city", "district", "metro"):
        value = arguments.get(name)
        if isinstance(value, str) and 2 < len(value) < 60 and _stem(value) in said:
            slots[name] = value.strip()
    for name, (low, high) in _BOUNDS.items():
        value = arguments.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if low <= value <= high and _is_said(value, numbers):
            slots[name] = int(value) if name.startswith(("floor", "price")) else float(value)
    rooms = arguments.get("rooms")
    if (
        isinstance(rooms, list)
        and rooms
        and all(type(room) is int and 0 <= room <= 9 for room in rooms)
        and _speaks_of(said, _ROOM_STEMS)
    ):
        slots["rooms"] = tuple(sorted(set(rooms)))
    for name in ("not_first_floor", "not_last_floor"):
        if arguments.get(name) is True and "этаж" in said:
            slots[name] = True
    allowed: dict[str, tuple[str, ...]] = {"renovation": RENOVATIONS, "market": MARKETS}
    for name, values in allowed.items():
        if arguments.get(name) in values and _speaks_of(said, _STEMS[name]):
            slots[name] = arguments[name]
    return slots


def _speaks_of(said: str, stems: tuple[str, ...]) -> bool:
    return any(stem in said for stem in stems)


def _numbers(text: str) -> set[float]:
    """The numbers that a text says, also as thousands and millions of it."""
    return {number * factor for number in said_numbers(text) for factor in (1, 1e3, 1e6)}


def _is_said(value: float, numbers: set[float]) -> bool:
    bounds = (number * slack for number in numbers for slack in _SLACK)
    return any(abs(value - bound) <= 0.005 * bound for bound in bounds)


def _plain(text: str) -> str:
    return text.casefold().replace("ё", "е")


def _stem(name: str) -> str:
    """The beginning of a name that its cases share."""
    plain = _plain(name).strip()
    return plain[: max(3, len(plain) - 3)]
