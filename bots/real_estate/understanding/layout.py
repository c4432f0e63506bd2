"""Rooms, floors and renovation in a request."""

from __future__ import annotations

import re
from typing import Any

from bots.real_estate.understanding.consumable import ConsumableText

_ROOM_WORDS = (
    (0, r"студи[а-я]*|гостинк[а-я]*"),
    (1, r"однушеч?к[а-я]*|однуш[а-я]+|(?:одно|1-?(?:но)?)-?комнат[а-я]*|однокомн[а-я]*|однокомнатк[а-я]*|однух[аиуе]|одинарк[а-я]*"),
    (2, r"двушеч?к[а-я]*|двуш[а-я]+|(?:двух|2-?х?)-?комнат[а-я]*|двухкомн[а-я]*|двуш?ка?|двух[аиуе]\b|двойк[аиуе]"),
    (3, r"тр[её]шеч?к[а-я]*|тр[её]ш[а-я]+|(?:тр[её]х|3-?х?)-?комнат[а-я]*|тр[её]хкомн[а-я]*|трешк?|трех[аиуе]\b"),
    (4, r"четыр[её]шеч?к[а-я]*|четыр[её]ш[а-я]+|четв[её]рк[аиуе]|(?:четыр[её]х|4-?х?)-?комнат[а-я]*|четырехкомн[а-я]*"),
    (5, r"пят[её]рк[аиуе]|пятиш[а-я]+|(?:пяти|5-?т?и?)-?комнат[а-я]*|пятикомн[а-я]*"),
    (6, r"(?:шести|6-?т?и?)-?комнат[а-я]*"),
)  # fmt: skip
_NOT = r"(?<!не )(?<!кроме )(?<!без )"
_ROOMS_BY_WORD = tuple(
    (count, re.compile(rf"{_NOT}(?<![а-я\d,.])(?:евро[- ]?)?(?:{words})(?![а-я])"))
    for count, words in _ROOM_WORDS
)
_NOT_ROOMS = re.compile(
    rf"(?:кроме|не|без) (?:{'|'.join(words for _, words in _ROOM_WORDS)})(?![а-я])"
)
_PREFIX = {
    **{str(count): count for count in range(1, 6)},
    "одно": 1,
    "двух": 2,
    "трех": 3,
    "четырех": 4,
    "пяти": 5,
}
_PREFIX_LIST = re.compile(
    r"(?<![а-я])(одно|двух|трех|четырех|пяти|[1-5])-?(?:,| ?/| или| и|-)? ?(?:или )?"
    r"(одно|двух|трех|четырех|пяти)-? ?комнатн?[а-я]*"
)
_ROOM_UNIT = (
    r"(?:-?х|-?ти|-?но)?[- ]?(?:комнатн?[а-я]*|комнат[аыу]?|комн\.?|спальн[а-я]*|спален)(?![а-я])"
)
_SHORT_UNIT = r"[- ]?(?:к\.? ?кв(?:артир[а-я]*|\.)?|ккв|к)(?![а-яa-z0-9])"
_SEP = r"(?: ?- ?| ?/ ?|,? ?или ?| и |, ?)"
_LISTED = re.compile(
    rf"(?<![\d.,])([1-6])(?:{_ROOM_UNIT}|{_SHORT_UNIT}|-х|-)?{_SEP}([1-6])"
    rf"(?:{_SEP}([1-6]))?(?:{_ROOM_UNIT}|{_SHORT_UNIT})"
)
_COUNTED = re.compile(rf"(?<![\d.,-])([1-9])(?:{_ROOM_UNIT}|{_SHORT_UNIT})")
_EURO = re.compile(
    r"евро ?-? ?([2-5])(?![\d.,])(?: ?-?к(?![а-я])| ?-?комн[а-я.]*)?|(?<![\d.,])([1-5]) ?-?[еe](?:вро)?[- ]?(?:к(?![а-я])|комн[а-я.]*|шк[а-я]*)"
)
_COUNT_AFTER = re.compile(
    r"(?:комнат[аы]?|комнатность|спальн[а-я]*|спален|кол-во комнат|количество комнат) ?[:=-]? ?([1-6])(?:-([1-6]))?(?!\d|[.,]\d|-й| ?(?:млн|мил|лям|м|кв))"
)
_AT_LEAST_ROOMS = re.compile(rf"(?:не меньше|не менее|минимум|от|больше) ([1-5])(?:{_ROOM_UNIT})")

