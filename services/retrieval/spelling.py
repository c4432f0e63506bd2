"""Similarity of spelling: the cosine of letter trigrams."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Split into words, in lower case and with «е» for «ё»."""
    return _WORD.findall(text.lower().replace("ё", "е"))


def trigrams(text: str) -> dict[str, float]:
    """Trigrams of the padded words with log-scaled weights, normalised to length 1."""
    padded = [f" {word} " for word in words_of(text)]
    counts = Counter([word[at : at + 3] for word in padded for at in range(len(word) - 2)])
    weights = {gram: 1 + math.log(count) for gram, count in counts.items()}
    length = math.sqrt(sum([weight * weight for weight in weights.values()])) or 1.0
    return {gram: weight / length for gram, weight in weights.items()}


def likeness(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    """Cosine of two `trigrams`: 0 if none is shared, 1 if the words are the same."""
    return sum(weight * right[gram] for gram, weight in left.items() if gram in right)
