"""The name that the author of a message gives as their own, or none.

A name counts only where somebody gives it as their own («меня зовут …», «я — …», «зови
меня …», «это …»), and only when morphology agrees: a first name in the case that the
phrase asks for, or an unknown word that is written like a name. Rather none than a wrong
one: whoever said «я устал» isn't Устал.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bots.grisha.names.phrases import READERS
from bots.grisha.names.reading import Found, may_be_latin, read_bare_name
from bots.grisha.names.tokens import MAX_CHARACTERS, Sentence, sentences

MAX_BARE = 8  # sentences where a bare name may answer «как тебя зовут?»

_CORRECTION = re.compile(r"\b(ой|точнее|вернее|то есть|ошиб\w+|опечат\w+|оговор\w+|тьфу)\b", re.I)
_ENGLISH = re.compile(
    r"\b(?i:my name is|my name's|i am|i'm|i’m|call me|name is)\s{1,9}"
    r"(?P<name>[A-Z][a-z'’]{1,39}(?:\s{1,9}[A-Z][a-z'’]{1,39})?)(?=\s{0,9}(?:[.,!?)]|$|and\b|from\b))"
)


def extract_name(text: str, *, asked: bool = False) -> str | None:
    """Return the name that the author of `text` gives as their own, in its basic form.

    `asked`: the author was just asked for it, so that a bare «Аня» is an answer too.
    """
    found: list[Found] = []
    for number, sentence in enumerate(sentences(text)):
        found += _introductions(sentence)
        if asked and not found and number < MAX_BARE and (bare := read_bare_name(sentence)):
            found.append(bare)
    if not found:
        match = _ENGLISH.search(text[:MAX_CHARACTERS])
        return match["name"].title() if match and may_be_latin(match["name"]) else None
    preferred = [item for item in found if item.preferred]
    if preferred:
        return preferred[-1].name
    return found[-1 if _CORRECTION.search(text[:MAX_CHARACTERS]) else 0].name


def _introductions(sentence: Sentence) -> Iterator[Found]:
    """Every introduction of a sentence, from left to right."""
    position = 0
    while position < len(sentence):
        found = None
        if sentence[position].is_word and not sentence.is_unreal(position):
            for read in READERS:
                found = read(sentence, position)
                if found:
                    break
        if found:
            yield found
        position = found.end if found else position + 1