_ORD = r"(?:-?(?:й|ый|ом|м|го|ий|ем|е|ого|ему|ому|х))?"
_NOT_FIRST = re.compile(
    r"(?:(?:кроме|без|исключая|исключить|не|выше) (?:на |только )?(?:1-й|1)(?!\d|[.,]\d)(?: этаж[а-я]*)?"
    r"|(?:не ниже|от|начиная со?|со?) (?:2-й|2-го|2)(?:-го)? этаж[а-я]*(?: и выше)?"
    r"|не (?:ниже|первый) 2-й(?: этаж[а-я]*)?"
    r"|(?:1-й|1)(?: этаж[а-я]*)? (?:и последн[а-я]+ )?(?:этаж[а-я]* )?"
    r"(?:не (?:предлага\w+|рассматрива\w+|нуж\w+|подход\w+|интерес\w+|хо[чт]\w+|надо|бер\w+|вариант)|исключ\w+|мимо|не в счет))"
)
_NOT_LAST = re.compile(
    r"(?:кроме|без|исключая|исключить|не|и не|ни|или|и) (?:на )?последн[а-я]+(?: этаж[а-я]*)?"
    r"|последн[а-я]+(?: этаж[а-я]*)? (?:не |исключ|мимо)[а-я]*"
)
_NOT_EDGE = re.compile(
    r"не (?:на )?(?:крайн[а-я]+)(?: этаж[а-я]*)?|кроме крайних(?: этаж[а-я]*)?"
    r"|(?:кроме|не|исключая|без) (?:на )?1-й(?: этаж[а-я]*)?,? ?(?:и|/|или|и не|ни)? ?(?:на )?последн[а-я]+(?: этаж[а-я]*)?"
)
_FIRST_OR_LAST_BY_MINUS = re.compile(r"ни 1-й,? ни (?:на )?последн[а-я]+(?: этаж[а-я]*)?")
_FLOOR_MIN = re.compile(
    rf"(?:не ниже|выше|от|начиная со?|минимум) ([2-9]|\d\d){_ORD} ?(?:этаж[а-я]*|эт\.?)(?: и выше)?"
    rf"|(?<!\d)([2-9]|\d\d){_ORD} этаж[а-я]* (?:и выше|минимум)"
)
_FLOOR_MAX = re.compile(
    rf"(?:не выше|ниже|до|максимум) ([2-9]|\d\d){_ORD} ?(?:этаж[а-я]*|эт\.?)(?: и ниже)?"
    rf"|(?<!\d)([2-9]|\d\d){_ORD} этаж[а-я]* (?:и ниже|максимум)"
)
_FLOOR_RANGE = re.compile(
    r"(?:(?:с|со|от) )?(?<![\d.,/])(\d\d?)(?:-й|-го)?(?: по | до |-)(\d\d?)(?:-й|-го)? этаж(?!н|к|ей)[а-я]*"
    r"|(?:этаж[а-я]*|эт\.?):? (?:с |со |от )?(\d\d?)(?:-й|-го)?(?: по | до |-)(\d\d?)(?:-й|-го)?(?![\d/]|[.,]\d)"
)
_FLOOR_OF = re.compile(
    r"(?:этаж[а-я]*|эт\.?) ?[:-]? ?(\d\d?)(?:-й|-м|-ом)? ?(?:/|из|\\|в) ?(\d\d?)(?:-?(?:ти|и|х))?(?:-?этаж[а-я]*)?(?![\d,.]\d)"
    rf"|(?<![\d.,/])(\d\d?){_ORD} ?(?:этаж[а-я]*|эт\.?) ?(?:/|из|\\|в|,|на|при|от)? ?(?:доме? )?(\d\d?)(?:-?(?:ти|и|х))?(?:-?этаж[а-я]*|(?!\d|[.,]\d|%| ?(?:м|кв|млн|лям|к\b|мил|тыс|руб|метр|р\b)))"
    r"|(?<![\d.,/])(\d\d?)(?:-й)? из (\d\d?)(?:-?(?:ти|и|х))?(?: ?этаж[а-я]*)?(?!\d|[.,]\d)"
    r"|(?<![\d.,/])(\d\d?) ?/ ?(\d\d?)(?: ?эт(?:аж[а-я]*|\.)?)?(?![\d/]|[.,]\d)"
)
_STOREYS = re.compile(
    r"(?<![\d.,])(\d\d?)(?:-?(?:ти|и|х))?[- ]?этаж(?:к|н)[а-я]*(?: дом[а-я]*)?"
    r"|этажность[а-я]* ?(?:дома)? ?[:-]? ?(\d\d?)|(?:дом|здание)[а-я]* (?:в |на )?(\d\d?) этаж[а-я]*"
    r"|(?:в доме|всего) (\d\d?) этаж[а-я]*|(?<![\d.,])(\d\d?) этажей(?: в доме)?"
)
_FLOOR = re.compile(
    rf"(?:этаж[а-я]*|эт\.?) ?[:-]? ?(\d\d?){_ORD}(?!\d|[.,]\d| ?(?:м|кв|млн|лям|к\b|мил|тыс|руб|метр))"
    rf"|(?<![\d.,/])(\d\d?){_ORD} ?(?:этаж(?!к|н|ей)[а-я]*|эт(?![а-я])\.?)"
)
_LAST_FLOOR = re.compile(r"(?:на )?последн[а-я]+ этаж[а-я]*|этаж[а-я]* последн[а-я]+")
_ORDINAL_ALONE = re.compile(r"(?:на )(\d\d?)-й(?= из|,|$| ?¤)")

