"""The city, the district and the metro station that a request names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bots.real_estate.understanding.gazetteer import Gazetteer, Reading
from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.morphology import (
    is_common_word,
    is_known,
    is_place_name,
    parses,
    plain,
)
from bots.real_estate.understanding.names import nominative
from bots.real_estate.understanding.numbers import storeys_or_rooms
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.rooms import room_word
from bots.real_estate.understanding.tokens import Tokens

_PREPOSITIONS = words("в во на у около возле из до от к ко по под с со близ вблизи рядом")
_METRO = phrases(
    "станция метро, ст м, ст метро, метро станция, метро, станция, станции, мцд, мцк, мцд #, метрополитен, м"
)
_DISTRICT_WORDS = words("район округ микрорайон мкр мкрн мкрн раен квартал жилмассив")
_SHORT_DISTRICT = (("р", "-", "н"), ("р", "-", "он"), ("м", "-", "н"), ("мк", "-", "р"))
_CITY = words("г город гор поселок пос село деревня пгт станица п городок пгт снт")
_STREET_BEFORE = phrases(
    """улица, ул, пр - кт, пр - т, проспект, просп, пр, переулок, пер, набережная, наб, б - р, бульвар, шоссе, жк, ж к,
    жилой комплекс, комплекс, парк, площадь, пл, вид на, видом на, вид из окно на, тц, трц, кинотеатр, рынок, вокзал, завод, озеро, река, школа,
    больница, университет, аэропорт, застройщик, от, сквер, агентство, банк, театр, стадион, лес, памятник, мост, остров, музей"""
)
_STREETS = words("улица ул переулок пер набережная наб жк комплекс к")
_STREET_AFTER = words(
    """улица проспект шоссе бульвар набережная переулок вокзал область обл край пруд пруды парк рынок мост собор республика
    тракт федерация море река озеро регион"""
)
_LIVES = words(
    "жить проживать родиться родом прописать прописан находиться обитать сам сама вырасти учиться отдыхать ездить"
)
_LIVED_FORMS = words(
    "живу живем живет живут жил жила жили проживаю проживаем проживает родился родилась родом прописан прописана нахожусь вырос выросла"
)
_REFUSAL = words("не кроме исключая ни нет")
_REFUSAL_BETWEEN = words("в во на у около рядом с возле метро м район районе районы г город только")
_NOT_NAMES = words(
    """хороший спокойный тихий любой другой новый зеленый спальный этот какой мой наш свой соседний престижный нормальный
    благополучный развитый обжитой старый один весь тот такой каждый разный этом том жилой отдаленный лучший подобный центральный
    городской данный данном удобный приличный чистый самый который приятный рабочий ближний дальний экологичный красивый безопасный"""
)
_NOT_PLACES = words(
    """подмосковье россия рф сибирь урал волга нева кавказ крым кубань ленобласть дон европа мкад кад ттк садовый область
    край регион поволжье алтай море ока кама обь енисей амур ангара ладога балтика москва-река юг север восток запад центр
    центре бог украина азия подольщина каспий байкал иртыш лена днепр"""
)
_ORDER = ("city", "okrug", "district", "metro")
_MAX_UNKNOWN = 6  # names that no list has; parsing them costs most


@dataclass(frozen=True, slots=True)
class _Name:
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
    found += _unknown(tokens, found)
    return sorted(found, key=lambda mention: mention.start)


def _names(tokens: Tokens, gazetteer: Gazetteer) -> Iterator[_Name]:
    """The longest known name from each word on."""
    position = 0
    while position < len(tokens):
        name = _name_at(tokens, gazetteer, position)
        yield from (name,) if name else ()
        position = name.end if name else position + 1


def _name_at(tokens: Tokens, gazetteer: Gazetteer, start: int) -> _Name | None:
    best, form, end = None, "", start
    for _ in range(gazetteer.longest):
        if end >= len(tokens) or tokens[end].used or tokens[end].kind == "mark":
            break
        token = tokens[end]
        if end == start and (token.kind != "word" or token.low not in gazetteer.words):
            return None
        spelt = token.low if token.value is None or token.in_words else f"{token.value:g}"
        form = f"{form} {spelt}".strip()
        end += 1
        if readings := gazetteer.readings(form):
            best = _Name(start, end, readings, form)
        if tokens.low(end) == "-" and end + 1 < len(tokens) and not tokens[end].gap:
            end += 1
    return best


def _known(tokens: Tokens, name: _Name, cities: set[str]) -> Mention | None:
    """The mention that a known name makes, None when it names no place here."""
    marker = _metro_marker(tokens, name.start)
    start = name.start if marker is None else marker
    metro = marker is not None
    district_start, district_end = _district_span(tokens, name.start, name.end)
    kinds = {reading.place.kind for reading in name.readings}
    if district_end > name.end and kinds == {"city"}:  # «г. Владивосток, р-н Чуркин»
        district_end = name.end
    district = (district_start, district_end) != (name.start, name.end)
    city = not metro and not district and _is_after_city_word(tokens, name.start)
    if not (metro or district or city) and not (
        _stands_for_a_place(tokens, name) or _is_beside_its_city(tokens, name)
    ):
        return None
    reading = _choose(tokens, name, cities, metro=metro, district=district, city=city)
    if reading is None:
        return None
    kind = "district" if reading.place.kind == "okrug" else reading.place.kind
    start, end = min(start, district_start), max(name.end, district_end)
    tokens.use(start, end)
    if _lives_there(tokens, start):
        return None
    return Mention(kind, {kind: reading.place.name}, start, end, _is_refused(tokens, start))


def _metro_marker(tokens: Tokens, start: int) -> int | None:
    """Where «метро», «м.», «станция» before a name begins."""
    before = start
    while tokens.low(before - 1) in (":", '"', "«", "(", "-", ","):
        if tokens.low(before - 1) == ",":
            return None
        before -= 1
    for length in (2, 1):
        at = before - length
        if at < 0 or tokens[at].used:
            continue
        if _METRO.end_at(tokens, at) == before:
            if tokens.low(at) == "м" and _is_unit(tokens, at):
                return None
            return at
    return None


def _is_unit(tokens: Tokens, at: int) -> bool:
    """Whether an «м» is metres: «63,7 кв м», «40 м»."""
    return at > 0 and (
        tokens[at - 1].value is not None or tokens.low(at - 1) in ("кв", "квадратных")
    )


def _district_span(tokens: Tokens, start: int, end: int) -> tuple[int, int]:
    """The span with «район», «мкр», «р-н» on either side of it."""
    after = _district_word(tokens, end)
    if after is not None:
        return start, after
    for length in (3, 1):
        at = start - length
        if at >= 0 and _district_word(tokens, at) == start:
            return at, end
    if (
        tokens.low(start - 1) in ('"', "«")
        and start > 1
        and _district_word(tokens, start - 2) == start - 1
    ):
        return start - 2, end
    return start, end


def _district_word(tokens: Tokens, at: int) -> int | None:
    if (
        at < len(tokens)
        and not tokens[at].used
        and not _DISTRICT_WORDS.isdisjoint(tokens[at].lemmas)
    ):
        return at + 1
    for parts in _SHORT_DISTRICT:
        if tuple(tokens.low(at + offset) for offset in range(3)) == parts:
            return at + 3
    return None


def _is_after_city_word(tokens: Tokens, start: int) -> bool:
    before = start - 1
    if tokens.low(before) in ('"', "«"):
        before -= 1
    return (
        before >= 0
        and not _CITY.isdisjoint(tokens[before].lemmas)
        and (
            tokens.low(before) not in ("г", "п") or tokens[before - 1].value is None or before == 0
        )
    )


def _stands_for_a_place(tokens: Tokens, name: _Name) -> bool:
    """Whether the words name a place here, not a street or an ordinary thing."""
    if _is_street(tokens, name.start, name.end):
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
    return tokens.low(name.start - 1) in _PREPOSITIONS and name.form not in ("нижнем", "великий")


def _is_beside_its_city(tokens: Tokens, name: _Name) -> bool:
    """«Екб академический»: a district right after its city needs no capital."""
    before = name.start - 1
    if tokens.low(before) in (",", "/", "."):
        before -= 1
    if before < 0 or _is_street(tokens, name.start, name.end) or _qualifies_a_noun(tokens, name):
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


def _is_street(tokens: Tokens, start: int, end: int) -> bool:
    if end < len(tokens) and not _STREET_AFTER.isdisjoint(tokens[end].lemmas):
        return True
    before = start
    while tokens.low(before - 1) in ('"', "«"):
        before -= 1
    return any(
        before >= length
        and _STREET_BEFORE.end_at(tokens, before - length, used=True) == before
        and tokens.low(before - 1) != "от"
        for length in (1, 2, 3, 4)
    )


def _qualifies_a_noun(tokens: Tokens, name: _Name) -> bool:
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
    tokens: Tokens, name: _Name, cities: set[str], *, metro: bool, district: bool, city: bool
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
    towns = [reading for reading in readings if reading.place.kind == "city"]
    if city and towns:
        return towns[0]
    if towns and (len(towns) == len(readings) or not _looks_like_adjective(name.form)):
        # «В Пушкине» is Пушкин: names in -о are left undeclined more often than not.
        return min(towns, key=lambda reading: reading.place.name.endswith("о"))
    oblique = tokens.low(name.start - 1) in _PREPOSITIONS
    fitting = [r for r in readings if r.nominative != oblique or _is_unchanging(r)] or readings
    return min(fitting, key=lambda r: (_ORDER.index(r.place.kind), r.place.city not in cities))


def _looks_like_adjective(form: str) -> bool:
    return form.endswith(("ский", "ском", "ного", "ская", "ской", "ный", "ном"))


def _is_unchanging(reading: Reading) -> bool:
    return reading.place.name.endswith(("о", "и", "О")) or reading.place.kind == "okrug"


def _lives_there(tokens: Tokens, start: int) -> bool:
    """«Живу в Магадане», «переезжаем из Омска»: not where the flat is wanted."""
    if tokens.low(start - 1) == "из" and tokens.low(start - 2) not in ("район", "районе"):
        return True
    clause = tokens.clause_start(start, 5)
    return any(tokens.low(index) in _LIVED_FORMS for index in range(clause, start))


def _is_refused(tokens: Tokens, start: int) -> bool:
    at = start - 1
    while at >= 0 and tokens.low(at) in _REFUSAL_BETWEEN:
        at -= 1
    return tokens.low(at) in _REFUSAL and tokens.low(at) != "нет"


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


def _unknown(tokens: Tokens, found: list[Mention]) -> list[Mention]:
    """Names that no list has, by the words around them."""
    city_ends = {m.end for m in found if m.group == "city"}
    has_city = bool(city_ends)
    named: list[Mention] = []
    for at in range(len(tokens)):
        if len(named) >= _MAX_UNKNOWN:
            break
        mention = _marked(tokens, at) or _capitalised(tokens, at, has_city, city_ends)
        if mention is None:
            continue
        tokens.use(mention.start, mention.end)
        if mention.group == "city":
            has_city = True
            city_ends.add(mention.end)
        if not _lives_there(tokens, mention.start):
            refused = _is_refused(tokens, mention.start)
            named.append(
                Mention(mention.group, mention.values, mention.start, mention.end, refused)
            )
    return named


def _marked(tokens: Tokens, at: int) -> Mention | None:
    """A name beside «метро», «район», «мкр», «посёлок»."""
    if not tokens.is_word(at):
        return None
    if (marker := _metro_marker(tokens, at)) is not None and _may_be_name(tokens, at):
        end = _name_end(tokens, at)
        return _mention(tokens, "metro", marker, at, end)
    start, end = _district_span(tokens, at, at + 1)
    if (start, end) != (at, at + 1) and _is_district_name(tokens, at, before=start < at):
        return _mention(tokens, "district", start, at, at + 1, end=end, masculine=True)
    if _is_after_city_word(tokens, at) and _may_be_name(tokens, at):
        return _mention(tokens, "city", at - 1, at, _name_end(tokens, at))
    return None


def _may_be_name(tokens: Tokens, at: int) -> bool:
    token = tokens[at]
    if len(token.low) < 3 or token.low in _NOT_PLACES:
        return False
    return token.text[0].isupper() or not is_known(token.low) or is_place_name(token.low)


def _is_district_name(tokens: Tokens, at: int, *, before: bool) -> bool:
    """Whether the word beside «район» is a name: «Южный микрорайон», «район Чуркин»."""
    token = tokens[at]
    if len(token.low) < 3 or not _NOT_NAMES.isdisjoint(token.lemmas):
        return False
    if token.low in _PREPOSITIONS or token.value is not None or room_word(token.low) is not None:
        return False
    adjective = token.low.endswith(("ский", "ском", "цкий", "цком", "ского", "цкого", "скому"))
    if token.text[0].isupper():
        return before or at > 0 or adjective
    if before:
        return not is_known(token.low) or is_place_name(token.low) or adjective
    return adjective or (not is_known(token.low) and token.low.endswith(("ый", "ом", "ий", "ой")))


def _capitalised(tokens: Tokens, at: int, has_city: bool, city_ends: set[int]) -> Mention | None:
    """«В Инте», «на Заречье»; after a city a strange word is taken for its district."""
    token = tokens[at]
    if not tokens.is_word(at) or len(token.low) < 3 or not _NOT_PLACES.isdisjoint(token.lemmas):
        return None
    if (
        room_word(token.low) is not None
        or _is_street(tokens, at, _name_end(tokens, at))
        or not token.low.isalpha()
        or token.low[0] < "а"
    ):
        return None
    capital = token.text[0].isupper()
    before = tokens.low(at - 1)
    after_preposition = before in ("в", "во", "на", "по", "под")
    place = is_place_name(token.low)
    if place and (capital or after_preposition) and not _is_surname_like(tokens, at):
        kind = "district" if has_city else "city"
        return _mention(tokens, kind, at, at, _name_end(tokens, at))
    if capital and after_preposition and not is_common_word(token.low):
        return _mention(tokens, "district", at, at, _name_end(tokens, at))
    if capital and after_preposition and at > 1 and token.text[1:].islower():
        return _mention(tokens, "district", at, at, _name_end(tokens, at))
    beside_city = at in city_ends or (before in (",", ".", "/", "(") and at - 1 in city_ends)
    if beside_city and capital and tokens.low(at - 1) != ".":
        return _mention(tokens, "district", at, at, _name_end(tokens, at))
    if storeys_or_rooms(token.low, ("этаж",)) is not None:
        return None
    alone = _is_mark(tokens, at - 1) and _is_mark(tokens, _name_end(tokens, at))
    if capital and alone and at > 0 and has_city and not is_common_word(token.low):
        return _mention(tokens, "district", at, at, _name_end(tokens, at))
    strange = not is_known(token.low) and len(token.low) > 4
    if (
        strange
        and not capital
        and (at in city_ends or (after_preposition and before in ("в", "на") and has_city))
    ):
        return _mention(tokens, "district", at, at, at + 1)
    return None


def _is_mark(tokens: Tokens, at: int) -> bool:
    return at >= len(tokens) or tokens[at].kind == "mark"


def _is_surname_like(tokens: Tokens, at: int) -> bool:
    """A place's name at the head of a message may be anything else in the dictionary."""
    known = parses(tokens.low(at))
    return at == 0 and bool(known) and "Geox" not in known[0].tag


def _name_end(tokens: Tokens, at: int) -> int:
    """The end of the capitalised words that begin at `at`."""
    end = at + 1
    while end < len(tokens) and end < at + 5:
        if tokens.low(end) == "-" and not tokens[end].gap and tokens.is_word(end + 1):
            end += 2
        elif (
            tokens.is_word(end)
            and tokens[end].text[0].isupper()
            and tokens[at].text[0].isupper()
            and tokens[end].gap
        ):
            end += 1
        else:
            break
    return end


def _mention(
    tokens: Tokens,
    kind: str,
    start: int,
    name: int,
    name_end: int,
    *,
    end: int | None = None,
    masculine: bool = False,
) -> Mention:
    spelt = " ".join(token.text for token in tokens[name:name_end])
    spelt = spelt.replace(" - ", "-")
    written = spelt.split()
    as_written = kind == "metro" and tokens[name].text[0].isupper()
    value = spelt if as_written else nominative(written, masculine=masculine)
    return Mention(kind, {kind: value}, start, max(name_end, end or 0))
