"""Tell by meaning what a sentence is about, from example sentences of every kind.

Word lists know what they list; «кладу плитку» is work all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.env import SHIPPED_DATA
from services.retrieval import Encoder

EXAMPLES = SHIPPED_DATA / "grisha_kinds.txt"  # «kind: sentence», a line each
SURE = 0.5
_RIDGE = 0.3
_CONSTANT = 0.3  # beside the numbers of a vector


class KindsByExample:
    """A ridge regression from vectors to kinds; the examples are encoded at its first use."""

    def __init__(self, encoder: Encoder, path: Path = EXAMPLES) -> None:
        self._encoder = encoder
        self._path = path

    def likeness(self, vectors: NDArray[np.float32], kinds: Collection[str]) -> NDArray[np.float32]:
        """How much each vector is like the examples of any of the kinds: from 0 to 1."""
        names, weights = self._fitted
        columns = [at for at, name in enumerate(names) if name in kinds]
        if not columns:
            return np.zeros(len(vectors), np.float32)
        scores = _with_constant(vectors) @ weights[:, columns]
        return np.clip(scores.max(axis=1), 0, 1)

    def of(self, texts: Sequence[str]) -> frozenset[str]:
        """The kinds that any of these short texts is surely like."""
        if not texts:
            return frozenset()
        names, weights = self._fitted
        best = (_with_constant(self._encoder.encode(texts)) @ weights).max(axis=0)
        return frozenset(name for name, score in zip(names, best, strict=True) if score >= SURE)

    @cached_property
    def _fitted(self) -> tuple[list[str], NDArray[np.float32]]:
        lines = [line.partition(": ") for line in self._path.read_text("utf-8").splitlines()]
        told = [(kind, text) for kind, _, text in lines if text]
        names = sorted({kind for kind, _ in told})
        known = _with_constant(self._encoder.encode([text for _, text in told]))
        wanted = np.array([[kind == name for name in names] for kind, _ in told], np.float32)
        shifted = known @ known.T + _RIDGE * np.eye(len(known), dtype=np.float32)
        return names, np.asarray(known.T @ np.linalg.solve(shifted, wanted), np.float32)


def _with_constant(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    constant = np.full((len(vectors), 1), _CONSTANT, np.float32)
    return np.hstack([vectors, constant])
