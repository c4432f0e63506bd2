"""Nearest vectors: exactly by a matrix, above 50,000 rows among those of like signs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.retrieval.encoder import Vectors

HalfVectors = NDArray[np.float16]

EXACT_LIMIT = 50_000  # rows; above it a product with the whole matrix takes too long
SHORTLIST = 300  # rows that agree with the query in the most signs
_WORD = 64  # signs in a word
_BLOCK = 16_384
_GROWTH = 1.5


class VectorMatrix:
    """Rows of unit vectors, stored as float16 halves; they only ever grow.

    Likeness is the cosine after the mean of all rows is taken away: sentences share
    a direction that says nothing, and ranking without it is better. The signs of a row's
    numbers, a bit each, are a sketch: comparing all sketches costs a fiftieth.
    """

    def __init__(self, dimensions: int) -> None:
        self.size = 0
        self._rows = np.empty((0, dimensions), np.float16)
        self._exact: Vectors | None = np.empty((0, dimensions), np.float32)
        self._along = np.empty(0, np.float32)
        self._signs = [np.empty(0, np.uint64) for _ in range(dimensions // _WORD)]
        self._mean = np.zeros(dimensions, np.float32)

    def center(self) -> None:
        """Take the mean anew, after many rows were added."""
        if not self.size:
            return
        # A mean of a few rows is those rows themselves: trust it as they become many.
        mean = self.rows.mean(axis=0, dtype=np.float32)
        self._mean = mean * (self.size / (self.size + 200))
        for start in range(0, self.size, _BLOCK):
            block = self.rows[start : start + _BLOCK].astype(np.float32)
            self._along[start : start + len(block)] = block @ self._mean

    def append(self, vectors: Vectors) -> None:
        """Add rows; their numbers continue those that are there."""
        start, end = self.size, self.size + len(vectors)
        self.reserve(end)
        self._rows[start:end] = vectors
        self._along[start:end] = vectors @ self._mean
        for words, signs in zip(self._signs, signs_of(vectors).T, strict=True):
            words[start:end] = signs
        if self._exact is not None:
            self._exact[start:end] = vectors
        self.size = end

    def reserve(self, size: int) -> None:
        """Make room for so many rows in all: as they come, nothing has to move."""
        self._rows = _grown(self._rows, size)
        self._along = _grown(self._along, size)
        self._signs = [_grown(words, size) for words in self._signs]
        if size > EXACT_LIMIT:
            self._exact = None
        elif self._exact is not None:
            self._exact = _grown(self._exact, size)

    def shortlist(self, query: Vectors) -> NDArray[np.intp] | None:
        """The rows worth a closer look; None for all of them, while they are few."""
        if self._exact is not None:
            return None
        differing = np.zeros(self.size, np.uint16)
        for words, signs in zip(self._signs, signs_of(query), strict=True):
            differing += np.bitwise_count(words[: self.size] ^ signs)
        limit = np.searchsorted(np.cumsum(np.bincount(differing)), SHORTLIST)
        return np.flatnonzero(differing <= limit)

    def cosines(self, query: Vectors, rows: NDArray[np.intp] | None = None) -> Vectors:
        """The plain cosines of all rows, or of the given ones."""
        if rows is not None:
            return self._rows[rows].astype(np.float32) @ query
        assert self._exact is not None  # noqa: S101  (there is a shortlist otherwise)
        exact: Vectors = self._exact[: self.size] @ query
        return exact

    def scores(self, query: Vectors, cosines: Vectors, rows: NDArray[np.intp] | None) -> Vectors:
        """The cosines after the mean is taken away."""
        along = self._along[: self.size] if rows is None else self._along[rows]
        return centred(cosines, along, query, self._mean)

    @property
    def rows(self) -> NDArray[np.float16]:
        return self._rows[: self.size]


def signs_of(vectors: Vectors) -> NDArray[np.uint64]:
    """Which numbers are above zero, a bit each."""
    return np.packbits(vectors > 0, axis=-1).view(np.uint64)


def centred(cosines: Vectors, along: Vectors, query: Vectors, mean: Vectors) -> Vectors:
    """Cosines of rows and query after `mean` is taken from both; `along` is rows @ mean."""
    square, across = float(mean @ mean), float(mean @ query)
    lengths = np.sqrt((1 - 2 * along + square) * (1 - 2 * across + square))
    scores: Vectors = (cosines - along - across + square) / np.maximum(lengths, 1e-6)
    return scores


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array with room for `size` rows; what is new is not yet written."""
    if len(array) >= size:
        return array
    grown = np.empty((max(size, int(len(array) * _GROWTH) + 64), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
