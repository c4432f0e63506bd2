"""Choose among the texts that a recogniser holds for possible."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp
from typing import Any

UNKNOWN_WORD = 1.0  # what a text of invented words only loses to one of known words
SHARPNESS = 10.0  # how much more a likelier text counts
MAX_WORDS = 100  # of a text that is compared word by word: the comparison is quadratic

_WORD = re.compile(r"\w+")
_RUSSIAN_WORD = re.compile(r"[а-яё]{2,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of a passage: its text and the average logarithm of its probability."""

    text: str
    score: float


def choose(hypotheses: Sequence[Hypothesis], *, russian: bool) -> Hypothesis:
    """The one that is likely to hold the fewest wrong words (minimum Bayes risk).

    The others, each by its worth, say what it may have wrong: a word that most readings share
    wins over one that only the likeliest has.
    """
    worths = [worth(it, russian=russian) for it in hypotheses]
    best = max(worths)
    weights = [exp(SHARPNESS * (value - best)) for value in worths]
    texts = [_WORD.findall(it.text.lower())[:MAX_WORDS] for it in hypotheses]

    def risk(number: int) -> tuple[float, float]:
        expected = sum(
            weight * distance(texts[number], text)
            for weight, text in zip(weights, texts, strict=True)
        )
        return round(expected, 9), -worths[number]

    return hypotheses[min(range(len(hypotheses)), key=risk)]


def worth(hypothesis: Hypothesis, *, russian: bool) -> float:
    """The score, less a penalty for words that the dictionary doesn't know."""
    words = _RUSSIAN_WORD.findall(hypothesis.text) if russian else []
    unknown = sum(not is_word(word.lower()) for word in words)
    return hypothesis.score - UNKNOWN_WORD * unknown / max(1, len(words))


def distance(wanted: Sequence[str], given: Sequence[str]) -> int:
    """Words to insert, delete or replace."""
    row = list(range(len(given) + 1))
    for count, word in enumerate(wanted, 1):
        before, row[0] = row[0], count
        for index, other in enumerate(given, 1):
            before, row[index] = (
                row[index],
                min(row[index] + 1, row[index - 1] + 1, before + (word != other)),
            )
    return row[-1]


@lru_cache(maxsize=20_000)
def is_word(word: str) -> bool:
    return bool(_dictionary.morph.word_is_known(word))


class _Dictionary:
    @cached_property
    def morph(self) -> Any:
        from pymorphy3 import MorphAnalyzer

        return MorphAnalyzer()


_dictionary = _Dictionary()
