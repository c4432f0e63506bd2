"""The way to work: «до Тверской не больше 40 минут», «полчаса до работы на Курской»."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bots.real_estate.understanding.gazetteer import Gazetteer
from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.place_context import lives_there, metro_marker
from bots.real_estate.understanding.places import Name, name_at
from bots.real_estate.understanding.surroundings import ON_FOOT
from bots.real_estate.understanding.tokens import Tokens

LONGEST_WALK = 20  # minutes; a longer way is ridden
_LONGEST_WALK_TO_METRO = 30
MAX_MINUTES = 180
_REACH = 7  # tokens between a time and the place that it leads to
_MINUTES = words("минута мин минутка минуточка")
_HOURS = words("час часик")
_HALF_AN_HOUR = words("полчаса получаса полчасика получасе")
_WORK = words("работа работать офис учеба учиться вуз институт универ университет служба работаю")
_RIDE = phrases(
    """ехать|ездить|доехать|доезжать|проехать, добираться|добраться|доехать, дорога, езда, в пути|путь, поездка, на метро, общественный транспорт, на транспорт,
    работа|работать|офис|учеба|учиться|вуз|институт|универ"""
)
_SENTENCE_ENDS = frozenset({".", "!", "?", ";", "\n", "...", ".."})


@dataclass(frozen=True, slots=True)
class Travel:
    """A wanted time on the way: its mentions, and the place that is on no list of stations."""

    mentions: tuple[Mention, ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class _Time:
    minutes: int
    start: int
    end: int


def read_travel(tokens: Tokens, gazetteer: Gazetteer) -> Travel:
    """The first time on the way that is told together with where it leads."""
    for time in _times(tokens):
        if _on_foot(tokens, time):
            continue
        target = _target(tokens, gazetteer, time)
        if target is not None:
            values = {"travel_to": _station(target), "travel_minutes": time.minutes}
            start, end = min(time.start, target.start), max(time.end, target.end)
            tokens.use(time.start, time.end)
            tokens.use(target.start, target.end)
            return Travel((Mention("travel", values, start, end),))
        if (at := _unknown_target(tokens, gazetteer, time)) is not None:
            tokens.use(time.start, time.end)
            tokens.use(at, at + 1)
            return Travel(unknown=tokens[at].text)
    return Travel()


def _times(tokens: Tokens) -> Iterator[_Time]:
    for at, token in enumerate(tokens):
        if token.used:
            continue
        if not _HALF_AN_HOUR.isdisjoint(token.lemmas | {token.low}):
            yield _Time(30, at, at + 1)
        unit = 1 if tokens.has_lemma(at, _MINUTES) else 60 if tokens.has_lemma(at, _HOURS) else 0
        if not unit:
            continue
        if tokens.is_number(at - 1):
            minutes, start = round(unit * (tokens[at - 1].value or 0)), at - 1
        elif tokens.is_number(at + 1) and unit == 1:  # «минут сорок»
            minutes, start = round(tokens[at + 1].value or 0), at
        else:
            minutes, start = unit, at
        if (unit == 60 or start != at or tokens.is_number(at + 1)) and 0 < minutes <= MAX_MINUTES:
            yield _Time(minutes, start, max(at + 1, start + 2 if start == at and unit == 1 else 0))


def _on_foot(tokens: Tokens, time: _Time) -> bool:
    clause = range(tokens.clause_start(time.start, 5), tokens.clause_end(time.end, 5))
    return any(tokens.has_lemma(index, ON_FOOT) for index in clause)


def _target(tokens: Tokens, gazetteer: Gazetteer, time: _Time) -> Name | None:
    """The station nearest to the time that the words lead to."""
    found = [
        name
        for at in _around(tokens, time)
        if (name := name_at(tokens, gazetteer, at)) and _leads_there(tokens, name, time)
    ]
    return min(found, key=lambda name: _gap(time, name.start, name.end), default=None)


def _around(tokens: Tokens, time: _Time) -> range:
    """The tokens of the sentence that are near the time."""
    start, end = time.start, time.end
    while start > max(0, time.start - _REACH) and tokens.low(start - 1) not in _SENTENCE_ENDS:
        start -= 1
    while end < min(len(tokens), time.end + _REACH) and tokens.low(end) not in _SENTENCE_ENDS:
        end += 1
    return range(start, end)


def _leads_there(tokens: Tokens, name: Name, time: _Time) -> bool:
    if all(reading.place.kind != "metro" for reading in name.readings):
        return False
    marker = metro_marker(tokens, name.start)
    start = name.start if marker is None else marker
    before = tokens.low(start - 1)
    beside = (*range(max(0, start - 4), start), *range(name.end, name.end + 2))
    work = any(tokens.has_lemma(index, _WORK) for index in beside)
    if before not in ("до", "от", "к") and not (work and before in ("на", "в", "у", "возле")):
        return False
    if lives_there(tokens, start):
        return False
    between = range(min(time.start, start - 4), max(time.end + 3, name.end))
    first = max(0, tokens.clause_start(max(0, between.start)))
    ride = _RIDE.within(tokens, first, min(len(tokens), between.stop), used=True)
    longest = LONGEST_WALK if marker is None else _LONGEST_WALK_TO_METRO - 1
    return ride or time.minutes > longest


def _gap(time: _Time, start: int, end: int) -> int:
    return max(start - time.end, time.start - end, 0)


def _station(name: Name) -> str:
    return next(item.place.name for item in name.readings if item.place.kind == "metro")


def _unknown_target(tokens: Tokens, gazetteer: Gazetteer, time: _Time) -> int | None:
    """Where the name after «до» stands that no list of places has."""
    around = _around(tokens, time)
    ride = time.minutes > LONGEST_WALK or _RIDE.within(tokens, around.start, around.stop, used=True)
    for at in around if ride else ():
        token = tokens[at]
        start = metro_marker(tokens, at)
        named = token.kind == "word" and token.text[0].isupper() and not token.used
        if (
            named
            and tokens.low((at if start is None else start) - 1) == "до"
            and not gazetteer.readings(token.low)
            and name_at(tokens, gazetteer, at) is None
        ):
            return at
    return None
