"""Rooms: «двушка», «2-3к», «одну или двушку», «две спальни»."""

from __future__ import annotations

from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.morphology import parses
from bots.real_estate.understanding.numbers import storeys_or_rooms
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.refusals import is_refused_after
from bots.real_estate.understanding.tokens import Tokens

MAX_ROOMS = 9
_PREFIXES = (
    ("студи", 0), ("гостинк", 0), ("однуш", 1), ("однух", 1), ("одинарк", 1),
    ("двуш", 2), ("треш", 3), ("трехушк", 3), ("четыреш", 4), ("четверешк", 4), ("четырк", 4), ("пятишк", 5), ("пятикомн", 5), ("однокомн", 1), ("двухкомн", 2),
)  # fmt: skip
_WORDS = {
    **dict.fromkeys("двуха двуху двухи двухе двойка двойку двушу двуша".split(), 2),
    **dict.fromkeys("треха треху трехи трехе трешу треша тройка тройку трюшка трюшку".split(), 3),
    **dict.fromkeys("четверка четверку четверки четверке".split(), 4),
    **dict.fromkeys("однуша однушу однуши".split(), 1),
    **dict.fromkeys("студя студью студюшку студюшка".split(), 0),
}  # fmt: skip
_NOT_STUDIOS = ("студийн", "студия-кухн", "студийк", "студент")
_UNITS = phrases(
    """комната, комнатка, комнатный, комнатн*, комн, комнат, комнаты, к кв, к квартира, к - кв, ккв, к кв ра,
    к к, к, спальня, спален, спальный, шка, шку, шки, ка, ку, ки, ком, хкомн*, хк, ешка, ешку, ешки"""
)
_BEDROOMS = words("спальня спальный спален спальни")
_COUNTED_AFTER = phrases(
    "комната, спальня, комнат, комнатность, кол - во комнат, количество комнат"
)
_SEPARATORS = words("- или либо / и ,")
_SKIPPED_IN_LIST = words("можно и даже лучше")
_NEGATIONS = words("не кроме без никаких исключая ни вместо взамен")
_PREPOSITIONS = words("в на с за из")
_OF_OTHERS = words("их его ее соседскую соседской соседская чужую")
_AT_LEAST = phrases("не менее, не меньше, минимум, от, больше чем, как минимум")


def read_rooms(tokens: Tokens) -> list[Mention]:
    """Every number of rooms named; «евродвушка» is a two, a studio is 0."""
    found: list[Mention] = []
    position = 0
    while position < len(tokens):
        mention = _mention_at(tokens, position)
        if mention is None:
            position += 1
            continue
        mention = _with_list_before(tokens, mention)
        refused = _is_refused(tokens, mention.start) or is_refused_after(tokens, mention.end)
        tokens.use(mention.start, mention.end)
        weak = tokens.low(mention.start - 1) in _OF_OTHERS
        found.append(Mention("rooms", mention.values, mention.start, mention.end, refused, weak))
        position = mention.end
    return found


def _mention_at(tokens: Tokens, start: int) -> Mention | None:
    if tokens.is_word(start):
        count = room_word(tokens.low(start))
        if count is not None:
            return _mention({count}, start, start + 1)
        if tokens.low(start) == "евро" and (euro := _euro(tokens, start)):
            return euro
        return _counted_after(tokens, start)
    return _counted(tokens, start)


def room_word(word: str) -> int | None:
    """The rooms in a word that says it all: «двушка», «трёхкомнатную», «евродвушка»."""
    word = word.removeprefix("евро") or word
    if word.startswith(_NOT_STUDIOS):
        return None
    if word in _WORDS:
        return _WORDS[word]
    for prefix, count in _PREFIXES:
        if word.startswith(prefix):
            return count
    if (bedrooms := storeys_or_rooms(word, ("спальн",))) is not None:
        return bedrooms + 1
    return storeys_or_rooms(word, ("комнатн", "комнат", "комн"))


def _euro(tokens: Tokens, start: int) -> Mention | None:
    """«Евро-2», «евро трёшка»."""
    at = start + 2 if tokens.low(start + 1) == "-" else start + 1
    if tokens.is_number(at) and _is_count(tokens, at) and not tokens[at].in_words:
        end = at + 1
        if end < len(tokens) and (unit := _UNITS.end_at(tokens, end)) is not None:
            end = unit
        return _mention({int(tokens[at].value or 0)}, start, end)
    if tokens.is_word(at) and (count := room_word(tokens.low(at))) is not None:
        return _mention({count}, start, at + 1)
    return None


