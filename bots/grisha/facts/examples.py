"""Tell by meaning what a sentence or a question is about, from examples of every kind.

Word lists know what they list; «кладу плитку» is work all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    """Ridge regression from vectors to kinds; `weights` has a row a kind."""

    names: Sequence[str]
    weights: Vectors
    constants: Vectors

    @classmethod
    def fit(cls, kinds: Sequence[str], vectors: Vectors) -> _Regression:
        names = sorted(set(kinds))
        known = np.hstack([vectors, np.full((len(vectors), 1), _CONSTANT, np.float32)])
        wanted = np.array([[kind == name for name in names] for kind in kinds], np.float32)
        shifted = known @ known.T + _RIDGE * np.eye(len(known), dtype=np.float32)
        fitted = np.ascontiguousarray((known.T @ np.linalg.solve(shifted, wanted)).T)
        constants = np.asarray(_CONSTANT * fitted[:, -1], np.float32)
        return cls(names, np.ascontiguousarray(fitted[:, :-1]), constants)

    def scores(self, vectors: Vectors) -> Mapping[str, Vectors]:
        """How much each vector is of each kind.

        Kind by kind: a product of two matrices wakes BLAS's threads, which cost 8 ms of CPU
        where the cores are busy.
        """
        fitted = zip(self.names, self.weights, self.constants, strict=True)
        return {name: vectors @ weights + constant for name, weights, constant in fitted}

    def over(self, vectors: Vectors, least: float) -> frozenset[str]:
        """The kinds that any of the vectors is at least so much of."""
        found = {name for name, scores in self.scores(vectors).items() if scores.max() >= least}
        return frozenset(found - {OTHER})


class KindsByExample:
    """What vectors are about; the examples are encoded at the first use, for a second."""

    def __init__(self, encoder: Encoder, path: Path = EXAMPLES) -> None:
        self._encoder = encoder
        self._path = path
        self.ready = False

    def prepare(self) -> None:
        """Encode the examples; blocks the thread for about a second."""
        self._fitted  # noqa: B018  (cached)
        self.ready = True

    def likeness(self, vectors: Vectors, kinds: Collection[str]) -> Vectors:
        """How much each fact is like the examples of any of the kinds: from 0 to 1."""
        told, _ = self._fitted
        found = [scores for name, scores in told.scores(vectors).items() if name in kinds]
        best = np.max(found, axis=0) if found else np.zeros(len(vectors))
        return np.asarray(np.clip(best, 0, 1), np.float32)

    def of(self, texts: Sequence[str]) -> frozenset[str]:
        """The kinds that any of these short texts is surely like."""
        if not texts:
            return frozenset()
        told, _ = self._fitted
        return told.over(self._encoder.encode(texts), SURE)

    def asked(self, vector: Vectors) -> frozenset[str]:
        """The kinds that a question with this vector asks for."""
        _, asked = self._fitted
        return asked.over(vector[None], LIKELY)

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
