"""Russian grammar that texts for users need."""

from __future__ import annotations


def plural(number: int, one: str, few: str, many: str) -> str:
    """Format a number with its noun: «1 слово», «2 слова», «5 слов»."""
    if number % 100 not in (11, 12, 13, 14):
        if number % 10 == 1:
            return f"{number} {one}"
        if number % 10 in (2, 3, 4):
            return f"{number} {few}"
    return f"{number} {many}"
