"""Which temperatures to compare."""

from __future__ import annotations

import re

DEFAULT = (0.0, 0.7, 1.2)
HIGHEST = 2.0
MOST = 3


def parse(text: str) -> tuple[float, ...] | None:
    """Read one to three different numbers from 0 to 2, with a point or a comma, else None."""
    words = re.sub(r"(\d),(\d)", r"\1.\2", text).replace(",", " ").split()
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        return None
    in_range = all(0 <= value <= HIGHEST for value in values)
    return tuple(dict.fromkeys(values)) if in_range and 1 <= len(values) <= MOST else None


def listed(values: tuple[float, ...]) -> str:
    return ", ".join(spoken(value) for value in values)


def spoken(value: float) -> str:
    """A temperature as Russian writes it: 0,7."""
    return f"{value:g}".replace(".", ",")
