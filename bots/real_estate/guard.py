"""The number guard: a model's text may say only what the tools or the user said.

A text with a price, an area, a number or a name of a place from nowhere is rejected, and
the template goes out instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bots.real_estate.understanding.gazetteer import load_gazetteer
from bots.real_estate.understanding.morphology import is_common_word
from bots.real_estate.understanding.units import said_numbers

_WORD = re.compile(r"[А-Яа-яЁёA-Za-z]+(?:-[А-Яа-яЁёA-Za-z]+)*")
_STREET = re.compile(
    r"\b(?:улиц\w*|ул\.|проспект\w*|пр-т|переул\w*|бульвар\w*|шоссе|набережн\w*|ЖК|дом\w*|квартал\w*)\s+«?([А-ЯЁ][\w-]{1,40}|№?\s?\d+\w*)"
    r"|\b([А-ЯЁ][\w-]{1,40}(?:ая|ий|ый|ой|ое|ом))\s+(?:улиц\w*|проспект\w*|переул\w*|бульвар\w*|шоссе|набережн\w*)"
)
_LINK = re.compile(r"https?://|www\.|@\w{4,}|\b\w{1,64}\.(?:ru|com|рф)\b")
_TOLERANCE = 0.0005


@dataclass(slots=True)
class NumberGuard:
    """Checks texts against their sources and counts those turned away."""

    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def allows(self, text: str, sources: Iterable[str]) -> bool:
        """Whether everything checkable in `text` stands in one of `sources`."""
        reason = find_invention(text, " \n".join(sources))
        if reason:
            self.rejected += 1
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        return reason is None


def find_invention(text: str, source: str) -> str | None:
    """What kind of thing `text` says that `source` doesn't: a number, a place, a street, a link."""
    if _LINK.search(text):
        return "link"
    known = said_numbers(source)
    if any(not _stands_in(value, known) for value in said_numbers(text)):
        return "number"
    if not _kinds_of_numbers(text) <= _kinds_of_numbers(source):
        return "number"
    streets = {part for match in _STREET.finditer(text) for part in match.groups() if part}
    if any(_stem(street) not in source.casefold().replace("ё", "е") for street in streets):
        return "street"
    said = source.casefold().replace("ё", "е")
    if any(not _is_named(names, said) for names in _places(text)):
        return "place"
    return None


_SMALL = {
    word: str(number)
    for number, words in enumerate(
        (
            ("один", "одна"), ("два", "две"), ("три",), ("четыре",), ("пять",), ("шесть",),
            ("семь",), ("восемь",), ("девять",), ("десять",), ("одиннадцать",), ("двенадцать",),
        ),
        start=1,
    )
    for word in words
}  # fmt: skip
_ROOM_WORDS = (
    ("студи", 0), ("одноком", 1), ("однуш", 1), ("двухком", 2), ("двуш", 2), ("трехком", 3),
    ("треш", 3), ("четырехком", 4), ("четыреш", 4), ("пятиком", 5),
)  # fmt: skip
_FLOOR_STEMS = (
    "перв", "втор", "трет", "четверт", "пят", "шест", "седьм", "восьм", "девят", "десят",
    "одиннадцат", "двенадцат",
)  # fmt: skip
_ROOMS = re.compile(r"(?<!\d)(\d{1,4})\s?-?\s?(?:комн|к\.|х\s?комн)")
_FLOOR = re.compile(
    r"(?<!\d)(\d{1,4})(?:-?(?:й|м|го|ом))? этаж|(?<!\d)(\d{1,4})/\d{1,4} ?эт"
    r"|(?<!\d)(\d{1,4}) эт\.|этаж[а-я]{0,3} (\d{1,4})"
)
_COUNT = re.compile(r"(?<!\d)(\d{1,9}) (?:вариант|квартир|объявлени|предложени|штук)")


def _kinds_of_numbers(text: str) -> set[tuple[str, int]]:
    """Numbers of rooms, floors and flats with their kind: seven minutes are no seven flats."""
    plain = text.replace("\u00a0", " ").casefold().replace("ё", "е")
    plain = re.sub("[а-я]+", lambda word: _SMALL.get(word[0], word[0]), plain)
    found = {("rooms", count) for word, count in _ROOM_WORDS if word in plain}
    for kind, pattern in (("rooms", _ROOMS), ("floor", _FLOOR), ("count", _COUNT)):
        for match in pattern.finditer(plain):
            found |= {(kind, int(group)) for group in match.groups() if group}
    for number, stem in enumerate(_FLOOR_STEMS, start=1):
        if re.search(rf"(?<![а-я]){stem}(?:ый|ой|ом|ий|ем|ого|ьем|ье|ья)? этаж", plain):
            found.add(("floor", number))
    return found


def _stands_in(value: float, known: set[float]) -> bool:
    return any(abs(value - other) <= _TOLERANCE * max(abs(other), 1e-9) for other in known)


def _is_named(names: frozenset[str], source: str) -> bool:
    return any(_stem(name) in source for name in names)


def _places(text: str) -> set[frozenset[str]]:
    """For each place named in `text`, by capitalised words in any case, what it may be."""
    gazetteer = load_gazetteer()
    words = [match[0] for match in _WORD.finditer(text)]
    found = set()
    for index, word in enumerate(words):
        if not word[0].isupper():
            continue
        for length in (3, 2, 1):
            form = " ".join(words[index : index + length]).lower().replace("ё", "е")
            readings = gazetteer.readings(form)
            if readings and (" " in form or not is_common_word(form)):
                found.add(frozenset(reading.place.name for reading in readings))
                break
    return found


def _stem(word: str) -> str:
    plain = word.casefold().replace("ё", "е").strip("№ ")
    return plain[: max(3, len(plain) - 2)] if len(plain) > 4 else plain
