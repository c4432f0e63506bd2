"""Numbers with their units: «12 млн 700», «40 м», «за червонец», «миллионов десять»."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bots.real_estate.understanding.numbers import read_numbers
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.tokens import Tokens, tokenize

Unit = Literal["money", "area", "other", "none"]


MILLION, THOUSAND, BILLION = 1e6, 1e3, 1e9


_MONEY_UNITS: dict[str, float] = {
    **dict.fromkeys(
        "млн миллион мильон милион миллиончик лям лямчик лямов ляма лямы лямах лямам лимон мульт мульта мультов "
        "мульты кк kk мио mln млнов".split(), MILLION),
    **dict.fromkeys("млрд миллиард ярд".split(), BILLION),
    **dict.fromkeys("тыс тысяча тыщ тыща тыщи тыщу тыщенка т тр к k косарь".split(), THOUSAND),
}  # fmt: skip


_ROUBLES = words("р руб рубль рублик ₽ rub")


# «Миллионов десять» puts the unit first; «миллион двести» is one million and 200 thousand.
_PLURAL_UNITS = words("миллионов миллиона лямов ляма млн лимонов тысяч метров квадратов")


_SINGLE_UNITS = words("миллион миллиона лям ляма лимон лимона миллиончик лямчик")


_SLANG = {
    "червонец": 10, "чирик": 10, "десятка": 10, "десяточка": 10, "двенашка": 12, "пятнашка": 15,
    "пятнарик": 15, "двадцатка": 20, "двадцатник": 20, "двадцаточка": 20, "четвертак": 25,
    "тридцатка": 30, "пятнашки": 15, "двадцатки": 20, "тридцатник": 30, "сороковник": 40, "полтинник": 50, "полтос": 50,
    "пятерка": 5, "пятерочка": 5, "шестерка": 6, "семерка": 7, "восьмерка": 8, "девятка": 9,
}  # fmt: skip


_MONEY_BEFORE_SLANG = words(
    "за до в бюджет около примерно от максимум есть где-то с под плюс районе порядка"
)


AREA_UNITS = phrases(
    """квадратный метр, кв метр, кв м, кв м2, м2, м², m2, м кв, м квадратный, м, метр, метров,
    метра, метрах, метрами, метраж, квадрат, кв, квадратик, метрик, sqm"""
)


_FAR_UNITS = phrases("км, километр, м|метр до|от|пешком, мин, минута, минут, минутах")


_OTHER_UNITS = phrases(
    """год, лет, г, гг, км, километр, мин, минута, минут, час, день, дней, месяц, неделя, раз,
    человек, чел, дети, детей, ребенок, сотка, %, процент, санузел, балкон, лоджия, этаж, этажа,
    этажей, эт, квартал, корпус, подъезд, вариант, летний, школа, век, гараж, машина, семья,
    сад, остановка, взрослый, окно, сторона, раза, ипотека, дом, лифт, вопрос, январь, февраль, март, апрель,
    май, июнь, июль, август, сентябрь, октябрь, ноябрь, декабрь, число"""
)


_YEARS = range(1900, 2036)


_BEFORE_YEARS = words("в с из после до от году")


@dataclass(frozen=True, slots=True)
class Amount:
    """One number with its unit: tokens `start` to `end`."""

    start: int
    end: int
    value: float
    unit: Unit
    plus: bool = False


def iter_amounts(tokens: Tokens) -> Iterator[Amount]:
    """Every number with its unit, whatever is said around it."""
    position = 0
    while position < len(tokens):
        amount = _amount_at(tokens, position)
        if amount is None:
            position += 1
            continue
        yield amount
        position = amount.end


def _amount_at(tokens: Tokens, start: int) -> Amount | None:
    if tokens.is_number(start):
        return _counted(tokens, start)
    if not tokens.is_word(start):
        return None
    word = tokens[start]
    slang = next((_SLANG[lemma] for lemma in word.lemmas if lemma in _SLANG), None)
    if slang is not None and ("черв" in word.low or _is_slang_sum(tokens, start)):
        end = start + 2 if money_unit(tokens, start + 1) == MILLION else start + 1
        return Amount(start, end, slang * MILLION, "money")
    single = word.low in _SINGLE_UNITS and 100 <= _value(tokens, start + 1) < 1000
    if word.low in _PLURAL_UNITS and not single and (amount := _inverted(tokens, start)):
        return amount
    if word.low in _SINGLE_UNITS and money_unit(tokens, start) == MILLION:
        value, end = _remainder(tokens, start + 1, MILLION)
        return Amount(start, _skip_roubles(tokens, end), value, "money")
    return None


def _value(tokens: Tokens, at: int) -> float:
    """The number at `at`, 0 where there is none: «до миллиона двухсот» is 1.2 million."""
    return (tokens[at].value or 0) if tokens.is_number(at) else 0


def _is_slang_sum(tokens: Tokens, at: int) -> bool:
    """«За двадцатку», «до десятки лямов»: elsewhere it may be a bus or a shop."""
    return tokens.low(at - 1) in _MONEY_BEFORE_SLANG or money_unit(tokens, at + 1) == MILLION


def _counted(tokens: Tokens, start: int) -> Amount | None:
    """A number and the unit after it."""
    value = tokens[start].value
    if value is None or tokens[start].ordinal:
        return None
    if value in _YEARS and not tokens[start].in_words and tokens.low(start - 1) in _BEFORE_YEARS:
        return None
    end, plus = start + 1, False
    if _is_plus(tokens, end) and not tokens[end].used:
        end, plus = end + 1, True
    if tokens.low(end) == "-" and not tokens[end].gap and tokens.is_word(end + 1):
        end += 1  # «40-метровая»
    if factor := money_unit(tokens, end):
        return _sum(tokens, start, end, value, factor, plus)
    if tokens.low(end) in _ROUBLES or _is_rouble(tokens, end):
        return Amount(start, end + 1, value, "money", plus)
    far = _FAR_UNITS.end_at(tokens, end) if end < len(tokens) else None
    if far is not None and not tokens.is_number(far):  # «48 метров до 10 млн» is an area
        return Amount(start, far, value, "other")
    if end < len(tokens) and (area := AREA_UNITS.end_at(tokens, end)) is not None:
        million_roubles = tokens.low(end) == "м" and _is_rouble(tokens, end + 1)
        if million_roubles:
            return Amount(start, end + 2, value * MILLION, "money", plus)
        plus = plus or _is_plus(tokens, area)
        return Amount(start, area, value, "area", plus)
    if tokens.low(end).startswith("метров"):
        return Amount(start, end + 1, value, "area", plus)
    if end < len(tokens) and (other := _OTHER_UNITS.end_at(tokens, end)) is not None:
        return Amount(start, other, value, "other")
    return Amount(start, start + 2 if plus else start + 1, value, "none", plus)


def _is_plus(tokens: Tokens, at: int) -> bool:
    """«50+» is a lower bound; «+-» and «+/-» are a tolerance."""
    return tokens.low(at) == "+" and tokens.low(at + 1) not in ("-", "/")


def _sum(tokens: Tokens, start: int, unit: int, value: float, factor: float, plus: bool) -> Amount:
    if factor == THOUSAND and tokens.low(unit) == "к" and value < 10 and not tokens[start].in_words:
        return Amount(start, unit + 1, value, "none")  # «2 к» is a number of rooms
    end = unit + 1
    if tokens.low(end) == "р":  # «т. р.»
        end += 1
    total = value * factor
    if factor == MILLION:
        more, end = _remainder(tokens, end, 0)
        total += more if total % MILLION == 0 else 0
    return Amount(start, _skip_roubles(tokens, end), total, "money", plus or _is_plus(tokens, end))


def _remainder(tokens: Tokens, at: int, base: float) -> tuple[float, int]:
    """The thousands after millions: «450 тыс.», «восемьсот»; a number of metres is none."""
    if not tokens.is_number(at) or tokens[at].ordinal:
        return base, at
    value = tokens[at].value or 0
    if money_unit(tokens, at + 1) == THOUSAND and value < 1000:
        end = at + 2
        return base + value * THOUSAND, end + 1 if tokens.low(end) == "р" else end
    follows = at + 1 < len(tokens) and (
        AREA_UNITS.end_at(tokens, at + 1) is not None
        or _OTHER_UNITS.end_at(tokens, at + 1) is not None
    )
    if 100 <= value < 1000 and not follows and not money_unit(tokens, at + 1):
        return base + value * THOUSAND, at + 1
    return base, at


def _inverted(tokens: Tokens, unit: int) -> Amount | None:
    """«Миллионов за десять», «метров на пятьдесят», «лямов до шести»."""
    number = unit + 1
    while number < min(unit + 4, len(tokens)) and tokens.low(number) in _INVERTING:
        number += 1
    if not tokens.is_number(number) or tokens[number].ordinal or tokens.is_number(unit - 1):
        return None
    after = number + 1
    if money_unit(tokens, after) or (
        after < len(tokens)
        and (AREA_UNITS.end_at(tokens, after) or _OTHER_UNITS.end_at(tokens, after))
    ):
        return None
    value = tokens[number].value or 0
    # A bound inside is read as one before: the amount starts at its number.
    start = unit if number == unit + 1 else number
    if factor := money_unit(tokens, unit):
        if factor == MILLION and value >= 1000:
            return None
        return Amount(start, number + 1, value * factor, "money")
    if tokens.low(after) == "до" or (tokens.low(unit - 1) in ("до", "от") and value > 150):
        return Amount(start, number + 1, value, "other" if value > 150 else "area")
    return Amount(start, number + 1, value, "area")


_INVERTING = words("за до от в на где-то этак эдак так около где - то примерно под")


def money_unit(tokens: Tokens, at: int) -> float | None:
    if not tokens.is_word(at):
        return None
    token = tokens[at]
    if token.low in ("т", "к") and tokens.low(at + 1) in ("кв", "к"):
        return None
    return next(
        (_MONEY_UNITS[word] for word in (token.low, *token.lemmas) if word in _MONEY_UNITS), None
    )


def _is_rouble(tokens: Tokens, at: int) -> bool:
    return (
        0 <= at < len(tokens)
        and not tokens[at].used
        and (tokens[at].low in _ROUBLES or not _ROUBLES.isdisjoint(tokens[at].lemmas))
    )


def _skip_roubles(tokens: Tokens, at: int) -> int:
    return at + 1 if _is_rouble(tokens, at) else at


def said_numbers(text: str) -> set[float]:
    """Every number that a text says, in digits or words: «12,5 млн» is 12.5 and 12 500 000."""
    tokens = read_numbers(tokenize(text, limit=None))
    found = set()
    for index, token in enumerate(tokens):
        if token.value is None:
            continue
        found.add(token.value)
        if factor := money_unit(tokens, index + 1):
            found.add(token.value * factor)
    return found
