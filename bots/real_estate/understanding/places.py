"""The city, the district and the metro station that a request names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bots.real_estate.understanding.consumable import ConsumableText
from bots.real_estate.understanding.gazetteer import Gazetteer, Place, Reading

_WORD = re.compile(r"[а-яa-z0-9]+(?:[-.][а-яa-z0-9]+)*")
_PREPOSITIONS = frozenset(
    [
        "в",
        "во",
        "на",
        "у",
        "около",
        "возле",
        "из",
        "до",
        "от",
        "к",
        "ко",
        "по",
        "под",
        "с",
        "со",
        "близ",
        "вблизи",
    ]
)
_METRO = re.compile(
    r"(?<![а-я])(?:ст(?:анци[а-я]+|\.)? ?)?(?:метро(?: станци[а-я]+)?|(?<!\d )(?<!\d)м\. ?|ст\. ?м\. ?|станци[а-я]+|мц[кд](?:-?\d)?)[ :,-]*[«\"(]?(?=[а-я0-9])"
)
_STREET = re.compile(
    r"(?:улиц[а-я]*|ул\.?|пр-к?т\.?|просп\.?|пр\.|переулок|переулке|пер\.|набережн[а-я]+|наб\.|б-р|жк|ж\.к\.|жилой комплекс|жилом комплексе)[ «\"]*$"
)
_STREET_AFTER = re.compile(
    r"^ ?(?:улиц|ул\.|проспект|пр-т|шоссе|бульвар|набережн|переул|вокзал|област|обл\.|край|этаж|пруд|парк|рынок)"
)
_DISTRICT = re.compile(
    r"(?P<before>[а-я]+(?:-[а-я]+)?(?: [а-я]+ой|)) (?:район[а-я]*|р-н[а-я]*|округ[а-я]*)(?![а-я])(?! \d)"
    r"|(?<![а-я])(?:район[а-я]*|р-н[а-я]*|микрорайон[а-я]*|мкр\.?|мкрн\.?)[ :«\"]+(?P<after>[а-я]+(?:-[а-я]+)?)"
)
_CAPITALISED = re.compile(r"[А-Я][а-яё]+(?:-[А-Я]?[а-яё]+)*(?: [А-Я][а-яё]+)?")
_UNKNOWN = re.compile(r"(?<![а-яА-Я])(?:[ВвНн]а?|[Вв]о) ([А-Я][а-я]+(?:-[А-Я][а-я]+)*)")


@dataclass(slots=True)
class Places:
    """What was found so far."""

    city: str | None = None
    district: str | None = None
    metro: str | None = None

    def put(self, place: Place) -> None:
        """Keep a place unless its kind is named already: the first name counts."""
        kind = "district" if place.kind == "okrug" else place.kind
        if getattr(self, kind) is None:
            setattr(self, kind, place.name)


@dataclass(frozen=True, slots=True)
class _Phrase:
    form: str
    start: int
    end: int


def read_places(scratch: ConsumableText, gazetteer: Gazetteer) -> Places:
    """Find the places in `scratch` and take them out of it."""
    found = Places()
    _take_cities(scratch, gazetteer, found)
    _take_stations(scratch, gazetteer, found)
    _take_marked_districts(scratch, gazetteer, found)
    _take_the_rest(scratch, gazetteer, found)
    if found.district is None and found.metro is None:
        _take_unknown(scratch, gazetteer, found)
    return found


def _take_cities(scratch: ConsumableText, gazetteer: Gazetteer, found: Places) -> None:
    """A city first: it decides which district «Центральный» is."""
    for phrase in _phrases(scratch, gazetteer):
        readings = gazetteer.readings(phrase.form)
        cities = [reading for reading in readings if reading.place.kind == "city"]
        if not cities or not _stands_for_a_place(scratch, gazetteer, phrase):
            continue
        if len(cities) < len(readings) and not _prefer_city(scratch, phrase):
            continue
        # «В Пушкине» is Пушкин: names in -о are left undeclined more often than not.
        found.put(min(cities, key=lambda reading: reading.place.name.endswith("о")).place)
        scratch.erase(phrase.start, phrase.end)


def _prefer_city(scratch: ConsumableText, phrase: _Phrase) -> bool:
    """Whether a name that is a city's and a district's or station's is the city here."""
    before, after = scratch.low[: phrase.start], scratch.low[phrase.end :]
    marked = re.search(r"(?:метро|м\.|район[а-я]*|станци[а-я]+|р-н)[ «\"]*$", before)
    district = re.match(r" (?:район|р-н|округ)", after)
    return not marked and not district and not phrase.form.endswith(("ский", "ском", "ного"))


def _take_stations(scratch: ConsumableText, gazetteer: Gazetteer, found: Places) -> None:
    for marker in list(_METRO.finditer(scratch.low)):
        phrase = next(
            (
                phrase
                for phrase in _phrases(scratch, gazetteer, start=marker.end())
                if phrase.start == marker.end()
                and any(r.place.kind == "metro" for r in gazetteer.readings(phrase.form))
            ),
            None,
        )
        if phrase:
            stations = [r for r in gazetteer.readings(phrase.form) if r.place.kind == "metro"]
            # After «метро» a name stands as it is: «у метро Беговая».
            found.put(min(stations, key=lambda reading: not reading.nominative).place)
            scratch.erase(marker.start(), phrase.end)
        elif unknown := _CAPITALISED.match(scratch.text, marker.end()):
            near = gazetteer.misspelt(unknown[0].lower())
            name = near[0].place.name if near else unknown[0]
            found.put(Place("metro", name))
            scratch.erase(marker.start(), unknown.end())


