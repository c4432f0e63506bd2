"""Nearest-neighbour search: exact up to 50,000 rows, above that among rows of similar signs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.retrieval.encoder import Vectors

HalfVectors = NDArray[np.float16]

EXACT_LIMIT = 50_000  # rows; above it multiplying by the whole matrix takes too long
SHORTLIST = 300  # rows whose signs agree best with the query's
_WORD = 64  # signs packed into one integer
_BLOCK = 16_384
_GROWTH = 1.5


class VectorMatrix:
    """Append-only matrix of unit vectors, stored as float16.

    Rows are ranked by the cosine after subtracting the mean of all rows: sentence embeddings
    share a direction that carries no meaning. The signs of a row, one bit per dimension, are a
    sketch: comparing all sketches costs a fiftieth of comparing all vectors.
    """

    def __init__(self, dimensions: int) -> None:
        self.size = 0
        self._rows = np.empty((0, dimensions), np.float16)
        self._exact: Vectors | None = np.empty((0, dimensions), np.float32)
        self._along = np.empty(0, np.float32)
        self._signs = [np.empty(0, np.uint64) for _ in range(dimensions // _WORD)]
        self._mean = np.zeros(dimensions, np.float32)

    def center(self) -> None:
        """Compute the mean again, after a bulk load."""
        if not self.size:
            return
        # The mean of a few rows describes only those rows: weight it by their number.
        mean = self.rows.mean(axis=0, dtype=np.float32)
        self._mean = mean * (self.size / (self.size + 200))
        for start in range(0, self.size, _BLOCK):
            block = self.rows[start : start + _BLOCK].astype(np.float32)
            self._along[start : start + len(block)] = block @ self._mean

    def append(self, vectors: Vectors) -> None:
        """Append rows of shape (n, dimensions); they are numbered on from `size`."""
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
        """Allocate memory for `size` rows in all, so that appending them copies nothing."""
        self._rows = _grown(self._rows, size)
        self._along = _grown(self._along, size)
        self._signs = [_grown(words, size) for words in self._signs]
        if size > EXACT_LIMIT:
            self._exact = None
        elif self._exact is not None:
            self._exact = _grown(self._exact, size)

    def shortlist(self, query: Vectors) -> NDArray[np.intp] | None:
        """Numbers of the rows nearest by signs, or None for all up to `EXACT_LIMIT` rows."""
        if self._exact is not None:
            return None
        differing = np.zeros(self.size, np.uint16)
        for words, signs in zip(self._signs, signs_of(query), strict=True):
            differing += np.bitwise_count(words[: self.size] ^ signs)
        limit = np.searchsorted(np.cumsum(np.bincount(differing)), SHORTLIST)
        return np.flatnonzero(differing <= limit)

    def cosines(self, query: Vectors, rows: NDArray[np.intp] | None = None) -> Vectors:
        """Cosines of all rows, or of the given ones, with `query` of shape (dimensions,)."""
        if rows is not None:
            return self._rows[rows].astype(np.float32) @ query
        assert self._exact is not None  # noqa: S101  (there is a shortlist otherwise)
        exact: Vectors = self._exact[: self.size] @ query
        return exact

    def scores(self, query: Vectors, cosines: Vectors, rows: NDArray[np.intp] | None) -> Vectors:
        """Cosines after subtracting the mean from rows and query."""
        along = self._along[: self.size] if rows is None else self._along[rows]
        return centred(cosines, along, query, self._mean)

    @property
    def rows(self) -> NDArray[np.float16]:
        return self._rows[: self.size]


def signs_of(vectors: Vectors) -> NDArray[np.uint64]:
    """Pack which numbers are above zero, one bit each, into 64-bit integers."""
    return np.packbits(vectors > 0, axis=-1).view(np.uint64)


def centred(cosines: Vectors, along: Vectors, query: Vectors, mean: Vectors) -> Vectors:
    """Cosines after subtracting `mean` from rows and query; `along` is rows @ mean."""
    square, across = float(mean @ mean), float(mean @ query)
    lengths = np.sqrt((1 - 2 * along + square) * (1 - 2 * across + square))
    scores: Vectors = (cosines - along - across + square) / np.maximum(lengths, 1e-6)
    return scores


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the array with at least `size` rows; the new ones are uninitialised."""
    if len(array) >= size:
        return array
    grown = np.empty((max(size, int(len(array) * _GROWTH) + 64), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