_RENOVATIONS = (
    ("без ремонта", r"без (?:какого-либо |всякого |чистовой |внутренней )?(?:ремонта|отделки)|бабушкин[а-я]*(?: ремонт[а-я]*| вариант[а-я]*| состояни[а-я]*)?|(?:черн|предчист)ов[а-я]+(?: отделк[а-я]*)?|предчист[а-я]+|(?:под|требу[а-я]+|нуж[а-я]+|нужен|необходим|просит|требуется|надо делать|сделать|делать)(?: \w+)? ремонт[а-я]*|ремонт[а-я]* (?:нет|не было|требуется|нужен|отсутствует|не делал[а-я]*|не сделан|старый|советский)|убит[а-я]+|(?:старый|советский|плохой|отсутствует|нет|никакого) ремонт[а-я]*|(?:старым|советским|плохим) ремонтом|в бетоне?|голые стены|white ?box|вайт ?бокс|white-box|whitebox|бетонн[а-я]+ стен[а-я]*|состояни[а-я]* от застройщика|от застройщика без отделки|совдеп[а-я]*"),
    ("дизайнерский", r"дизайн[а-я-]*(?: ремонт[а-я]*| проект[а-я]*| отделк[а-я]*)?|авторск[а-я]+(?: ремонт[а-я]*| дизайн[а-я]*)?|эксклюзивн[а-я]+ ремонт[а-я]*|дизайн-проект[а-я]*"),
    ("евро", r"евро ?-? ?ремонт[а-я]*|евро ?-? ?отделк[а-я]*|европейск[а-я]+ ремонт[а-я]*|ремонт[а-я]*:? (?:-? ?)?евро(?![а-я])|(?<![а-я])евро(?![а-я-]| ?\d)|отремонтирован[а-я]* под евро"),
    ("косметический", r"косметик[а-я]*|космет(?:ическ[а-я]+)?\.?(?: ремонт[а-я]*)?|ремонт[а-я]* косметическ[а-я]+|легк[а-я]+ ремонт[а-я]*"),
    ("с ремонтом", r"(?:с|со|в) (?:хорош[а-я]+ |свеж[а-я]+ |нов[а-я]+ |чист[а-я]+ |качественн[а-я]+ |отличн[а-я]+ |сделанн[а-я]+ |капитальн[а-я]+ |нормальн[а-я]+ |готов[а-я]+ |современн[а-я]+ |полн[а-я]+ |приличн[а-я]+ |каким-нибудь |простым |обычным )*(?:ремонтом|чистовой отделкой|отделкой|чистовой)|(?:хорош|свеж|нов|чист|качественн|отличн|капитальн|нормальн|готов|современн|приличн|сделан)[а-я]* ремонт[а-я]*|ремонт[а-я]* (?:хорош|свеж|нов|чист|качественн|отличн|капитальн|нормальн|готов|современн|приличн|сделан|есть|обязател)[а-я]*|чистов[а-я]+(?: отделк[а-я]*)?|отремонтированн[а-я]+|(?:с )?готовой отделкой|ремонт(?: обязательно| нужен обязательно)|после (?:капитального )?ремонта|(?:есть|нужен|желателен|важен) ремонт|с мебелью и ремонтом|заезжай и живи|под ключ"),
)  # fmt: skip
_RENOVATION = tuple((name, re.compile(rf"(?<![а-я])(?:{words})")) for name, words in _RENOVATIONS)
_NOT_FRESH = re.compile(r"ремонт[а-я]* (?:не важен|неважен|любой|не принципиал[а-я]*|не имеет)")


