"""Which listings are like a flat, and what their prices say beyond the hedonic model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots.real_estate.valuation.table import Floats, Ints, Table

# How much of a difference makes two flats unlike, and what it costs when the other's is unknown.
_SCALES: tuple[tuple[str, float, float], ...] = (
    ("log_area", 0.15, 1.0),
    ("rooms", 1.0, 1.0),
    ("floor", 12.0, 0.5),
    ("floors_total", 6.0, 0.5),
    ("year", 10.0, 1.0),
    ("metro_min", 8.0, 0.5),
    ("dist_center_m", 700.0, 4.0),
    ("airport_m", 700.0, 4.0),
    ("lat", 0.006, 4.0),
    ("lon", 0.012, 4.0),
    ("month", 20.0, 1.0),
    ("ceiling", 0.3, 0.3),
    ("kitchen_area", 6.0, 0.3),
)
_MISMATCHES = (
    ("house_id", 2.0), ("street", 1.5), ("metro", 2.5), ("district", 2.5), ("okrug", 2.0),
    ("city", 4.0), ("market", 1.5), ("house_type", 0.7), ("metro_mode", 0.7), ("renovation", 0.7),
)  # fmt: skip
_SHRINKAGE = (("house_id", 1.0), ("street", 3.0), ("metro", 5.0), ("district", 5.0))
SIZES = (3, 8, 20, 60)
NEAR = 8  # neighbours whose agreement tells how sure the estimate is
_BLOCK = 400

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each flat its nearest listings, nearest first, and how far they are."""

    index: Ints
    distance: Floats

    def weights(self, count: int) -> Floats:
        weights = np.exp(-self.distance[:, :count] / 2) + 1e-4
        normal: Floats = weights / weights.sum(axis=1, keepdims=True)
        return normal


class Comparables:
    """Listings to compare with, and their residuals from the hedonic model."""

    def __init__(self, table: Table, residuals: Floats) -> None:
        self._table = table
        self._residuals = residuals
        points = _points(table)
        known = ~np.isnan(points)
        self._centre = np.nan_to_num(points).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        filled = np.nan_to_num(points - self._centre)
        self._known = known.T.astype(np.float32)
        self._linear, self._square = filled.T.copy(), (filled**2).T.copy()
        self._codes = {label: table.codes[label].astype(np.int32) for label, _ in _MISMATCHES}
        self._penalties = np.array([penalty for _, _, penalty in _SCALES], dtype=np.float32)

    def nearest(self, flats: Table, count: int = SIZES[-1]) -> Neighbours:
        """The `count` listings most like each of `flats`."""
        count = min(count, len(self._table))
        blocks = [self._nearest_block(block, count) for block in self._distances(flats)]
        return Neighbours(
            np.vstack([index for index, _ in blocks]),
            np.vstack([distance for _, distance in blocks]),
        )

    def features(self, flats: Table) -> Floats:
        """What the neighbours' residuals say, a row per flat; the fourth column is `local`."""
        near = self.nearest(flats)
        residuals = self._residuals[near.index]
        columns = []
        for size in SIZES:
            weights = near.weights(size)
            mean = (weights * residuals[:, :size]).sum(axis=1)
            columns.append(mean)
            if size >= NEAR:
                spread = weights * (residuals[:, :size] - mean[:, None]) ** 2
                columns.append(np.sqrt(spread.sum(axis=1)))
        columns += [np.median(residuals[:, :NEAR], axis=1)]
        columns += [near.distance[:, at] for at in (0, NEAR - 1, -1)]
        for label, shrinkage in _SHRINKAGE:
            columns += self._group_means(flats, label, shrinkage)
        return np.column_stack(columns)

    def typical(self, name: str, near: Neighbours) -> Floats | Ints:
        """The median of a number, or the commonest value of a label, among the neighbours."""
        if name in self._table.numbers:
            with np.errstate(all="ignore"):
                values: Floats = np.median(self._table.numbers[name][near.index], axis=1)
                return values
        found = self._table.codes[name][near.index]
        return np.array([np.bincount(row + 1).argmax() - 1 for row in found])

    def _group_means(self, flats: Table, label: str, shrinkage: float) -> tuple[Floats, Floats]:
        """The shrunk mean residual of a flat's house or street, and over how many listings."""
        size = len(self._table.vocabulary[label]) + 1  # the last stands for "unknown"
        codes = self._table.codes[label]
        sums = np.bincount(codes % size, self._residuals, size)
        counts = np.bincount(codes % size, minlength=size).astype(float)
        means = sums / (counts + shrinkage)
        means[-1], counts[-1] = np.nan, 0
        return means[flats.codes[label]], counts[flats.codes[label]]

    def _distances(self, flats: Table) -> Iterator[Matrix]:
        """Squared distances to every listing, a block of flats at a time."""
        points = _points(flats) - self._centre
        for start in range(0, len(flats), _BLOCK):
            block = slice(start, start + _BLOCK)
            known = (~np.isnan(points[block])).astype(np.float32)
            point = np.nan_to_num(points[block])
            distance = (
                (known * point**2) @ self._known
                - 2 * (known * point) @ self._linear
                + known @ self._square
                + (known * self._penalties) @ (1 - self._known)
            )
            for label, cost in _MISMATCHES:
                codes = flats.codes[label][block].astype(np.int32)
                said = np.flatnonzero(codes >= 0)  # what isn't known of a flat tells nothing
                if len(said):
                    other = codes[said, None] != self._codes[label]
                    distance[said] += np.float32(cost) * other
            yield np.maximum(distance, 0)

    @staticmethod
    def _nearest_block(distance: Matrix, count: int) -> tuple[Ints, Floats]:
        index = np.argpartition(distance, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(distance, index, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        return np.take_along_axis(index, order, 1), np.take_along_axis(near, order, 1).astype(float)


LOCAL = 3  # the column of `features` that is the mean residual of the 20 nearest


def _points(table: Table) -> Matrix:
    columns = {**table.numbers, "log_area": np.log(table.numbers["total_area"])}
    return np.column_stack([columns[name] / scale for name, scale, _ in _SCALES]).astype(np.float32)
