"""What people write, and what must be understood: the table is `requests.txt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.extraction import FIELDS, equal, predict_with_model
from bots.real_estate.understanding import read_turn
from tests.fakes.chat import FakeChatModel

TABLE = Path(__file__).with_name("requests.txt")


def _expected(slots: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for slot in filter(None, (slot.strip() for slot in slots.split(";"))):
        name, _, value = slot.partition("=")
        if name == "area":
            values.update(area_min=float(value), area_max=float(value))
        elif name == "price":
            values.update(price_min=float(value) * 1e6, price_max=float(value) * 1e6)
        elif name.startswith("price"):
            values[name] = float(value) * 1e6
        elif name.startswith("area"):
            values[name] = float(value)
        elif name == "rooms":
            values[name] = [int(number) for number in value.split(",")]
        elif name.startswith("floor"):
            values[name] = int(value)
        else:
            values[name] = True if name.startswith("not_") else value
    return values


def _read_table() -> list[tuple[str, str, dict[str, Any]]]:
    rows = [line for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [
        (text.strip(), intent.strip(), _expected(slots))
        for text, intent, slots in (row.split("|") for row in rows)
    ]


@pytest.mark.parametrize(("text", "intent", "slots"), _read_table())
def test_request_is_understood(text: str, intent: str, slots: dict[str, Any]) -> None:
    turn = read_turn(text)
    assert turn.intent == intent
    got = {name: turn.slots[name] for name in FIELDS if name in turn.slots}
    assert all(equal(name, slots.get(name), got.get(name)) for name in FIELDS), got


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        (
            "two-bedroom flat in Moscow under 15 million",
            "search",
            {"city": "Москва", "rooms": (3,), "price_max": 15_000_000},
        ),
        (
            "Looking for a studio in Kazan, up to 5 mln",
            "search",
            {"city": "Казань", "rooms": (0,), "price_max": 5_000_000},
        ),
        (
            "2 room apartment near metro Sokol, 10 to 12 million rubles",
            "search",
            {"metro": "Сокол", "rooms": (2,), "price_min": 10_000_000, "price_max": 12_000_000},
        ),
        (
            "How much is a 2 room flat 54 sqm in Samara worth?",
            "value",
            {"city": "Самара", "rooms": (2,), "area_min": 54, "area_max": 54},
        ),
        ("rent a flat in Moscow", "other", {}),
        ("what is the weather today", "other", {}),
    ],
)
def test_plain_english_is_read_or_told_apart(text: str, intent: str, slots: dict[str, Any]) -> None:
    message = read_turn(text)
    assert (message.intent, message.slots) == (intent, slots)
    assert message.foreign == (intent == "other")


def test_rules_are_sure_of_most_requests() -> None:
    """A model is asked about few messages: about those that the rules made nothing of."""
    messages = [read_turn(text) for text, *_ in _read_table()]
    assert sum(not message.sure for message in messages) <= 0.05 * len(messages)
    assert not read_turn("мне бы что-нибудь эдакое для души").sure


async def test_model_is_asked_only_what_the_rules_leave_open() -> None:
    model = FakeChatModel("Не знаю.")
    texts = ["двушка в Казани до 8 млн", "мне бы что-нибудь эдакое для души", "привет"]
    predictions, seconds = await predict_with_model(model, texts, with_rules=True)
    assert [prediction["intent"] for prediction in predictions] == ["search", "other", "other"]
    assert (len(model.history), len(seconds)) == (1, 1)


@pytest.mark.parametrize(
    ("heard", "city"),
    [("есть ли двушки в улюберцах с балконом", "Люберцы"), ("двушка вмытищах", "Мытищи")],
)
def test_a_preposition_that_ran_into_a_name_is_taken_off(heard: str, city: str) -> None:
    assert read_turn(heard).slots["city"] == city
