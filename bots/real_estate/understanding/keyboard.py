"""Russian typed on a Latin keyboard: «ldeirf d vjcrdt lj 15 vky» is «двушка в москве до 15 млн»."""

from __future__ import annotations

import re

from bots.real_estate.understanding.english import is_request_word
from bots.real_estate.understanding.morphology import is_known
from bots.real_estate.understanding.rooms import room_word
from bots.real_estate.understanding.tokens import MAX_READ

_LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_RUSSIAN = "ёйцукенгшщзхъфывапролджэячсмитьбю"
_LAYOUT = str.maketrans(_LATIN + _LATIN.upper(), _RUSSIAN + _RUSSIAN.upper())
_RUN = re.compile(r"[a-z`\[\];',.]+", re.IGNORECASE)
_LETTER = re.compile("[a-z]", re.IGNORECASE)
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_TRAILING = ",."
_MIN_TOLD = 3  # letters; shorter words are words in both alphabets


def in_intended_layout(text: str) -> str:
    """The message as it was meant, when most of its words are Russian in the other layout."""
    head = text[:MAX_READ]
    if _CYRILLIC.search(head):
        return text
    typed = [run.strip(_TRAILING) for run in _RUN.findall(head)]
    told = [word for word in typed if len(word) >= _MIN_TOLD]
    meant = sum(_is_russian(word.translate(_LAYOUT).lower()) for word in told)
    english = sum(is_request_word(word.lower()) for word in told)
    if not told or english or 2 * meant <= len(told):
        return text
    return _RUN.sub(lambda match: _retyped(match[0]), head)


def _retyped(run: str) -> str:
    """One run of letters; a comma or a full stop at its end is a letter only in a word with it."""
    if not _LETTER.search(run):
        return run
    whole = run.translate(_LAYOUT)
    bare = run.rstrip(_TRAILING)
    if bare == run or _is_russian(whole.lower()):
        return whole
    return bare.translate(_LAYOUT) + run[len(bare) :]


def _is_russian(word: str) -> bool:
    return word.isalpha() and (is_known(word) or room_word(word) is not None)
