"""The city, the district and the metro station that a request names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bots.real_estate.understanding.gazetteer import Gazetteer, Reading
from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.morphology import (
    is_common_word,
    is_place_name,
    parses,
    plain,
)
from bots.real_estate.understanding.phrases import words
from bots.real_estate.understanding.place_context import (
    PREPOSITIONS,
    district_span,
    is_after_city_word,
    is_refused,
    is_street,
    is_street_of_a_person,
    lives_there,
    metro_marker,
)
from bots.real_estate.understanding.refusals import is_refused_after
from bots.real_estate.understanding.rooms import room_word
from bots.real_estate.understanding.tokens import Tokens
from bots.real_estate.understanding.unknown_places import read_unknown_places

_STREETS = words("улица ул переулок пер набережная наб жк комплекс к")
_ADDRESSES = words(
    """улица ул проспект пр просп шоссе ш бульвар набережная наб переулок пер проезд тракт аллея линия"""
)
_HOUSES = words("д дом")
_MAX_HOUSE = 400
_ORDER = ("city", "okrug", "district", "metro")


@dataclass(frozen=True, slots=True)
class Name:
    """A run of tokens that a list of places has."""

    start: int
    end: int
    readings: list[Reading]
    form: str


def read_places(tokens: Tokens, gazetteer: Gazetteer) -> list[Mention]:
    """The places named, in order; a place where the user lives now is left out."""
    names = list(_names(tokens, gazetteer))
    cities = {
        reading.place.name
        for name in names
        for reading in name.readings
        if reading.place.kind == "city"
    }
    found = [mention for name in names if (mention := _known(tokens, name, cities))]
    found += _streets(tokens)
    _use_house_numbers(tokens)
    found += read_unknown_places(tokens, found)
    return _without_other_choices(tokens, sorted(found, key=lambda mention: mention.start))


def _without_other_choices(tokens: Tokens, found: list[Mention]) -> list[Mention]:
    """«Марьино или Братиславская»: the station is a choice, not a second condition."""
    kept: list[Mention] = []
    row: list[Mention] = []
    for mention in found:
        joined = _separators(tokens, row[-1].end, mention.start) if row else None
        if mention.group not in ("district", "metro") or joined is None:
            row = [mention] if mention.group in ("district", "metro") else []
            kept.append(mention)
            continue
        row.append(mention)
        choice = not _OR.isdisjoint(joined) or len(row) > _LISTED
        if not (choice and mention.group != row[0].group):
            kept.append(mention)
        elif len(row) > _LISTED:
            kept = [one for one in kept if one not in row or one.group == row[0].group]
    return kept


def _separators(tokens: Tokens, start: int, end: int) -> set[str] | None:
    """What stands between two places, when it only joins them."""
    between = [tokens.low(at) for at in range(start, end) if tokens.low(at) not in PREPOSITIONS]
    return set(between) if between and all(word in _JOINING for word in between) else None


_OR = words("или либо")
_JOINING = _OR | {",", "/", "и"}
_LISTED = 2  # «Сокол, Аэропорт» may be two facts, three names are a list


def _names(tokens: Tokens, gazetteer: Gazetteer) -> Iterator[Name]:
    """The longest known name from each word on."""
    position = 0
    while position < len(tokens):
        name = name_at(tokens, gazetteer, position)
        yield from (name,) if name else ()
        position = name.end if name else position + 1


def name_at(tokens: Tokens, gazetteer: Gazetteer, start: int) -> Name | None:
    best, form, end = None, "", start
    for _ in range(gazetteer.longest):
        if end >= len(tokens) or tokens[end].used or tokens[end].kind == "mark":
            break
        token = tokens[end]
        if end == start and token.kind != "word":
            return None
        spelt = _spelt(tokens, end, gazetteer.words)
        if end == start and spelt not in gazetteer.words:
            return None
        form = f"{form} {spelt}".strip()
        end += 1
        if readings := gazetteer.readings(form):
            best = Name(start, end, readings, form)
        if tokens.low(end) == "-" and end + 1 < len(tokens) and not tokens[end].gap:
            end += 1
    return best


def _spelt(tokens: Tokens, at: int, known: frozenset[str]) -> str:
    """A word of a name as the lists have it: «ВИЗе» is ВИЗ, a number is in digits."""
    token = tokens[at]
    if token.value is not None and not token.in_words:
        return f"{token.value:g}"
    if token.low not in known and token.text[:2].isupper() and not token.text.isupper():
        return token.low[: sum(letter.isupper() for letter in token.text)]
    return token.low


def _known(tokens: Tokens, name: Name, cities: set[str]) -> Mention | None:
    """The mention that a known name makes, None when it names no place here."""
    marker = metro_marker(tokens, name.start)
    start = name.start if marker is None else marker
    metro = marker is not None
    district_start, district_end = district_span(tokens, name.start, name.end)
    kinds = {reading.place.kind for reading in name.readings}
    if district_end > name.end and kinds == {"city"}:  # «г. Владивосток, р-н Чуркин»
        district_end = name.end
    district = (district_start, district_end) != (name.start, name.end)
    city = not metro and not district and is_after_city_word(tokens, name.start)
    if not (metro or district or city) and not (
        _stands_for_a_place(tokens, name)
        or _is_beside_its_city(tokens, name)
        or _stands_alone(tokens, name, cities)
    ):
        return None
    reading = _choose(tokens, name, cities, metro=metro, district=district, city=city)
    if reading is None:
        return None
    kind = "district" if reading.place.kind == "okrug" else reading.place.kind
    start, end = min(start, district_start), max(name.end, district_end)
    tokens.use(start, end)
    if lives_there(tokens, start):
        return None
    refused = is_refused(tokens, start) or is_refused_after(tokens, end)
    return Mention(kind, {kind: reading.place.name}, start, end, refused)


def _stands_for_a_place(tokens: Tokens, name: Name) -> bool:
    """Whether the words name a place here, not a street or an ordinary thing."""
    if is_street(tokens, name.start, name.end):
        return False
    if name.end - name.start == 1 and is_street_of_a_person(tokens, name.start):
        return False
    if name.end - name.start > 1:
        return True
    if _qualifies_a_noun(tokens, name):
        return False
    capital = tokens[name.start].text[0].isupper()
    if capital and (name.start > 0 or not is_common_word(name.form)):
        return True
    if capital and tokens.low(name.end) in (",", ".", "", ":", "/"):
        return True
    if not is_common_word(name.form):
        return True
    return tokens.low(name.start - 1) in PREPOSITIONS and name.form not in ("нижнем", "великий")


def _stands_alone(tokens: Tokens, name: Name, cities: set[str]) -> bool:
    """«Ростов, 3к, западный, 15/18»: a district of the city named, between marks."""
    between = all(
        0 <= at < len(tokens) and tokens[at].kind == "mark" for at in (name.start - 1, name.end)
    )
    return between and any(reading.place.city in cities for reading in name.readings)


def _is_beside_its_city(tokens: Tokens, name: Name) -> bool:
    """«Екб академический»: a district right after its city needs no capital."""
    before = name.start - 1
    if tokens.low(before) in (",", "/", "."):
        before -= 1
    if before < 0 or is_street(tokens, name.start, name.end) or _qualifies_a_noun(tokens, name):
        return False
    token = tokens[before]
    return token.used and any(
        (reading.place.city and token.low[:4] in plain(reading.place.city))
        or reading.place.city in _ALIASED.get(token.low, "")
        for reading in name.readings
        if reading.place.city
    )


_ALIASED = {
    "екб": "Екатеринбург",
    "спб": "Санкт-Петербург",
    "питер": "Санкт-Петербург",
    "питере": "Санкт-Петербург",
    "мск": "Москва",
    "нн": "Нижний Новгород",
    "нск": "Новосибирск",
}


def _qualifies_a_noun(tokens: Tokens, name: Name) -> bool:
    """«На южной стороне»: an adjective in lower case before its noun is no name."""
    token = tokens[name.start]
    if token.text[0].isupper() or not tokens.is_word(name.end):
        return False
    if not any("ADJF" in parse.tag for parse in parses(name.form)):
        return False
    following = tokens[name.end]
    if room_word(following.low) is not None or following.low in (
        "квартира",
        "квартиру",
        "цена",
        "бюджет",
    ):
        return False
    known = parses(following.low)
    return bool(known) and "NOUN" in known[0].tag and not is_place_name(following.low)


def _choose(
    tokens: Tokens, name: Name, cities: set[str], *, metro: bool, district: bool, city: bool
) -> Reading | None:
    """The reading that the words around the name allow, the nearest to a named city first."""
    readings = name.readings
    if metro:
        stations = [reading for reading in readings if reading.place.kind == "metro"]
        return min(
            stations, key=lambda r: (not r.nominative, r.place.city not in cities), default=None
        )
    if district:
        districts = [r for r in readings if r.place.kind in ("district", "okrug")]
        fitting = districts or [r for r in readings if r.place.kind == "metro"]
        return min(fitting, key=lambda r: r.place.city not in cities, default=None)
    parts = [r for r in readings if r.place.kind == "district" and r.place.city in cities]
    towns = [reading for reading in readings if reading.place.kind == "city"]
    if towns and parts:  # «Сочи, Адлер»: a town that is a part of the city named
        return parts[0]
    if city and towns:
        return towns[0]
    if towns and (len(towns) == len(readings) or not _looks_like_adjective(name.form)):
        # «В Пушкине» is Пушкин: names in -о are left undeclined more often than not.
        return min(towns, key=lambda reading: reading.place.name.endswith("о"))
    oblique = tokens.low(name.start - 1) in PREPOSITIONS
    fitting = [r for r in readings if r.nominative != oblique or _is_unchanging(r)] or readings
    return min(fitting, key=lambda r: (_ORDER.index(r.place.kind), r.place.city not in cities))


def _looks_like_adjective(form: str) -> bool:
    return form.endswith(("ский", "ском", "ного", "ская", "ской", "ный", "ном"))


def _is_unchanging(reading: Reading) -> bool:
    return reading.place.name.endswith(("о", "и", "О")) or reading.place.kind == "okrug"


def _streets(tokens: Tokens) -> list[Mention]:
    """A street's or a housing estate's name, looked for in the listings' texts."""
    found = []
    for at in range(len(tokens) - 1):
        if not tokens.is_word(at) or _STREETS.isdisjoint(tokens[at].lemmas | {tokens.low(at)}):
            continue
        if tokens.low(at) == "к" and tokens.low(at - 1) != "ж":
            continue
        name = at + 2 if tokens.low(at + 1) in ('"', "«") else at + 1
        if (
            tokens.is_word(name)
            and tokens.low(name) not in ("не", "и", "любой", "любая", "без")
            and len(tokens.low(name)) > 2
        ):
            tokens.use(at, name + 1)
            found.append(Mention("words", {"words": tokens.low(name)}, at, name + 1))
    return found


