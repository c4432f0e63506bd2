"""Decode text files that people keep: UTF-8, UTF-16, and the old Russian code pages."""

from __future__ import annotations

from itertools import pairwise

_CODE_PAGES = ("cp1251", "cp866", "koi8_r", "mac_cyrillic")
_SAMPLE = 20_000  # bytes that the guess looks at
# Russian letters by how often they are met; a wrong code page gives rare ones, or none.
_LETTERS = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_WEIGHT = {letter: 1.0 - place / len(_LETTERS) for place, letter in enumerate(_LETTERS)}
_WEIGHT |= dict.fromkeys("«»„“”—–…№\xa0", 0.1)
_STRANGE = -1.0  # of a letter that isn't Russian, or stands as in «пРИВЕТ»


def decode(content: bytes) -> str:
    """The text of a file, its byte order mark left out.

    UTF-16 is recognised without the mark, too. Raises UnicodeDecodeError when it is text in no
    encoding that is known here.
    """
    if encoding := _wide(content):
        return content.decode(encoding, errors="replace").removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        sample = content[:_SAMPLE]
        best = max(_CODE_PAGES, key=lambda page: _score(sample.decode(page, "replace")))
        if _score(sample.decode(best, "replace")) <= 0:
            raise
    return content.decode(best, errors="replace")


def _wide(content: bytes) -> str | None:
    """UTF-16, by its mark; without one by the zeros of its ASCII or the fours of its Cyrillic."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    sample = content[:_SAMPLE]
    for encoding, high in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        blocks = set(high)  # Latin, Cyrillic; dashes and «№» besides
        if not len(content) % 2 and blocks & {0, 4} and blocks <= {0, 4, 0x20, 0x21}:
            return encoding
    return None


def _score(text: str) -> float:
    """How Russian a text looks: above 0 when it does."""
    score = sum(_WEIGHT.get(letter.lower(), _STRANGE) for letter in text if not letter.isascii())
    return score + sum(
        2 * _STRANGE for one, two in pairwise(text) if one.islower() and two.isupper()
    )
