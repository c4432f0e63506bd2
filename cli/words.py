"""Russian words as searches compare them: without «ё», without endings."""

from __future__ import annotations

import re


def fold(text: str) -> str:
    """A text whose letters may be compared."""
    return text.casefold().replace("ё", "е")


def stem(word: str) -> str:
    """A word without what a Russian ending may change; short ones and others are left whole."""
    if word.isascii() or len(word) < 4:
        return word
    ending = 3 if len(word) > 6 else len(word) // 3  # «старого», «ёлками», «дома»
    return word[:-ending]


def stems(text: str) -> list[str]:
    """The beginnings that all the words of a text must have."""
    return [stem(word) for word in re.findall(r"\w+", fold(text))]
