"""Tell by meaning what a sentence or a question is about, from examples of every kind.

Word lists know what they list; «кладу плитку» is work all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bots.grisha.facts.kinds import OTHER
from services.env import SHIPPED_DATA
from services.retrieval import Encoder

EXAMPLES = SHIPPED_DATA / "grisha_kinds.txt"  # «kind: sentence» or «kind: question?», a line each
SURE = 0.4  # of a sentence
LIKELY = 0.45  # of a question, where nothing else is known
_RIDGE = 0.3
_CONSTANT = 0.3  # beside the numbers of a vector

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Regression:
    """Ridge regression from vectors to kinds."""

    names: Sequence[str]
    weights: Vectors

    @classmethod
    def fit(cls, kinds: Sequence[str], vectors: Vectors) -> _Regression:
        names = sorted(set(kinds))
        known = _with_constant(vectors)
        wanted = np.array([[kind == name for name in names] for kind in kinds], np.float32)
        shifted = known @ known.T + _RIDGE * np.eye(len(known), dtype=np.float32)
        return cls(names, np.asarray(known.T @ np.linalg.solve(shifted, wanted), np.float32))

    def scores(self, vectors: Vectors) -> Vectors:
        return np.asarray(_with_constant(vectors) @ self.weights, np.float32)

    def over(self, scores: Vectors, least: float) -> frozenset[str]:
        found = (name for name, score in zip(self.names, scores, strict=True) if score >= least)
        return frozenset(found) - {OTHER}


class KindsByExample:
    """What vectors are about; the examples are encoded at the first use."""

    def __init__(self, encoder: Encoder, path: Path = EXAMPLES) -> None:
        self._encoder = encoder
        self._path = path

    def likeness(self, vectors: Vectors, kinds: Collection[str]) -> Vectors:
        """How much each fact is like the examples of any of the kinds: from 0 to 1."""
        told, _ = self._fitted
        columns = [at for at, name in enumerate(told.names) if name in kinds]
        if not columns:
            return np.zeros(len(vectors), np.float32)
        best = told.scores(vectors)[:, columns].max(axis=1)
        return np.asarray(np.clip(best, 0, 1), np.float32)

    def of(self, texts: Sequence[str]) -> frozenset[str]:
        """The kinds that any of these short texts is surely like."""
        if not texts:
            return frozenset()
        told, _ = self._fitted
        return told.over(told.scores(self._encoder.encode(texts)).max(axis=0), SURE)

    def asked(self, vector: Vectors) -> frozenset[str]:
        """The kinds that a question with this vector asks for."""
        _, asked = self._fitted
        return asked.over(asked.scores(vector[None])[0], LIKELY)

    @cached_property
    def _fitted(self) -> tuple[_Regression, _Regression]:
        """Of sentences, and of questions."""
        lines = [line.partition(": ") for line in self._path.read_text("utf-8").splitlines()]
        vectors = self._encoder.encode([text for _, _, text in lines])
        asks = np.array([text.endswith("?") for _, _, text in lines])
        kinds = np.array([kind for kind, _, _ in lines])
        return (
            _Regression.fit(kinds[~asks].tolist(), vectors[~asks]),
            _Regression.fit(kinds[asks].tolist(), vectors[asks]),
        )


def _with_constant(vectors: Vectors) -> Vectors:
    constant = np.full((len(vectors), 1), _CONSTANT, np.float32)
    return np.hstack([vectors, constant])