def _counted(tokens: Tokens, start: int) -> Mention | None:
    """«2к», «3-х к.кв.», «две комнаты», «1-2 комн», «2,3-комнатная»."""
    if not tokens.is_number(start):
        return None
    value = tokens[start].value or 0
    counts = {int(value)} if value == int(value) else _two_counts(value)
    if not counts or not all(1 <= count <= MAX_ROOMS for count in counts):
        return None
    at = start + 1
    if tokens.low(at) == "+" and at + 1 < len(tokens) and tokens[at + 1].text == "1":
        return _mention({int(value) + 1}, start, at + 2)  # «1+1»: a bedroom and a living room
    if tokens.low(at) == "е" and not tokens[at].gap and not tokens[at].used:
        at += 1  # «2е», «2е-комн»
        if tokens.low(at) != "-" or tokens[at].gap:
            return _mention(counts, start, at)
    if tokens.low(at) == "-" and at < len(tokens) and not tokens[at].gap:
        at += 1
    if tokens.low(at).startswith("евро") and not tokens[at].used:
        at += 1
    if at >= len(tokens):
        return None
    ordinal = tokens[start].ordinal and not tokens.low(at).startswith("комн")
    end = _UNITS.end_at(tokens, at)
    if end is None and not ordinal and _is_adjective(tokens.low(at)) and at + 1 < len(tokens):
        end = _UNITS.end_at(tokens, at + 1)  # «две изолированные комнаты»
        if end is not None and tokens[at + 1].low.startswith("к") and len(tokens[at + 1].low) < 4:
            end = None
    if end is None or ordinal or (tokens.low(at) == "к" and _is_preposition(tokens, at)):
        return None
    if not _BEDROOMS.isdisjoint(tokens[end - 1].lemmas):
        counts = {count + 1 for count in counts}
    return _with_bound(tokens, _mention(counts, start, end))


def _is_adjective(word: str) -> bool:
    return any("ADJF" in parse.tag for parse in parses(word))


def _with_bound(tokens: Tokens, mention: Mention) -> Mention:
    """«От двух комнат» is two and more."""
    (count, *_) = mention.values["rooms"]
    for length in (1, 2):
        start = mention.start - length
        if start >= 0 and _AT_LEAST.end_at(tokens, start) == mention.start:
            return _mention(set(range(count, 6)), start, mention.end)
    return mention


def _two_counts(value: float) -> set[int]:
    """«2,3-комнатная» was read as a decimal."""
    first, second = int(value), round(value * 10) % 10
    return {first, second} if abs(value * 10 - round(value * 10)) < 1e-9 and second else set()


def _is_preposition(tokens: Tokens, at: int) -> bool:
    """«Поближе к метро»: a «к» with a space before it and a place after it."""
    return tokens[at].gap and tokens.low(at + 1) in (
        "метро",
        "центру",
        "морю",
        "парку",
        "школе",
        "дому",
    )


def _counted_after(tokens: Tokens, start: int) -> Mention | None:
    """«Спальни две», «комнат: 3»."""
    end = _COUNTED_AFTER.end_at(tokens, start)
    if end is None:
        return None
    at = end + 1 if tokens.low(end) in (":", "-", "=") else end
    if not tokens.is_number(at) or not _is_count(tokens, at) or tokens[at].ordinal:
        return None
    if (
        tokens.low(at + 1) in (",", "и")
        and tokens.is_number(at + 2)
        and (tokens[at + 2].value or 0) > MAX_ROOMS
    ):
        return None
    if (
        at + 1 < len(tokens)
        and tokens[at + 1].kind == "word"
        and tokens.low(at + 1) not in ("и", "в", "до", "или", "за", "на", "от")
    ):
        following = tokens.low(at + 1)
        if following.startswith(("млн", "мил", "лям", "м", "кв", "эт", "тыс", "к")):
            return None
    bedrooms = not _BEDROOMS.isdisjoint(tokens[start].lemmas)
    return _mention({int(tokens[at].value or 0) + bedrooms}, start, at + 1)


def _with_list_before(tokens: Tokens, mention: Mention) -> Mention:
    """«Одну или двушку», «двух-трёхкомнатную», «1-2к», «1, 2 или 3 комнаты»."""
    while True:
        at, separator = mention.start - 1, ""
        while at >= 0 and (tokens.low(at) in _SEPARATORS or tokens.low(at) in _SKIPPED_IN_LIST):
            separator = tokens.low(at) if separator != "или" else separator
            at -= 1
        if not separator or not tokens.is_number(at) or not _is_count(tokens, at):
            return mention
        if separator == "," and not tokens.is_number(mention.start):
            return mention
        if mention.start - at > 4 or tokens[at].ordinal:
            return mention
        count = int(tokens[at].value or 0)
        counts = set(mention.values["rooms"]) | {count}
        if separator == "-" and mention.start - at == 2:
            counts = set(range(min(counts), max(counts) + 1))
        mention = _mention(counts, at, mention.end)


def _is_count(tokens: Tokens, at: int) -> bool:
    value = tokens[at].value or 0
    return value == int(value) and 1 <= value <= 6


def _is_refused(tokens: Tokens, start: int) -> bool:
    at = start - 1
    while at >= 0 and tokens.low(at) in _PREPOSITIONS:
        at -= 1
    return tokens.low(at) in _NEGATIONS and tokens.low(at - 1) != "если"


def _mention(counts: set[int], start: int, end: int) -> Mention:
    return Mention("rooms", {"rooms": tuple(sorted(counts))}, start, end)
