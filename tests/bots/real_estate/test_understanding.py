"""What people write, and what must be understood: the table is `requests.txt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.extraction import FIELDS, equal
from bots.real_estate.understanding import read_turn

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
