"""Russian numerals in words to digits: «три с половиной» to 3.5, «девятый» to 9-й."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ONES = {
    "ноль": 0, "один": 1, "одна": 1, "одну": 1, "одной": 1, "одного": 1, "одному": 1,
    "два": 2, "две": 2, "двух": 2, "двум": 2, "двумя": 2, "три": 3, "трех": 3, "трем": 3, "тремя": 3,
    "четыре": 4, "четырех": 4, "четырем": 4, "пять": 5, "пяти": 5, "шесть": 6, "шести": 6,
    "семь": 7, "семи": 7, "восемь": 8, "восьми": 8, "девять": 9, "девяти": 9,
}  # fmt: skip
_TEENS = {
    stem + ending: number
    for number, stem in enumerate(
        ("десят", "одиннадцат", "двенадцат", "тринадцат", "четырнадцат", "пятнадцат",
         "шестнадцат", "семнадцат", "восемнадцат", "девятнадцат"), start=10)
    for ending in ("ь", "и", "ью")
}  # fmt: skip
_TENS = {
    "двадцать": 20, "двадцати": 20, "тридцать": 30, "тридцати": 30, "сорок": 40, "сорока": 40,
    "пятьдесят": 50, "пятидесяти": 50, "шестьдесят": 60, "шестидесяти": 60,
    "семьдесят": 70, "семидесяти": 70, "восемьдесят": 80, "восьмидесяти": 80,
    "девяносто": 90, "девяноста": 90,
}  # fmt: skip
_HUNDREDS = {
    "сто": 100, "ста": 100, "двести": 200, "двухсот": 200, "триста": 300, "трехсот": 300,
    "четыреста": 400, "четырехсот": 400, "пятьсот": 500, "пятисот": 500, "шестьсот": 600,
    "шестисот": 600, "семьсот": 700, "семисот": 700, "восемьсот": 800, "восьмисот": 800,
    "девятьсот": 900, "девятисот": 900,
}  # fmt: skip
_CARDINALS = {**_ONES, **_TEENS, **_TENS, **_HUNDREDS}
_HALVES = {"полтора": "1.5", "полторы": "1.5", "полутора": "1.5", "пол": "0.5"}

_ORDINAL_STEMS = {
    "перв": 1, "втор": 2, "трет": 3, "четверт": 4, "пят": 5, "шест": 6, "седьм": 7, "восьм": 8,
    "девят": 9, "десят": 10, "одиннадцат": 11, "двенадцат": 12, "тринадцат": 13,
    "четырнадцат": 14, "пятнадцат": 15, "шестнадцат": 16, "семнадцат": 17, "восемнадцат": 18,
    "девятнадцат": 19, "двадцат": 20, "тридцат": 30, "сороков": 40, "пятидесят": 50,
}  # fmt: skip
_ORDINAL = re.compile(
    rf"({'|'.join(sorted(_ORDINAL_STEMS, key=len, reverse=True))})"
    r"(?:ый|ой|ий|ая|ое|ье|ья|ого|его|ьего|ому|ьему|ом|ем|ьем|ым|им|ьим|ую|ью|ых|ьих|ые|ьи)"
)
_STOREYS = re.compile(r"([а-я]+?)и?(этаж(?:к|н)[а-я]*)")
_WORD = re.compile(r"[А-Яа-яЁё]+|[^А-Яа-яЁё]+")
_HALF_UNIT = re.compile(r"(?i)\bпол[- ]?(?=миллион|лям|млн|лимон)")
_AND_A_HALF = re.compile(r"(?i)(\d+)(?:[.,]0)?((?: [а-яё]+)?) с половин(?:ой|кой)")


def digits_for_words(text: str) -> str:
    """Write every numeral of `text` in digits; all else stays as it was.

    An ordinal becomes "9-й", a storeyed house "9-этажка". A group that is no numeral by
    grammar, as «пять двести» of a price, becomes two numbers, which read as thousands: 5 200.
    """
    text = _HALF_UNIT.sub("0.5 ", text)
    text = "".join(_convert(_WORD.findall(text)))
    return _AND_A_HALF.sub(r"\1.5\2", text)


def _convert(tokens: list[str]) -> Iterator[str]:
    position = 0
    while position < len(tokens):
        value, used = _read_cardinal(tokens, position)
        ordinal = _ordinal_at(tokens, position + used)
        if ordinal is not None and (not used or (value % 10 == 0 and ordinal < 10)):
            yield f"{value + ordinal}-й"
            position += used + 1
        elif used:
            space = tokens[position + used - 1] if tokens[position + used - 1].isspace() else ""
            yield f"{value}{space}"
            position += used
        else:
            yield _other(tokens[position])
            position += 1


def _read_cardinal(tokens: list[str], start: int) -> tuple[int, int]:
    """The numeral at `start` and the number of tokens it takes, 0 when there is none."""
    total, used, smallest = 0, 0, 1000
    for offset, word in enumerate(tokens[start:]):
        if word == " " and used:
            used = offset + 1
            continue
        number = _CARDINALS.get(_plain(word))
        if number is None or number >= smallest:
            break
        total, used = total + number, offset + 1
        smallest = 100 if number >= 100 else (10 if number >= 20 else 0)
    return total, used


def _ordinal_at(tokens: list[str], position: int) -> int | None:
    if position >= len(tokens):
        return None
    match = _ORDINAL.fullmatch(_plain(tokens[position]))
    return _ORDINAL_STEMS[match[1]] if match else None


def _other(token: str) -> str:
    word = _plain(token)
    if word in _HALVES:
        return _HALVES[word]
    storeys = _STOREYS.fullmatch(word)
    if storeys and (number := _storeys(storeys[1])):
        return f"{number}-{storeys[2]}"
    return token


def _storeys(stem: str) -> int | None:
    """The number in «девяти|этажка», «шестнадцати|этажный»."""
    for form in (stem + "и", stem, stem + "ь"):
        if form in _CARDINALS:
            return _CARDINALS[form]
    for tens, number in _TENS.items():
        if stem.startswith(tens) and (ones := _CARDINALS.get(stem[len(tens) :] + "и")):
            return number + ones
    return None


def _plain(token: str) -> str:
    return token.lower().replace("ё", "е")
