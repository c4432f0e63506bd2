"""Flats as columns of numbers: what every part of the valuation computes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots.real_estate.flat import Flat

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NUMBERS = (
    "metro_min", "rooms", "total_area", "living_area", "kitchen_area", "floor", "floors_total",
    "year", "ceiling", "dist_center_m", "airport_m", "lat", "lon",
)  # fmt: skip
LABELS = (
    "city", "okrug", "district", "metro", "metro_mode", "house_type", "market", "renovation",
    "street", "house_id",
)  # fmt: skip
PLAUSIBLE_CEILING = (2.0, 6.0)

Vocabulary = dict[str, dict[str, int]]


def build_vocabulary(flats: Sequence[Flat]) -> Vocabulary:
    """A number for each value of each label."""
    values = {label: {getattr(flat, label) for flat in flats} - {None} for label in LABELS}
    return {
        label: {value: code for code, value in enumerate(sorted(found))}
        for label, found in values.items()
    }


@dataclass(frozen=True, slots=True)
class Table:
    """Columns over the same rows: numbers with NaN for unknown, label codes with -1.

    `log_ppm` is the logarithm of the price per m², NaN where the price is unknown.
    """

    numbers: dict[str, Floats]
    codes: dict[str, Ints]
    vocabulary: Vocabulary
    log_ppm: Floats

    @classmethod
    def of(cls, flats: Sequence[Flat], vocabulary: Vocabulary) -> Table:
        numbers = {
            name: np.array([_or_nan(getattr(flat, name)) for flat in flats]) for name in NUMBERS
        }
        numbers["month"] = np.array([_month(flat.date) for flat in flats])
        ceiling, (low, high) = numbers["ceiling"], PLAUSIBLE_CEILING
        numbers["ceiling"] = np.where((ceiling >= low) & (ceiling <= high), ceiling, np.nan)
        codes = {
            label: np.array(
                [vocabulary[label].get(getattr(flat, label) or "", -1) for flat in flats],
                dtype=np.int64,
            )
            for label in LABELS
        }
        price = np.array([_or_nan(flat.price) for flat in flats])
        return cls(numbers, codes, vocabulary, np.log(price / numbers["total_area"]))

    def __len__(self) -> int:
        return len(self.log_ppm)

    def rows(self, index: Ints) -> Table:
        return Table(
            {name: column[index] for name, column in self.numbers.items()},
            {label: column[index] for label, column in self.codes.items()},
            self.vocabulary,
            self.log_ppm[index],
        )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _month(date: str | None) -> float:
    """Months since year 0; a day counts as a part of its month."""
    if not date:
        return np.nan
    parts = [int(part) for part in date.split("-")]
    return parts[0] * 12 + parts[1] - 1 + (parts[2] / 31 if len(parts) > 2 else 0.5)