def _use_house_numbers(tokens: Tokens) -> None:
    """«Улица Гагарина, 25», «Ленинский проспект, дом 45»: numbers of houses aren't amounts."""
    for at in range(len(tokens)):
        if not tokens.is_number(at) or tokens[at].ordinal or tokens[at].in_words:
            continue
        if (tokens[at].value or 0) <= _MAX_HOUSE and _ends_an_address(tokens, at):
            tokens.use(at, at + 1)


def _ends_an_address(tokens: Tokens, number: int) -> bool:
    after = number + 1
    alone = after >= len(tokens) or (
        tokens[after].kind == "mark" and tokens.low(after) not in _PARTS
    )
    before = number - 1
    if tokens.low(before) in _HOUSES:
        alone, before = True, before - 1
    if tokens.low(before) == ",":
        before -= 1
    if before >= 0 and is_street_of_a_person(tokens, before):
        return alone
    for index in range(before, max(-1, before - 3), -1):
        if not tokens[index].lemmas.isdisjoint(_ADDRESSES):
            return alone
        if not _is_in_genitive(tokens, index):
            return False
    return False


def _is_in_genitive(tokens: Tokens, at: int) -> bool:
    """Whether a word may belong to a street's name: «улица маршала Жукова»."""
    token = tokens[at]
    named = token.text[:1].isupper() or any("gent" in parse.tag for parse in parses(token.low))
    return token.kind == "word" and named and token.low not in PREPOSITIONS


_PARTS = frozenset("/-+±")
