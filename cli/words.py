"""Russian words as searches compare them: without «ё», without endings."""

from __future__ import annotations

import re


def fold(text: str) -> str:
    """Fold case and «ё», as the index does."""
    return text.casefold().replace("ё", "е")


def stem(word: str) -> str:
    """A Russian word without the letters that an ending may change; short words are left whole."""
    if word.isascii() or len(word) < 4:
        return word
    ending = 3 if len(word) > 6 else len(word) // 3  # «старого», «ёлками», «дома»
    return word[:-ending]


def stems(text: str) -> list[str]:
    """The stems of the words of a text."""
    return [stem(word) for word in re.findall(r"\w+", fold(text))]
