"""Places that no list has, told by the words around them and by their capitals."""

from __future__ import annotations

from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.morphology import (
    is_common_word,
    is_known,
    is_place_name,
    parses,
)
from bots.real_estate.understanding.names import nominative
from bots.real_estate.understanding.numbers import storeys_or_rooms
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
from bots.real_estate.understanding.rooms import room_word
from bots.real_estate.understanding.tokens import Tokens

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


# Houses, which a dictionary of places takes for villages.
_HOUSES = (
    "сталинк", "хрущ", "брежневк", "панельк", "кирпич", "монолит", "высотк", "свечк", "новостройк", "малосемейк",
    "гостинк", "общаг", "башн", "многоэтаж", "блочк", "девятиэтаж", "пятиэтаж",
)  # fmt: skip
_MAX_UNKNOWN = 6  # names that no list has; parsing them costs most


def read_unknown_places(tokens: Tokens, found: list[Mention]) -> list[Mention]:
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
        if not lives_there(tokens, mention.start):
            refused = is_refused(tokens, mention.start)
            named.append(
                Mention(mention.group, mention.values, mention.start, mention.end, refused)
            )
    return named


def _marked(tokens: Tokens, at: int) -> Mention | None:
    """A name beside «метро», «район», «мкр», «посёлок»."""
    if not tokens.is_word(at):
        return None
    if (marker := metro_marker(tokens, at)) is not None and _may_be_name(tokens, at):
        end = _name_end(tokens, at)
        return _mention(tokens, "metro", marker, at, end)
    start, end = district_span(tokens, at, at + 1)
    if (start, end) != (at, at + 1) and _is_district_name(tokens, at, before=start < at):
        return _mention(tokens, "district", start, at, at + 1, end=end, masculine=True)
    if is_after_city_word(tokens, at) and _may_be_name(tokens, at):
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
    if token.low in PREPOSITIONS or token.value is not None or room_word(token.low) is not None:
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
        or is_street(tokens, at, _name_end(tokens, at))
        or not token.low.isalpha()
        or token.low[0] < "а"
    ):
        return None
    if token.low.startswith(_HOUSES) or is_street_of_a_person(tokens, at):
        return None
    capital = token.text[0].isupper()
    before = tokens.low(at - 1)
    if capital and (has_city and _is_another(tokens, at, city_ends)):
        return _mention(tokens, "city", at, at, _name_end(tokens, at))
    after_preposition = before in ("в", "во", "на", "по", "под")
    place = is_place_name(token.low)
    if place and (capital or after_preposition) and not _is_surname_like(tokens, at):
        kind = "district" if has_city or before == "на" else "city"
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
        return _mention(tokens, "district", at, at, _name_end(tokens, at))
    return None


def _is_another(tokens: Tokens, at: int, city_ends: set[int]) -> bool:
    """«В Подольске или Климовске»: another of what stands before «или»."""
    before = at - 1
    if tokens.low(before) in PREPOSITIONS:
        before -= 1
    return tokens.low(before) in ("или", "либо") and before in city_ends


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
