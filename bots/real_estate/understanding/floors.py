"""Floors: the flat's own, the house's storeys, and which floors are refused."""

from __future__ import annotations

from typing import Any

from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.numbers import storeys_or_rooms
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.tokens import Tokens

MAX_FLOOR = 99
_FLOOR = words("этаж эт этажик")
_STOREY_ENDINGS = ("этажк", "этажн", "этаж")
_REFUSAL = words("не кроме без исключая исключить ни исключив")
_REFUSAL_AFTER = phrases(
    """не предлагать, не рассматривать, не нужен, не нужно, не надо, не подходить, не интересовать, не хотеть, не брать,
    не вариант, не согласен, не согласна, исключать, исключить, мимо, исключен, не в счет, не предлагайте, не предлагай,
    не смотреть, нельзя, не устраивать, не годиться, убрать, кроме, не катит, не люблю, нет"""
)
_UP_TO = phrases("не выше, ниже, до, максимум, не более, не больше, не дальше, по")
_FROM = phrases("не ниже, выше, от, начинать|начиная с|со, минимум, с, со, не меньше, хотя бы")
_AND_UP = phrases("и выше, и больше, +, минимум, или выше, и более")
_AND_DOWN = phrases("и ниже, максимум, или ниже")
_LAST = words("последний крайний")
_BEFORE_LAST = words("предпоследний")
_NOT_PRICE_UNITS = (
    "млн", "лям", "мил", "тыс", "руб", "к", "кк", "м", "м2", "м²", "кв", "метр", "квадр", "р", "т", "%", "лет", "год", "мин",
)  # fmt: skip


def read_floors(tokens: Tokens) -> list[Mention]:
    """Each reader uses up its words, the surest first."""
    found: list[Mention] = []
    for reader in (_refused, _alternatives, _bounded, _pairs, _storeys, _floors):
        found += reader(tokens)
    return _with_last(tokens, found)


def _refused(tokens: Tokens) -> list[Mention]:
    """«Не первый», «кроме крайних», «первый этаж не предлагать», «со второго»."""
    found = []
    for at in range(len(tokens)):
        if tokens[at].used:
            continue
        if _is_floor_number(tokens, at, 1):
            if _has_refusal(tokens, at):
                found.append(_use(tokens, "not_first", {"not_first_floor": True}, at, at + 1))
            elif _bound_before(tokens, at, ("выше",)):
                found.append(_use(tokens, "not_first", {"not_first_floor": True}, at - 1, at + 1))
        elif not _LAST.isdisjoint(tokens[at].lemmas) and _has_refusal(tokens, at):
            values = {"not_last_floor": True}
            if "крайний" in tokens[at].lemmas:
                values["not_first_floor"] = True
            found.append(
                _use(tokens, "not_first" if len(values) > 1 else "not_last", values, at, at + 1)
            )
        elif _is_floor_number(tokens, at, 2) and _from_second(tokens, at):
            end = at + 2 if tokens.has_lemma(at + 1, _FLOOR) else at + 1
            and_up = _AND_UP.end_at(tokens, end) if end < len(tokens) else None
            values = {"not_first_floor": True}
            found.append(_use(tokens, "not_first", values, at - 1, and_up or end))
    return found


def _is_floor_number(tokens: Tokens, at: int, number: int) -> bool:
    """Whether a number is a floor's: «первый», «1 этаж»; «первый взнос» is not."""
    if not tokens.is_number(at) or tokens[at].value != number or _is_feminine(tokens, at):
        return False
    after = at + 1
    if tokens.low(after) == "этажи" or tokens.has_lemma(after, _FLOOR):
        return True
    if not tokens[at].ordinal and tokens.low(at) != "1":
        return False
    plain_next = after >= len(tokens) or tokens[after].kind == "mark" or tokens.low(after) in _AND
    if not tokens[at].ordinal:
        before = tokens.low(at - 1) in _REFUSAL or tokens.has_lemma(at - 1, _FLOOR)
        return (plain_next and before and tokens.low(after) not in (",", ".")) or (
            before and after >= len(tokens)
        )
    return (
        plain_next or _REFUSAL_AFTER.end_at(tokens, after) is not None or tokens.low(after) == "не"
    )


