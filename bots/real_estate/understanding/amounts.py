"""Prices and areas in a request, with the bounds that people put on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bots.real_estate.understanding.consumable import ConsumableText

Range = tuple[float | None, float | None]

NUM = r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?|\d{1,3}(?:[.,]\d{3}){2,}|\d+(?:[.,]\d+)?"
_MLN = r"млн\.?|мил+и?он[а-я]*|лям[а-я]*|лимон[а-я]*|мульт?[а-я]*|кк(?![а-яв])|kk|мио|mln|м(?=[ .,]*(?:р\b|руб))"
_BLN = r"млрд\.?|миллиард[а-я]*"
_THOUSAND = r"тыс\.?(?![а-я])|тысяч[а-я]*|тыщ[а-я]*|т\.? ?р\.?(?![а-я])|к(?![а-яa-z])|k(?![a-z])"
_ROUBLE = r"₽|руб(?:л[а-я]*)?\.?(?![а-я])|р(?![а-я])\.?"
_MONEY = rf"(?:(?P<{{0}}bln>{_BLN})|(?P<{{0}}mln>{_MLN})|(?P<{{0}}tho>{_THOUSAND})|(?P<{{0}}rub>{_ROUBLE}))"
_AREA = (
    r"(?:квадратн[а-я]+ метр[а-я]*|кв\.? ?метр[а-я]*|кв\.? ?м(?![а-я])\.?|м ?(?:2|²|\^2)|m ?(?:2|²)|квадрат[а-я]*"
    r"|метр[а-я]*|кв(?![а-я])\.?|м(?![а-яa-z])\.?)"
)

_ABOUT = r"около|примерно|порядка|приблизительно|ориентировочно|где-то(?: в)?|~|≈|±|плюс-минус|плюс минус|\+/-|\+-|в районе|район[а-я]* (?=\d)|приблиз\.?"
_AT_MOST = r"до|не дороже|не более|не больше|не выше|максимум|макс\.?|максимально|дешевле|в пределах|потолок|лимит|<=?|меньше|менее|не превыша[а-я]+|уложиться в|укладыва[а-я]+ в|предел|край|вплоть до|по"
_AT_LEAST = r"от|не дешевле|не менее|не меньше|минимум|мин\.?(?= \d)|дороже|больше|более|свыше|начиная со?|>=?|не ниже|выше|как минимум|хотя бы"
_AFTER_MIN = r"минимум|и больше|и более|и выше|\+|как минимум|не меньше|или больше"
_AFTER_MAX = (
    r"максимум|макс\.?(?![а-я])|и меньше|не больше|и дешевле|потолок|предел|не выше|не более|край"
)
_AFTER_ABOUT = r"плюс-минус|плюс минус|\+/-|\+-|±|примерно|где-то|или около того"

_BETWEEN = r"(?: ?-+ ?| ?\.\.+ ?| до | по | и | или | ?÷ ?)"
_TAIL = (
    rf"(?: ?(?:(?P<amin>{_AFTER_MIN})|(?P<amax>{_AFTER_MAX})|(?P<aabout>{_AFTER_ABOUT}))(?![а-я]))?"
)
_FILL = r"(?:[ :]*(?:бюджет[а-я]*|цен[а-я]+|ценник|стоимость[а-я]*|сумм[а-я]+|площадь[а-я]*|за|в|из|на|-|общ[а-я]+)?[ :]*){0,2}"
_BOUND = (
    rf"(?:(?<![а-я])(?:(?P<about>{_ABOUT})|(?P<most>{_AT_MOST})|(?P<least>{_AT_LEAST})){_FILL})?"
)

_PRICE_RANGE = re.compile(
    rf"(?:(?:от|с|между|в пределах|бюджет[а-я]*)[ :]*)?(?<![\d.,])(?P<low>{NUM}) ?{_MONEY.format('a')}?(?: ?(?:{_ROUBLE}))?{_BETWEEN}(?P<high>{NUM}) ?{_MONEY.format('b')}(?: ?(?:{_ROUBLE}))?(?![а-я])"
)
_PRICE = re.compile(
    rf"{_BOUND}(?<![\d.,/])(?P<number>{NUM})(?:-?ти|-?и)? ?{_MONEY.format('a')}(?: ?(?P<more>\d{{3}}(?! ?(?:м|кв|\d))|\d{{1,3}}(?= ?(?:тыс|к(?![а-я])|т\.?р)))(?: ?(?:тыс[а-я.]*|к(?![а-я])|т\.?р\.?))?)?(?: ?(?:{_ROUBLE}))?{_TAIL}(?![а-я])"
)
_WORD_PRICE = re.compile(
    rf"{_BOUND}(?<![\d.,] )(?<![\d.,а-я])(?P<number>)(?P<amln>миллион[а-я]*|лям[а-я]?)(?: ?(?P<more>\d{{3}})(?: ?(?:тыс[а-я.]*|к(?![а-я])))?)?{_TAIL}(?![а-я])"
)
_PER_METRE = re.compile(
    rf"(?:{_AT_MOST}|{_AT_LEAST}|{_ABOUT})? ?(?:{NUM}) ?(?:{_THOUSAND}|{_MLN}|{_ROUBLE})+ ?(?:{_ROUBLE})?(?: ?за|/| ?на) ?(?:1 )?(?:кв\.? ?м?\w*|м2|м²|метр|квадрат|м(?![а-я]))"
)
_PRICE_WORD = r"бюджет[а-я]*|цен[а-я]+|ценник|стоимост[а-я]+|стоит|стоят|прос[а-я]+|за|сумм[а-я]+|располага[а-я]+|хотят|хочу|предлагают за|отдают за|прода[а-я]+ за|выставил[а-я]* за|есть|имею|на руках|прошу|уложиться в|деньг[а-я]*"
_BARE_RANGE = re.compile(
    rf"(?P<word>{_PRICE_WORD})?[ :]*(?:(?:от|с|в пределах|где-то|примерно|между) ?)?(?<![\d.,/])(?P<low>{NUM}){_BETWEEN}(?P<high>{NUM})(?![\d/%]|[.,]\d| ?(?:мин|эт|лет|год|г\.|км|ком|чел|%|-?й(?![а-я])))"
)
_BARE = re.compile(
    rf"(?<![а-я])(?:(?P<word>{_PRICE_WORD})[ :-]*)?(?:это )?{_BOUND}(?<![\d.,/])(?P<number>{NUM})(?![\d/%]|[.,]\d| ?(?:мин|эт|лет|год|г\.|км|ком|чел|%|-?й(?![а-я])|дн|дет|шко|век)){_TAIL}"
)
_AREA_RANGE = re.compile(
    rf"(?:(?:от|с|между|площадь[а-я]*(?: от)?)[ :]*)?(?<![\d.,/])(?P<low>{NUM}) ?(?:{_AREA})?{_BETWEEN}(?P<high>{NUM}) ?{_AREA}(?![а-я])"
)
_AREA_ONE = re.compile(
    rf"{_BOUND}(?<![\d.,/])(?P<number>{NUM})(?:-?ти|-?и)?(?P<plus>\+)? ?-?{_AREA}{_TAIL}(?![а-я\d])"
)
_AREA_WORD = re.compile(
    rf"(?:площадь[а-я]*|метраж[а-я]*|s ?=)[ :-]*(?:общ[а-я]+ )?{_BOUND}(?P<number>{NUM})(?P<plus>\+)?(?:{_BETWEEN}(?P<high>{NUM}))? ?(?:{_AREA})?{_TAIL}"
)
_OTHER_METRES = re.compile(
    rf"(?:кухн[а-я]+|жил[а-я]+(?: площадь[а-я]*)?|потолк[а-я]+|балкон[а-я]*|лоджи[а-я]*|санузел|комнат[аы] по|гостин[а-я]+|спальн[а-я]+)(?: площадь[а-я]*)?[ :]*(?:{_AT_LEAST}|{_AT_MOST}|{_ABOUT}|по)? ?(?:{NUM})(?:-(?:{NUM}))? ?(?:{_AREA})?(?![а-я])(?! ?(?:млн|мил|лям|кк))"
    rf"|(?:{NUM}) ?(?:м|метр[а-я]*|км|километр[а-я]*)\.? (?:до|от|пешком) (?:метро|станц[а-я]+|моря|парка|школ[а-я]+|центра|мкад[а-я]*|кад[а-я]*|вокзала|м\.)"
)
_METRO_MINUTES = re.compile(
    r"(?:не дальше |не более |до |в |максимум |макс\.? |около )?(?P<minutes>\d{1,2})(?:-(?P<high>\d{1,2}))? ?мин(?:ут[а-я]*)?\.?(?: (?:пешком|ходьбы|ногами|пешочком|шагом))?(?: (?:до|от) (?P<target>метро|м\.|станции|ст\.))?"
)
_TIME = re.compile(
    r"(?:\d{1,2}(?:-\d{1,2})?) ?(?:мин(?:ут[а-я]*)?\.?|час[а-я]*|лет|год[а-я]*|км|дн[а-я]+|месяц[а-я]*|человек[а-я]*|дет[а-я]+|%)(?![а-я])"
    r"|(?<!\d)(?:19|20)\d\d(?:-(?:19|20)?\d\d)? ?(?:г\.?|год[а-я]*|гг\.?)(?![а-я])|(?:1-й|2-й|3-й|4-й|[1-4]) квартал[а-я]* ?(?:20\d\d)?"
)

_AREA_LEAST, _AREA_MOST = 8, 1500
_PRICE_LEAST, _PRICE_MOST = 150_000, 5_000_000_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """What was said about money, area and the way to the metro."""

    price: Range = (None, None)
    area: Range = (None, None)
    metro_minutes: int | None = None


def read_amounts(scratch: ConsumableText, *, exact: bool, asked: str | None = None) -> Amounts:
    """Prices in roubles and areas in m².

    `exact` is a valuation: a bare area and any one price mean just that number. `asked` is
    the slot that the bot has asked for, which a number without a unit then answers.
    """
    minutes = _read_minutes(scratch)
    for pattern in (_TIME, _OTHER_METRES, _PER_METRE):
        for _ in scratch.take_all(pattern):
            pass
    price = _read_price(scratch, exact)
    area = _read_area(scratch, exact)
    if price == (None, None):
        price = _read_bare_price(scratch, exact, area, asked)
    if area == (None, None):
        area = _read_bare_area(scratch, exact, price, asked)
    return Amounts(price, area, metro_minutes=minutes)


def _read_minutes(scratch: ConsumableText) -> int | None:
    for match in _METRO_MINUTES.finditer(scratch.low):
        around = scratch.low[max(0, match.start() - 30) : match.end() + 12]
        on_foot = re.search(r"пеш|ходьб|ногами|шагом", match[0])
        elsewhere = re.match(r" (?:до|от) (?!метро|м\.|стан)", scratch.low[match.end() :])
        if match["target"] or (
            not elsewhere and (on_foot or re.search(r"метро|м\. ?[а-я]", around))
        ):
            scratch.erase(*match.span())
            return int(match["high"] or match["minutes"])
    return None


def _read_price(scratch: ConsumableText, exact: bool) -> Range:
    if match := _take_valid(scratch, _PRICE_RANGE, _price_range):
        return match
    low = high = None
    for pattern in (_PRICE, _WORD_PRICE):
        while found := _take_valid(scratch, pattern, lambda m: _price(m, exact)):
            low, high = low or found[0], high or found[1]
    return low, high


def _take_valid(scratch: ConsumableText, pattern: re.Pattern[str], read: Any) -> Range | None:
    """The first match whose numbers make sense, taken out of the text."""
    for match in pattern.finditer(scratch.low):
        if (found := read(match)) is not None:
            scratch.erase(*match.span())
            result: Range = found
            return result
    return None


def _price_range(match: re.Match[str]) -> Range | None:
    low, high = _number(match["low"]), _number(match["high"])
    unit = _factor(match, "b", high)
    first = _factor(match, "a", low) if _has_unit(match, "a") else unit
    prices = low * first, high * unit
    return prices if _PRICE_LEAST <= prices[0] <= prices[1] <= _PRICE_MOST else None


def _price(match: re.Match[str], exact: bool) -> Range | None:
    number = _number(match["number"]) if match["number"] else 1.0
    value = number * (_factor(match, "a", number) if match["number"] else 1e6)
    if match["more"] and value >= 1e6 and value % 1e6 == 0:
        value += int(match["more"]) * 1e3
    if not _PRICE_LEAST <= value <= _PRICE_MOST:
        return None
    return (value, value) if exact else _bounded(match, value, one_sided=True)


def _factor(match: re.Match[str], group: str, number: float) -> float:
    """Roubles in the unit; «полторы тыщи» for a flat are thousands of thousands."""
    kinds = match.groupdict()
    if kinds.get(f"{group}bln"):
        return 1e9
    if kinds.get(f"{group}mln"):
        return 1e6
    if kinds.get(f"{group}tho"):
        return 1e6 if number < 100 else 1e3
    return 1.0


def _has_unit(match: re.Match[str], group: str) -> bool:
    return any(match[f"{group}{kind}"] for kind in ("bln", "mln", "tho", "rub"))


def _read_area(scratch: ConsumableText, exact: bool) -> Range:
    for pattern in (_AREA_WORD, _AREA_RANGE):
        if found := _take_valid(scratch, pattern, lambda m: _area(m, exact)):
            return found
    low = high = None
    while found := _take_valid(scratch, _AREA_ONE, lambda m: _area(m, exact)):
        low, high = low or found[0], high or found[1]
        if low and high:
            break
    return low, high


def _area(match: re.Match[str], exact: bool) -> Range | None:
    groups = match.groupdict()
    if groups.get("high"):
        bounds = _number(groups.get("low") or groups["number"]), _number(groups["high"])
        return bounds if _AREA_LEAST <= bounds[0] <= bounds[1] <= _AREA_MOST else None
    value = _number(match["number"])
    if not _AREA_LEAST <= value <= _AREA_MOST:
        return None
    if groups.get("plus"):
        return value, None
    bounded = _bounded(match, value, one_sided=False)
    bare = not any(groups[name] for name in ("about", "most", "least", "amin", "amax", "aabout"))
    return (value, value) if exact and bare else bounded


def _read_bare_price(scratch: ConsumableText, exact: bool, area: Range, asked: str | None) -> Range:
    """A price without a unit: «бюджет 15-20», «до 12», «просят 15», «за 9,5»."""
    for match in _BARE_RANGE.finditer(scratch.low):
        low, high = _guess(_number(match["low"])), _guess(_number(match["high"]))
        fits = match["word"] or asked == "price_max" or area != (None, None) or high < 30e6
        if fits and _PRICE_LEAST * 4 <= low < high <= _PRICE_MOST:
            scratch.erase(*match.span())
            return low, high
    for match in _BARE.finditer(scratch.low):
        number = _number(match["number"])
        value = _guess(number)
        bound = match["most"] or match["least"] or match["about"]
        likely = number >= 300_000 or asked == "price_max" or match["word"]
        likely = likely or (bound and (number <= 25 or area != (None, None)))
        if likely and _PRICE_LEAST * 4 <= value <= _PRICE_MOST:
            scratch.erase(*match.span())
            return (value, value) if exact else _bounded(match, value, one_sided=True)
    return None, None


def _guess(number: float) -> float:
    """Roubles meant by a number without a unit: millions, thousands or roubles."""
    if number < 1000:
        return number * 1e6
    return number * 1e3 if number < 150_000 else number


def _read_bare_area(scratch: ConsumableText, exact: bool, price: Range, asked: str | None) -> Range:
    """An area without a unit where the price is known: «двушка 54, просят 15»."""
    if price == (None, None) and asked != "area" and not exact:
        return None, None
    for match in _BARE_RANGE.finditer(scratch.low):
        bounds = _number(match["low"]), _number(match["high"])
        if not match["word"] and 14 <= bounds[0] < bounds[1] <= 400:
            scratch.erase(*match.span())
            return bounds
    for match in _BARE.finditer(scratch.low):
        value = _number(match["number"])
        if not match["word"] and 14 <= value <= 400:
            scratch.erase(*match.span())
            bare = not (match["most"] or match["least"] or match["about"])
            return (value, value) if exact and bare else _bounded(match, value, one_sided=False)
    return None, None


def _bounded(match: re.Match[str], value: float, *, one_sided: bool) -> Range:
    """The range that the words around a number mean; a bare price is an upper bound."""
    groups = match.groupdict()
    if groups.get("about") or groups.get("aabout"):
        return value * 0.9, value * 1.1
    if groups.get("most") or groups.get("amax"):
        least = groups.get("amin")
        return (value, None) if least else (None, value)
    if groups.get("least") or groups.get("amin"):
        return value, None
    return (None, value) if one_sided else (value * 0.9, value * 1.1)


def _number(text: str) -> float:
    compact = text.replace(" ", "").replace(",", ".")
    if compact.count(".") > 1:
        compact = compact.replace(".", "")
    return float(compact)
