"""Nearest vectors: exactly by a matrix, above 50,000 rows by a graph."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.retrieval.encoder import Vectors

logger = logging.getLogger(__name__)

EXACT_LIMIT = 50_000  # rows; above it a product with the whole matrix takes too long
_BLOCK = 16_384
_GROWTH = 1.5


class VectorMatrix:
    """Rows of unit vectors, stored as float16 halves; they only ever grow.

    Likeness is the cosine after the mean of all rows is taken away: sentences share
    a direction that says nothing, and ranking without it is better.
    """

    def __init__(self, vectors: NDArray[np.float16]) -> None:
        self._rows = vectors
        self.size = len(vectors)
        self._exact = vectors.astype(np.float32) if self.size <= EXACT_LIMIT else None
        self.center()

    def center(self) -> None:
        """Take the mean anew, after many rows were added."""
        self._mean = np.zeros(self._rows.shape[1], np.float32)
        if self.size:
            # A mean of a few rows is those rows themselves: trust it as they become many.
            self._mean += self.rows.mean(axis=0, dtype=np.float32) * (self.size / (self.size + 200))
        self._along = np.empty(len(self._rows), np.float32)
        for start in range(0, self.size, _BLOCK):
            block = self.rows[start : start + _BLOCK].astype(np.float32)
            self._along[start : start + len(block)] = block @ self._mean

    def append(self, vectors: Vectors) -> None:
        """Add rows; their numbers continue those that are there."""
        end = self.size + len(vectors)
        self._rows = _grown(self._rows, end)
        self._along = _grown(self._along, end)
        self._rows[self.size : end] = vectors
        self._along[self.size : end] = vectors @ self._mean
        if end > EXACT_LIMIT:
            self._exact = None
        elif self._exact is not None:
            self._exact = _grown(self._exact, end)
            self._exact[self.size : end] = vectors
        self.size = end

    def cosines(self, query: Vectors, rows: NDArray[np.intp] | None = None) -> Vectors:
        """The plain cosines of all rows, or of the given ones."""
        if rows is not None:
            return self._rows[rows].astype(np.float32) @ query
        if self._exact is not None:
            exact: Vectors = self._exact[: self.size] @ query
            return exact
        blocks = range(0, self.size, _BLOCK)
        return np.concatenate(
            [self.rows[start : start + _BLOCK].astype(np.float32) @ query for start in blocks]
        )

    def scores(self, query: Vectors, cosines: Vectors, rows: NDArray[np.intp] | None) -> Vectors:
        """The cosines after the mean is taken away."""
        along = self._along[: self.size] if rows is None else self._along[rows]
        square = float(self._mean @ self._mean)
        across = float(self._mean @ query)
        lengths = np.sqrt((1 - 2 * along + square) * (1 - 2 * across + square))
        scores: Vectors = (cosines - along - across + square) / np.maximum(lengths, 1e-6)
        return scores

    @property
    def rows(self) -> NDArray[np.float16]:
        return self._rows[: self.size]


class NeighbourGraph:
    """An approximate search over many rows (HNSW on int8), kept in a file between starts."""

    def __init__(self, dimensions: int) -> None:
        from usearch.index import Index

        self._index: Any = Index(ndim=dimensions, metric="cos", dtype="i8", expansion_search=128)

    @classmethod
    def open(
        cls, path: Path, keys: NDArray[np.int64], vectors: NDArray[np.float16]
    ) -> NeighbourGraph:
        """Load the graph and bring it up to date with the rows; build it when it is missing."""
        graph = cls(vectors.shape[1])
        if graph._load(path, keys):
            known = np.asarray(graph._index.keys, np.int64)
            missing = ~np.isin(keys, known)
        else:
            logger.info("building the search graph of %d rows, once", len(keys))
            missing = np.ones(len(keys), bool)
        if missing.any():
            graph.add(keys[missing], vectors[missing])
            graph._save(path)
        return graph

    def add(self, keys: NDArray[np.int64], vectors: NDArray[np.float16] | Vectors) -> None:
        self._index.add(keys, vectors.astype(np.float32))

    def remove(self, keys: Sequence[int]) -> None:
        for key in keys:
            self._index.remove(key)

    def nearest(self, query: Vectors, count: int) -> NDArray[np.int64]:
        return np.asarray(self._index.search(query, count).keys, np.int64)

    def _load(self, path: Path, keys: NDArray[np.int64]) -> bool:
        """Whether the file is there and holds nothing that is gone from the rows."""
        if not path.exists():
            return False
        try:
            self._index.load(str(path))
        except (RuntimeError, ValueError) as error:
            logger.warning("the search graph can't be read: %s", type(error).__name__)
            self._index.reset()
            return False
        if np.isin(np.asarray(self._index.keys, np.int64), keys).all():
            return True
        self._index.reset()
        return False

    def _save(self, path: Path) -> None:
        unfinished = path.with_suffix(".new")
        self._index.save(str(unfinished))
        unfinished.replace(path)


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array with room for `size` rows; what is new is not yet written."""
    if len(array) >= size:
        return array
    grown = np.empty((max(size, int(len(array) * _GROWTH) + 64), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
