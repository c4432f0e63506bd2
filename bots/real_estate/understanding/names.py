"""The nominative behind a name in any case, when no list has it."""

from __future__ import annotations

from typing import Any

from bots.real_estate.understanding.morphology import MAX_WORD, analyzer


def nominative(words: list[str], *, masculine: bool = False) -> str:
    """«Солнечном» as «Солнечный», «Уралмаше» as «Уралмаш»; `masculine` for a «район»."""
    return " ".join(_nominative_word(word, masculine) for word in words)


def _nominative_word(word: str, masculine: bool) -> str:
    if "-" in word:
        *first, last = word.split("-")
        return "-".join([*(part.capitalize() for part in first), _nominative_word(last, masculine)])
    if len(word) > MAX_WORD or word.isupper():
        return word
    parse = _best(analyzer().parse(word.lower()))
    if parse is None:
        return word.capitalize()
    adjective = "ADJF" in parse.tag
    wanted = {"nomn", "masc", "sing"} if adjective and masculine else {"nomn"}
    form = parse.inflect(wanted)
    return str(form.word if form else word.lower()).capitalize()


def _best(parses: list[Any]) -> Any:
    """A geographical name first, then a noun or an adjective."""
    fitting = [parse for parse in parses if {"ADJF", "NOUN"} & set(parse.tag.grammemes)]
    places = [parse for parse in fitting if "Geox" in parse.tag]
    already = [parse for parse in places or fitting if "nomn" in parse.tag]
    return next(iter(already or places or fitting), None)
