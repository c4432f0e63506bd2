"""What changed between texts, in figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

_WORD = re.compile(r"[а-яёa-z0-9]+(?:-[а-яёa-z0-9]+)*")
REPEATED = 3  # words in a run that counts as repeated


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one text: its words, the share of distinct ones, the share of runs said before."""

    words: int
    distinct: float
    repeated: float


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def measure(text: str) -> Figures:
    words = words_of(text)
    runs = Counter(zip(*(words[start:] for start in range(REPEATED)), strict=False))
    total = sum(runs.values())
    return Figures(
        len(words),
        len(set(words)) / len(words) if words else 0.0,
        (total - len(runs)) / total if total else 0.0,
    )


def similarity(left: str, right: str) -> float:
    """The share of words that two texts have in common (Jaccard); 1 for equal texts."""
    first, second = set(words_of(left)), set(words_of(right))
    union = first | second
    return len(first & second) / len(union) if union else 1.0


def mean_similarity(texts: Sequence[str]) -> float:
    """The mean over all pairs; 1 for a single text."""
    pairs = [similarity(left, right) for left, right in combinations(texts, 2)]
    return sum(pairs) / len(pairs) if pairs else 1.0
