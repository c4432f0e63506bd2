"""Dictionary forms of Russian words, remembered for the process."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

MAX_WORD = 30  # longer runs of letters aren't words, and parsing them is slow
_CACHED_WORDS = 20_000
_NOT_SHORT_FOR = frozenset({"к"})  # a dictionary takes the preposition for «как»


@lru_cache(maxsize=1)
def analyzer() -> Any:
    """The analyzer, loaded on first use."""
    from pymorphy3 import MorphAnalyzer  # an extra of the project, and slow to load

    return MorphAnalyzer()


@lru_cache(maxsize=_CACHED_WORDS)
def parses(word: str) -> tuple[Any, ...]:
    """Every reading of a dictionary word; nothing for an unknown one."""
    if len(word) > MAX_WORD or not is_known(word):
        return ()
    return tuple(analyzer().parse(word))


@lru_cache(maxsize=_CACHED_WORDS)
def lemmas(word: str) -> frozenset[str]:
    """The word itself and its dictionary forms, in lower case without ё."""
    if word in _NOT_SHORT_FOR:
        return frozenset({word})
    return frozenset({word, *(plain(parse.normal_form) for parse in parses(word))})


def is_known(word: str) -> bool:
    return bool(analyzer().word_is_known(word))


def is_place_name(word: str) -> bool:
    """Whether a dictionary has the word as a geographical name."""
    return any("Geox" in parse.tag for parse in parses(word))


def is_common_word(word: str) -> bool:
    """Whether a dictionary has the word and none of its readings is a geographical name."""
    return bool(parses(word)) and not is_place_name(word)


@lru_cache(maxsize=_CACHED_WORDS)
def word_forms(word: str) -> frozenset[str]:
    """All forms of a dictionary word; an unknown word has only itself."""
    known = parses(word)
    if not known:
        return frozenset({word})
    return frozenset(plain(form.word) for form in known[0].lexeme)


def plain(text: str) -> str:
    """Lower case, е for ё: the spelling that all word lists are in."""
    return text.lower().replace("ё", "е")
