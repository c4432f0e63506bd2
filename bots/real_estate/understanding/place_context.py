"""The words around a place: «метро», «район», «улица», «живу в», «не в»."""

from __future__ import annotations

from bots.real_estate.understanding.morphology import parses
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.tokens import Tokens

PREPOSITIONS = words("в во на у около возле из до от к ко по под с со близ вблизи рядом")


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


_STREET_AFTER = words(
    """улица проспект шоссе бульвар набережная переулок вокзал область обл край пруд пруды парк рынок мост собор республика
    тракт федерация море река озеро регион"""
)


_LIVED_FORMS = words(
    "живу живем живет живут жил жила жили проживаю проживаем проживает родился родилась родом прописан прописана нахожусь вырос выросла"
)


_REFUSAL = words("не кроме исключая ни нет")


_REFUSAL_BETWEEN = words("в во на у около рядом с возле метро м район районе районы г город только")


def metro_marker(tokens: Tokens, start: int) -> int | None:
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


def district_span(tokens: Tokens, start: int, end: int) -> tuple[int, int]:
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


def is_after_city_word(tokens: Tokens, start: int) -> bool:
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


def is_street(tokens: Tokens, start: int, end: int) -> bool:
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


def is_street_of_a_person(tokens: Tokens, at: int) -> bool:
    """«На Ленина», «на Гагарина»: a street, named in the genitive."""
    if tokens.low(at - 1) != "на" or not tokens[at].text[:1].isupper():
        return False
    known = parses(tokens.low(at))
    return any("Surn" in parse.tag and "gent" in parse.tag for parse in known) and not any(
        "loct" in parse.tag and "sing" in parse.tag and "Surn" not in parse.tag for parse in known
    )


def lives_there(tokens: Tokens, start: int) -> bool:
    """«Живу в Магадане», «переезжаем из Омска»: not where the flat is wanted."""
    if tokens.low(start - 1) == "из" and tokens.low(start - 2) not in ("район", "районе"):
        return True
    clause = tokens.clause_start(start, 5)
    return any(tokens.low(index) in _LIVED_FORMS for index in range(clause, start))


def is_refused(tokens: Tokens, start: int) -> bool:
    at = start - 1
    while at >= 0 and tokens.low(at) in _REFUSAL_BETWEEN:
        at -= 1
    return tokens.low(at) in _REFUSAL and tokens.low(at) != "нет"