def _take_marked_districts(scratch: ConsumableText, gazetteer: Gazetteer, found: Places) -> None:
    for match in list(_DISTRICT.finditer(scratch.low)):
        for group in ("before", "after"):
            if not match[group]:
                continue
            start, end = match.span(group)
            if group == "before":
                start = _start_of_name(scratch, gazetteer, start, end)
            name = _district_name(scratch, gazetteer, found, start, end)
            if name:
                found.put(Place("district", name))
                scratch.erase(min(start, match.start()), max(end, match.end()))


def _start_of_name(scratch: ConsumableText, gazetteer: Gazetteer, start: int, end: int) -> int:
    """Where the name before «район» begins: the longest known one, else its last word."""
    words = [match.start() + start for match in _WORD.finditer(scratch.low[start:end])]
    known = (at for at in words if gazetteer.readings(scratch.low[at:end]))
    return next(known, words[-1])


def _district_name(
    scratch: ConsumableText, gazetteer: Gazetteer, found: Places, start: int, end: int
) -> str | None:
    form = scratch.low[start:end]
    readings = [r for r in gazetteer.readings(form) if r.place.kind in ("district", "okrug")]
    if readings:
        return _nearest(readings, found).place.name
    others = [r for r in gazetteer.readings(form) if r.place.kind == "metro"]
    if others:
        return others[0].place.name
    capital = scratch.text[start].isupper()
    adjective = re.search(r"(?:ск|цк|н)(?:ий|ом|ого|ому|ый)$", form)
    if (capital and (start > 0 or adjective)) or (adjective and form.endswith("ском")):
        return gazetteer.nominative(scratch.text[start:end])
    return None


def _take_the_rest(scratch: ConsumableText, gazetteer: Gazetteer, found: Places) -> None:
    for phrase in _phrases(scratch, gazetteer):
        readings = gazetteer.readings(phrase.form) or gazetteer.misspelt(phrase.form)
        if not readings or not _stands_for_a_place(scratch, gazetteer, phrase):
            continue
        found.put(_choose(scratch, phrase, readings, found).place)
        scratch.erase(phrase.start, phrase.end)


def _choose(
    scratch: ConsumableText, phrase: _Phrase, readings: list[Reading], found: Places
) -> Reading:
    """A name in an oblique case after a preposition, the name itself elsewhere."""
    oblique = _word_before(scratch, phrase.start) in _PREPOSITIONS
    fitting = [r for r in readings if r.nominative != oblique or _unchanging(r)] or readings
    order = ("city", "okrug", "district", "metro")
    first = min(fitting, key=lambda reading: order.index(reading.place.kind))
    same_kind = [reading for reading in fitting if reading.place.kind == first.place.kind]
    return _nearest(same_kind, found)


def _nearest(readings: list[Reading], found: Places) -> Reading:
    return next((r for r in readings if found.city and r.place.city == found.city), readings[0])


def _unchanging(reading: Reading) -> bool:
    return reading.place.name.endswith(("о", "и", "О")) or reading.place.kind == "okrug"


def _stands_for_a_place(scratch: ConsumableText, gazetteer: Gazetteer, phrase: _Phrase) -> bool:
    """Whether the words name a place here and aren't a street or an ordinary word."""
    before, after = scratch.low[: phrase.start], scratch.low[phrase.end :]
    if _STREET.search(before) or _STREET_AFTER.match(after):
        return False
    if " " in phrase.form or scratch.text[phrase.start].isupper():
        return True
    if not gazetteer.is_common_word(phrase.form):
        return True
    return _word_before(scratch, phrase.start) in _PREPOSITIONS and phrase.form != "нижнем"


def _word_before(scratch: ConsumableText, position: int) -> str:
    words = scratch.low[:position].split()
    return words[-1].strip(',.«"(') if words else ""


def _phrases(scratch: ConsumableText, gazetteer: Gazetteer, start: int = 0) -> Iterator[_Phrase]:
    """Every run of words that may be a name, the longest first from each word on."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(scratch.low, start)]
    taken = start
    for index, (begin, _) in enumerate(words):
        if begin < taken:
            continue
        for last in range(min(len(words), index + gazetteer.longest) - 1, index - 1, -1):
            end = words[last][1]
            form = scratch.low[begin:end]
            if last == index or gazetteer.readings(form):
                yield _Phrase(form, begin, end)
                taken = end if scratch.low[begin] == "¤" else taken
                if gazetteer.readings(form):
                    break


def _take_unknown(scratch: ConsumableText, gazetteer: Gazetteer, found: Places) -> None:
    """A capitalised name that no list has: «на Заречье» is taken for a district."""
    for match in _UNKNOWN.finditer(scratch.text):
        phrase = _Phrase(match[1].lower(), match.start(1), match.end(1))
        if gazetteer.is_common_word(phrase.form) or not _stands_for_a_place(
            scratch, gazetteer, phrase
        ):
            continue
        found.put(Place("district", gazetteer.nominative(match[1])))
        scratch.erase(match.start(1), match.end(1))
        return
