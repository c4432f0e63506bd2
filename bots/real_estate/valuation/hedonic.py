"""A ridge regression of the price per m² on what a flat is: the part that explains itself."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from bots.real_estate.valuation.table import Floats, Table

PENALTY = 3.0
GROUPS = {
    "area": "площадь и комнаты",
    "place": "место",
    "floor": "этаж",
    "house": "дом",
    "market": "новостройка или вторичка",
    "renovation": "ремонт",
    "date": "дата объявления",
}
_LABEL_GROUPS = {
    "city": "place",
    "okrug": "place",
    "district": "place",
    "metro": "place",
    "metro_mode": "place",
    "house_type": "house",
    "market": "market",
    "renovation": "renovation",
}


@dataclass(frozen=True, slots=True)
class Hedonic:
    """Log price per m² as `level` plus a weighted sum of centred features."""

    level: float
    centre: Floats
    weights: Floats
    groups: tuple[str, ...]
    month: float

    @classmethod
    def fit(cls, table: Table) -> Hedonic:
        month = _mean(table.numbers["month"])
        features, groups = _features(table, month)
        centre = features.mean(axis=0)
        features = features - centre
        level = float(table.log_ppm.mean())
        gram = features.T @ features
        gram[np.diag_indices_from(gram)] += PENALTY
        weights = np.linalg.solve(gram, features.T @ (table.log_ppm - level))
        return cls(level, centre, weights, groups, month)

    def predict(self, table: Table) -> Floats:
        features, _ = _features(table, self.month)
        predicted: Floats = (features - self.centre) @ self.weights + self.level
        return predicted

    def contributions(self, table: Table) -> dict[str, Floats]:
        """What each group of features adds to `level`; they sum to the prediction."""
        features, _ = _features(table, self.month)
        parts = (features - self.centre) * self.weights
        names = np.array(self.groups)
        return {group: parts[:, names == group].sum(axis=1) for group in GROUPS}


def _features(table: Table, month: float) -> tuple[Floats, tuple[str, ...]]:
    columns: dict[str, list[Floats]] = defaultdict(list)
    number = table.numbers

    def add(group: str, column: Floats) -> None:
        """A column, and beside it whether it is unknown."""
        unknown = np.isnan(column)
        columns[group] += [np.where(unknown, 0.0, column), unknown.astype(float)]

    size = np.log(number["total_area"]) - 4
    columns["area"] += [size, size**2, size**3]
    columns["area"] += [(number["rooms"] == count).astype(float) for count in range(7)]
    add("area", number["kitchen_area"] / number["total_area"])
    add("area", number["living_area"] / number["total_area"])
    floor, storeys = number["floor"], number["floors_total"]
    columns["floor"] += [(floor == 1).astype(float), (floor == storeys).astype(float)]
    add("floor", (floor - 6) / 10)
    add("floor", floor / storeys)
    add("house", (storeys - 12) / 10)
    year = number["year"]
    for column in ((year - 1990) / 30, np.clip(year - 2005, 0, None) / 10,
                   np.clip(1960 - year, 0, None) / 30, number["ceiling"] - 2.8):  # fmt: skip
        add("house", column)
    minutes = number["metro_min"]
    add("place", minutes / 10)
    add("place", np.log1p(minutes) - 2)
    centre, airport = number["dist_center_m"] / 1e4, number["airport_m"] / 1e4
    for column in (centre - 1.2, (centre - 1.2) ** 2, np.log(np.maximum(centre, 0.05)),
                   airport - 2.5, (airport - 2.5) ** 2, centre * airport - 3):  # fmt: skip
        add("place", column)
    time = np.nan_to_num((number["month"] - month) / 12)
    columns["date"] += [time, time**2, np.abs(time)]
    for label, group in _LABEL_GROUPS.items():
        codes = np.arange(len(table.vocabulary[label]))
        columns[group] += list((table.codes[label] == codes[:, None]).astype(float))
    stacked = np.column_stack([column for group in GROUPS for column in columns[group]])
    return stacked, tuple(group for group in GROUPS for _ in columns[group])


def _mean(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else 0.0