_AND = words("и или ни не , / да")


def _has_refusal(tokens: Tokens, at: int) -> bool:
    before = at - 1
    while (
        before >= 0
        and before > at - 6
        and (
            tokens.low(before)
            in (
                "на",
                "и",
                "первый",
                "первом",
                "1",
                "/",
                ",",
                "последний",
                "последнем",
                "только",
                "самый",
                "этаж",
                "этаже",
                "или",
                "первого",
                "последнего",
                "хочу",
                "хочется",
                "чтобы",
                "был",
                "ни",
                "крайний",
            )
            or tokens.has_lemma(before, _FLOOR)
            or tokens[before].value == 1
        )
    ):
        if tokens.low(before) == "," and tokens.low(before - 1) not in ("первый", "первого", "1"):
            break
        before -= 1
    if tokens.low(before) in _REFUSAL or tokens.low(before + 1) == "ни":
        return True
    end = tokens.clause_end(at, 8)
    if tokens.low(end) in ("-", ":", ",") and tokens.low(end + 1) == "нет":
        return True  # «первый этаж — нет»
    return any(
        _REFUSAL_AFTER.end_at(tokens, index) is not None for index in range(at + 1, end)
    ) and (_only_floor_words(tokens, at, end))


def _only_floor_words(tokens: Tokens, at: int, end: int) -> bool:
    """Whether nothing but floors stands between `at` and the refusal."""
    for index in range(at + 1, end):
        if _REFUSAL_AFTER.end_at(tokens, index) is not None:
            return True
        if not (
            tokens.has_lemma(index, _FLOOR)
            or tokens.low(index) in _AND
            or not _LAST.isdisjoint(tokens[index].lemmas)
            or tokens.low(index)
            in ("вообще", "точно", "лучше", "пожалуйста", "мне", "нам", "тоже", "сразу", "этажи")
        ):
            return False
    return False


def _bound_before(tokens: Tokens, at: int, wanted: tuple[str, ...]) -> bool:
    return tokens.low(at - 1) in wanted


def _from_second(tokens: Tokens, at: int) -> bool:
    """«Со второго», «не ниже 2 этажа»; «с 2 по 5» is a range."""
    if tokens.low(at - 1) not in ("со", "с", "от", "ниже"):
        return False
    if tokens.low(at - 1) == "ниже" and tokens.low(at - 2) != "не":
        return False
    after = at + 2 if tokens.has_lemma(at + 1, _FLOOR) else at + 1
    return tokens.low(after) not in ("по", "до", "-")


def _alternatives(tokens: Tokens) -> list[Mention]:
    """«Второй, третий или четвёртый этаж»: from the lowest to the highest."""
    found, at = [], 0
    while at < len(tokens):
        end, floors = _listed(tokens, at)
        before = tokens.has_lemma(at - 1, _FLOOR)
        after = tokens.has_lemma(end, _FLOOR) and tokens.low(end) != "этажей"
        if len(floors) > 1 and (after or (before and not _has_unit(tokens, end))):
            values = {"floor_min": min(floors), "floor_max": max(floors)}
            found.append(_use(tokens, "floor", values, at - before, end + after))
        at = max(end, at + 1)
    return found


def _listed(tokens: Tokens, start: int) -> tuple[int, list[int]]:
    """Floors in a row that end with «или», or ordinals side by side, and where the row ends."""
    floors: list[int] = []
    at = end = start
    chosen = False
    while _is_floor(tokens, at):
        ordinal = tokens[at].ordinal
        floors.append(int(tokens[at].value or 0))
        end = at = at + 1
        if tokens.low(at) in _OR:
            chosen, at = True, at + 1
            at += tokens.low(at) == "на"
        elif tokens.low(at) in (",", "и") and _is_floor(tokens, at + 1):
            at += 1
        elif not (ordinal and _is_floor(tokens, at) and tokens[at].ordinal):
            break
    return end, floors if chosen else []


