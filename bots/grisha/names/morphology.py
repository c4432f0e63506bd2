"""Ask the dictionary: is a word a name, in which case, and what is its nominative."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from bots.grisha.names.words import ALSO_WORDS, MORE_NAMES

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer
    from pymorphy3.analyzer import Parse

Case = Literal["nomn", "ablt"]
NAME_SCORE = 0.04  # how likely a lower-case word must be a name: «слава» is 0.05, «света» 0.01
MAX_WORD = 40  # letters; a longer word is no name

LATIN = re.compile(r"[A-Za-z][A-Za-z'’]+(?:-[A-Za-z]+)?")


def is_name(word: str) -> bool:
    """Whether a word is a first name, a patronymic or a surname, in any case."""
    return word.lower() in MORE_NAMES or any(
        parse.is_known and any(kind in parse.tag for kind in ("Name", "Patr", "Surn"))
        for parse in parses(word)
    )


@cache
def _morph() -> MorphAnalyzer:
    from pymorphy3 import MorphAnalyzer  # loads its dictionary: 0.3 s, 27 MB

    return MorphAnalyzer()


@lru_cache(4096)
def parses(word: str) -> Sequence[Parse]:
    known = "".join(letter for letter in word[: MAX_WORD + 1] if unicodedata.name(letter, ""))
    if len(known) > MAX_WORD:
        known = ""
    found: Sequence[Parse] = _morph().parse(known or "?")  # it stumbles over nameless letters
    return found


def is_first_name(word: str, case: Case) -> bool:
    if len(word) < 2 or not word[0].isalpha() or LATIN.fullmatch(word):
        return False
    if "-" in word:
        parts = word.split("-")
        return all(part and is_first_name(part, case) for part in parts)
    key = word.lower()
    if key in (MORE_NAMES if case == "nomn" else _more_ablatives()):
        return True
    return any(
        {"Name", "sing", case} in parse.tag
        and parse.is_known
        and (case == "nomn" or parse.normal_form != key)
        for parse in parses(word)
    )


@cache
def _more_ablatives() -> dict[str, str]:
    return {form: name for name in MORE_NAMES for form in _ablatives(name)}


def _ablatives(name: str) -> Sequence[str]:
    """The instrumental of a name by its ending: «Толик» -> «Толиком», «Ника» -> «Никой»."""
    stem, last = name[:-1], name[-1]
    if last == "а":
        return (stem + "ой", stem + "ей")
    if last in "яь":
        return (stem + "ей", stem + "ью")
    if last == "й":
        return (stem + "ем",)
    if name.endswith(("нек", "нёк", "лек", "лёк")):
        return (name[:-2] + "ьком",)
    if name.endswith(("ек", "ёк", "ок")):
        return (name[:-2] + "ком",)
    return (name + "ом",) if last in "бвгджзклмнпрстфхцчшщ" else ()


def is_surname(word: str, case: Case) -> bool:
    return word[0].isalpha() and any({"Surn", case} in parse.tag for parse in parses(word))


def is_mostly(word: str, grammeme: str) -> bool:
    return grammeme in parses(word)[0].tag


def nominative(word: str, case: Case, grammeme: str = "Name") -> str:
    """The word as it stands in a passport: nominative, capitals, its own «ё» kept."""
    if case == "nomn":
        return _capitalize(word)
    if "-" in word:
        return "-".join(nominative(part, case, grammeme) for part in word.split("-"))
    if name := _more_ablatives().get(word.lower()):
        return _capitalize(name)
    readings = [parse for parse in parses(word) if {case, "sing"} in parse.tag]
    readings.sort(key=lambda parse: grammeme not in parse.tag)
    for parse in readings:
        inflected = parse.inflect({"nomn"})
        if inflected:
            return _capitalize(inflected.word)
    return _capitalize(word)


def _capitalize(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))


def is_also_word(name: str) -> bool:
    return name.lower().replace("ё", "е") in ALSO_WORDS


def could_be_name(word: str) -> bool:
    """Whether a word may name a person, however it is written: «маша», «Петрову»."""
    if word[:1].isupper() and is_name(word):
        return True
    key = word.lower()
    if key in MORE_NAMES and key not in ALSO_WORDS:
        return True
    return any(
        parse.is_known
        and parse.score >= NAME_SCORE
        and any(kind in parse.tag for kind in ("Name", "Patr", "Surn"))
        for parse in parses(key)
    )