def read_rooms(scratch: ConsumableText) -> tuple[int, ...] | None:
    """Every number of rooms named; «евродвушка» is a two, a studio is 0."""
    scratch.take(_NOT_ROOMS)
    if match := scratch.take(_PREFIX_LIST):
        return tuple(sorted({_PREFIX[match[1]], _PREFIX[match[2]]}))
    rooms: set[int] = set()
    if match := scratch.take(_AT_LEAST_ROOMS):
        rooms.update(range(int(match[1]), 6))
    for match in scratch.take_all(_LISTED):
        listed = [int(group) for group in match.groups() if group]
        dash = re.search(r"\d-\d", match[0]) and len(listed) == 2
        rooms.update(range(listed[0], listed[1] + 1) if dash else listed)
    for pattern in (_EURO, _COUNTED, _COUNT_AFTER):
        for match in scratch.take_all(pattern):
            rooms.update(int(group) for group in match.groups() if group)
    for count, pattern in _ROOMS_BY_WORD:
        if any(list(scratch.take_all(pattern))):
            rooms.add(count)
    return tuple(sorted(rooms)) or None


def read_floors(scratch: ConsumableText) -> dict[str, Any]:
    """The floor, the house's storeys and what the floor must not be."""
    found = _read_unwanted_floors(scratch)
    if match := scratch.take(_FLOOR_RANGE):
        low, high = (int(group) for group in match.groups() if group)
        return {**found, "floor_min": low, "floor_max": high}
    for name, pattern in (("floor_min", _FLOOR_MIN), ("floor_max", _FLOOR_MAX)):
        if match := scratch.take(pattern):
            found[name] = int(match[1] or match[2])
    if _take_floor_of(scratch, found):
        return found
    if match := scratch.take(_STOREYS):
        found["floors_total"] = _first(match)
    if match := scratch.take(_FLOOR):
        found["floor"] = _first(match)
    elif "floors_total" in found and (match := scratch.take(_ORDINAL_ALONE)):
        found["floor"] = int(match[1])
    elif "floors_total" in found and scratch.take(_LAST_FLOOR):
        found["floor"] = found["floors_total"]
    return found


def read_renovation(scratch: ConsumableText) -> str | None:
    if scratch.take(_NOT_FRESH):
        return None
    return next((name for name, words in _RENOVATION if scratch.take(words)), None)


def _read_unwanted_floors(scratch: ConsumableText) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if scratch.take(_NOT_EDGE) or scratch.take(_FIRST_OR_LAST_BY_MINUS):
        found.update(not_first_floor=True, not_last_floor=True)
    if scratch.take(_NOT_FIRST):
        found["not_first_floor"] = True
    if scratch.take(_NOT_LAST):
        found["not_last_floor"] = True
    return found


def _take_floor_of(scratch: ConsumableText, found: dict[str, Any]) -> bool:
    """«5/9», «5-й этаж из 9»: a pair whose floor is not above the roof."""
    for match in _FLOOR_OF.finditer(scratch.low):
        floor, total = (int(group) for group in match.groups() if group)
        if 0 < floor <= total:
            scratch.erase(*match.span())
            found.update(floor=floor, floors_total=total)
            return True
    return False


def _first(match: re.Match[str]) -> int:
    return next(int(group) for group in match.groups() if group)