_OR = words("или либо")


def _bounded(tokens: Tokens) -> list[Mention]:
    """«Не выше третьего», «с 5 по 12 этаж», «5-й и выше»: no floor of its own."""
    found = []
    for at in range(len(tokens)):
        if not _is_floor(tokens, at):
            continue
        number = int(tokens[at].value or 0)
        after = at + 2 if tokens.has_lemma(at + 1, _FLOOR) else at + 1
        if (end := _range_end(tokens, at, after)) is not None:
            high = int(tokens[end - 1].value or 0)
            if tokens.has_lemma(end, _FLOOR):
                end += 1
            start = at - 1 if tokens.has_lemma(at - 1, _FLOOR) else at
            found.append(
                _use(tokens, "floor", {"floor_min": number, "floor_max": high}, start, end)
            )
            continue
        named = (
            tokens[at].ordinal
            or after == at + 2
            or tokens.has_lemma(at - 1, _FLOOR)
            or _is_bound_after_floor(tokens, at)
        )
        if not named:
            continue
        first = at - 1 if tokens.has_lemma(at - 1, _FLOOR) else at
        slot = _bound_slot(tokens, first, at, after)
        if slot:
            found.append(_use(tokens, "floor", {slot: number}, first, after))
    return found


def _range_end(tokens: Tokens, at: int, after: int) -> int | None:
    """The end of «с 5 по 12 этаж», «этаж 3-7»; None when it is no range of floors."""
    if tokens.low(after) not in ("по", "до", "-") or not tokens.is_number(after + 1):
        return None
    high = tokens[after + 1].value or 0
    end = after + 2
    if _has_unit(tokens, end):  # «не выше третьего этажа до 4 млн»
        return None
    named = (
        tokens.has_lemma(end, _FLOOR)
        or tokens.has_lemma(at - 1, _FLOOR)
        or tokens.has_lemma(at + 1, _FLOOR)
        or (tokens.low(at - 1) in ("с", "со") and tokens.has_lemma(at - 2, _FLOOR))
        or (tokens[at].ordinal and tokens[after + 1].ordinal)
    )
    if (
        tokens.low(end) == "этажей"
        or not named
        or high > MAX_FLOOR
        or high <= (tokens[at].value or 0)
    ):
        return None
    return end


def _is_bound_after_floor(tokens: Tokens, at: int) -> bool:
    """«Этаж не выше 5», not «второй этаж от 45 квадратов»."""
    return not _has_unit(tokens, at + 1) and any(
        tokens.has_lemma(at - length - 1, _FLOOR)
        and (at - length < 2 or tokens[at - length - 2].value is None)
        and (_UP_TO.end_at(tokens, at - length) == at or _FROM.end_at(tokens, at - length) == at)
        for length in (1, 2)
        if at - length >= 1
    )


def _bound_slot(tokens: Tokens, first: int, at: int, after: int) -> str | None:
    if after < len(tokens):
        if _AND_UP.end_at(tokens, after) is not None:
            return "floor_min"
        if _AND_DOWN.end_at(tokens, after) is not None:
            return "floor_max"
    for length in (3, 2, 1):
        for stop in {first, at}:
            start = stop - length
            if start < 0:
                continue
            if _UP_TO.end_at(tokens, start) == stop:
                return "floor_max"
            if _FROM.end_at(tokens, start) == stop and tokens.low(start - 1) != "не":
                return "floor_min"
    return None


def _pairs(tokens: Tokens) -> list[Mention]:
    """«5/9», «5 из 9», «5 этаж девятиэтажки», «этаж 5, в доме всего 9»."""
    found = []
    for at in range(len(tokens)):
        if not _is_floor(tokens, at):
            continue
        start = at - 1 if tokens.has_lemma(at - 1, _FLOOR) else at
        named = start < at or tokens.has_lemma(at + 1, _FLOOR)
        after = at + 2 if tokens.has_lemma(at + 1, _FLOOR) else at + 1
        if (house := _house(tokens, after, named or tokens[at].ordinal)) is None:
            continue
        total, end = house
        floor = int(tokens[at].value or 0)
        if floor <= total:
            values = {"floor": floor, "floors_total": total}
            found.append(_use(tokens, "floor", values, start, end))
    return found


def _house(tokens: Tokens, at: int, named: bool) -> tuple[int, int] | None:
    """The storeys that follow a floor, and the token after them."""
    slash = tokens.low(at) in ("/", "\\")
    joined = slash or tokens.low(at) == "из"
    if slash and tokens.low(at - 2) == "/":
        return None
    index = at
    if named and tokens.low(index) in (",", "("):
        index += 1
    while index < len(tokens) and index < at + 5 and tokens.low(index) in _JOINING:
        index += 1
    if index >= len(tokens):
        return None
    if (total := _storey_word(tokens, index)) is not None and (named or joined) and index - at < 4:
        end = index + 2 if tokens.has_lemma(index + 1, words("дом")) else index + 1
        return total, end
    if not tokens.is_number(index) or (index == at and not tokens.low(index + 1).startswith("эт")):
        return None
    total, end = int(tokens[index].value or 0), index + 1
    if tokens.low(end) == "-" and tokens.low(end + 1).startswith("этаж"):
        end += 1
    storeys = tokens.low(end).startswith("эт")
    in_house = any(
        tokens.low(i) in ("доме", "дом", "дома", "всего", "этажность") for i in range(at, index)
    )
    if not (joined or storeys or (named and in_house)):
        return None
    if (slash and tokens.low(end) == "/") or total > MAX_FLOOR or total != tokens[index].value:
        return None
    if tokens.low(end) in ("млн", "лям", "ляма", "лямов", "кв", "м2", "м²") or (
        tokens.low(end) in ("м", "к", "-") and not storeys and not slash and not joined
    ):
        return None
    return total, end + 1 if storeys else end


_JOINING = words("/ \\ из в доме дом дома всего на при этажность этажей : от и")


def _storeys(tokens: Tokens) -> list[Mention]:
    """«Девятиэтажка», «9-этажный дом», «в доме 9 этажей»; «до 5 этажей» is a limit."""
    found = []
    for at in range(len(tokens)):
        if tokens[at].used:
            continue
        start, end = at, at + 1
        total = _storey_word(tokens, at)
        if total is None and tokens.is_number(at):
            index = at + 2 if tokens.low(at + 1) == "-" and not tokens[at + 1].gap else at + 1
            low = tokens.low(index)
            if low.startswith(("этажк", "этажн", "этажей")) or (
                low.startswith("эт") and tokens.low(index + 1).startswith("дом")
            ):
                total, end = int(tokens[at].value or 0), index + 1
        if total is None and tokens.low(at) == "этажность":
            index = at + 1
            while tokens.low(index) in ("дома", ":", "-"):
                index += 1
            if tokens.is_number(index):
                total, end = int(tokens[index].value or 0), index + 1
        if (
            total is None
            and tokens.has_lemma(at, words("дом"))
            and tokens.low(at + 1) == "всего"
            and tokens.is_number(at + 2)
        ):
            total, end = int(tokens[at + 2].value or 0), at + 3
        if total is None or not 1 <= total <= MAX_FLOOR:
            continue
        limited = any(
            patterns.end_at(tokens, start - length) == start
            for length in (1, 2)
            if start >= length
            for patterns in (_UP_TO, _FROM)
            if tokens.low(start - 1) not in ("с", "со", "по")
        )
        values = {} if limited else {"floors_total": total}
        found.append(_use(tokens, "storeys", values, start, end))
    return found


def _storey_word(tokens: Tokens, at: int) -> int | None:
    return storeys_or_rooms(tokens.low(at), _STOREY_ENDINGS) if tokens.is_word(at) else None


def _floors(tokens: Tokens) -> list[Mention]:
    """«3 этаж», «этаж третий», «на пятом»."""
    found = []
    for at in range(len(tokens)):
        if not _is_floor(tokens, at):
            continue
        number = int(tokens[at].value or 0)
        if tokens.has_lemma(at + 1, _FLOOR) and tokens.low(at - 1) in _REFUSAL:
            _use(tokens, "floor", {}, at, at + 2)  # «не второй этаж»: another one would do
        elif tokens.has_lemma(at + 1, _FLOOR) and tokens.low(at + 1) != "этажей":
            found.append(_use(tokens, "floor", {"floor": number}, at, at + 2))
        elif _floor_word_before(tokens, at) and not _has_unit(tokens, at + 1):
            found.append(_use(tokens, "floor", {"floor": number}, at - 1, at + 1))
        elif tokens[at].ordinal and tokens.low(at - 1) in ("на",) and _stands_alone(tokens, at):
            found.append(_use(tokens, "floor", {"floor": number}, at, at + 1))
    return found


def _floor_word_before(tokens: Tokens, at: int) -> bool:
    before = at - 1
    if tokens.low(before) in (":", "-", "—", "на", "только", "желательно"):
        before -= 1
    return (
        tokens.has_lemma(before, _FLOOR)
        and not tokens[before].used
        and tokens.low(before) != "этажей"
    )


def _has_unit(tokens: Tokens, at: int) -> bool:
    if at < len(tokens) and tokens[at].low == "-" and tokens.is_number(at + 1):
        return True
    return (
        at < len(tokens)
        and tokens[at].kind == "word"
        and (
            tokens.low(at).startswith(("млн", "лям", "мил", "тыс", "руб", "кв", "метр"))
            or tokens.low(at) in _NOT_PRICE_UNITS
        )
    )


def _stands_alone(tokens: Tokens, at: int) -> bool:
    after = at + 1
    return after >= len(tokens) or tokens[after].kind == "mark" or tokens.low(after) in _AND


def _is_floor(tokens: Tokens, at: int) -> bool:
    if not tokens.is_number(at) or _is_feminine(tokens, at):
        return False
    value = tokens[at].value or 0
    return value == int(value) and 1 <= value <= MAX_FLOOR


def _is_feminine(tokens: Tokens, at: int) -> bool:
    """«Вторая», «что со второй»: floors are masculine."""
    word = tokens.low(at)
    return word.endswith(("ая", "ую")) or (word.endswith("ой") and tokens.low(at - 1) in _FROM_OF)


_FROM_OF = words("с со от")


def _with_last(tokens: Tokens, found: list[Mention]) -> list[Mention]:
    """«Последний этаж девятиэтажки» is 9 of 9, the one before it 8 of 9."""
    values: dict[str, Any] = {}
    for mention in found:
        values.update(mention.values)
    total, floor = values.get("floors_total"), values.get("floor")
    for at in range(len(tokens)):
        last = not _LAST.isdisjoint(tokens[at].lemmas)
        before_last = not _BEFORE_LAST.isdisjoint(tokens[at].lemmas)
        if tokens[at].used or not (last or before_last) or "not_last_floor" in values:
            continue
        near = [
            i
            for i in range(max(0, at - 4), min(len(tokens), at + 5))
            if tokens.has_lemma(i, _FLOOR)
        ]
        if not near:
            continue
        if total and floor is None:
            found.append(Mention("floor", {"floor": total - before_last}, at, at + 1))
        elif floor and total is None and last:
            found.append(Mention("storeys", {"floors_total": floor}, at, at + 1))
    return found


def _use(tokens: Tokens, group: str, values: dict[str, Any], start: int, end: int) -> Mention:
    tokens.use(start, end)
    return Mention(group, values, start, end)
