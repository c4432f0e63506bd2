"""Numbers in digits and in words: «3 400 000», «7,5», «четыре двести», «три с половиной»."""

from __future__ import annotations

from bots.real_estate.understanding.phrases import words
from bots.real_estate.understanding.tokens import Token, Tokens

_ONES = "ноль один два три четыре пять шесть семь восемь девять".split()
_TEENS = (
    "десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать "
    "восемнадцать девятнадцать"
).split()
_TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто".split()
_HUNDREDS = "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот".split()
CARDINALS: dict[str, int] = {
    **{word: number for number, word in enumerate(_ONES)},
    **{word: number for number, word in enumerate(_TEENS, start=10)},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
    **{word: 100 * number for number, word in enumerate(_HUNDREDS, start=1)},
    "одна": 1, "две": 2, "дву": 2, "двое": 2, "трое": 3, "пейсят": 50, "писят": 50, "шисят": 60,
}  # fmt: skip
_ORDINALS: dict[str, int] = {
    **{
        word: number
        for number, word in enumerate(
            "первый второй третий четвертый пятый шестой седьмой восьмой девятый десятый "
            "одиннадцатый двенадцатый тринадцатый четырнадцатый пятнадцатый шестнадцатый "
            "семнадцатый восемнадцатый девятнадцатый двадцатый".split(),
            start=1,
        )
    },
    **{"тридцатый": 30, "сороковой": 40, "пятидесятый": 50},
}
_NOT_NUMBERS = words("семью")  # far more often a family than «семь» in the instrumental
_ONE_AND_A_HALF = words("полтора")
_HALF = words("половина половинка полтина полтинник")
_HALF_OF = "пол"
_HALVED_UNITS = words("миллиона миллион ляма лям лимона лимон млн")
# What stands between a number and its case ending: «5-й», «10-ти», «3-х».
_ORDINAL_ENDINGS = words("й ый ий ой го ого ему ому му ом ем я ая ю ую ье е")
_GLUED_ORDINAL_ENDINGS = words("й ый ий го ого")
_CARDINAL_ENDINGS = words("ти и х мя ми ух ех")
_AREA_OR_FLOOR = words("м м2 м² m2 кв квадрат метр метра метров этаж эт комната комн")
_MAX_DIGITS = 10  # longer runs of digits are telephones and accounts


def read_numbers(tokens: Tokens) -> Tokens:
    """The same tokens with every number made one token."""
    tokens = _split_halves(tokens)
    merged = Tokens()
    position = 0
    while position < len(tokens):
        number, end = _number_at(tokens, position)
        merged.append(number or tokens[position])
        position = end
    return _add_halves(_join_shorthand(merged))


def storeys_or_rooms(word: str, endings: tuple[str, ...]) -> int | None:
    """The number in «девятиэтажка», «шестнадцатиэтажный», «двухкомнатная»."""
    for ending in endings:
        stem, found, _ = word.partition(ending)
        if found and stem:
            return _number_of_stem(stem)
    return None


def _number_of_stem(stem: str) -> int | None:
    if stem in _STEMS:
        return _STEMS[stem]
    for tens, number in _STEMS.items():
        if (
            number >= 20
            and stem.startswith(tens)
            and (ones := _STEMS.get(stem[len(tens) :], 10)) < 10
        ):
            return number + ones
    return None


_STEMS: dict[str, int] = {
    "одно": 1, "одна": 1, "двух": 2, "дву": 2, "двушко": 2, "трех": 3, "тре": 3, "четырех": 4, "четырёх": 4,
    **{word[:-1] + "и": number for word, number in CARDINALS.items() if word.endswith("ь") and number < 50},
    "восьми": 8, "сорока": 40, "двадцати": 20, "тридцати": 30, "двадцать": 20, "тридцать": 30,
    **{word[:-1]: number for word, number in CARDINALS.items() if word.endswith("ь") and 3 < number < 20},
}  # fmt: skip


def _split_halves(tokens: Tokens) -> Tokens:
    """«Полмиллиона», «пол-ляма» as a half and its unit."""
    split = Tokens()
    for index, token in enumerate(tokens):
        unit = token.low.removeprefix(_HALF_OF)
        if unit != token.low and unit in _HALVED_UNITS:
            split.append(_number(token, 0.5, in_words=True))
            split.append(Token("word", unit, unit, lemmas=frozenset({unit, "миллион"})))
        elif token.low == _HALF_OF and _HALVED_UNITS & {
            tokens.low(index + 1),
            tokens.low(index + 2),
        }:
            split.append(_number(token, 0.5, in_words=True))
        else:
            split.append(token)
    return split


def _number_at(tokens: Tokens, start: int) -> tuple[Token | None, int]:
    """The number that begins at `start`, and the token after it."""
    token = tokens[start]
    if token.kind == "number":
        return (token, start + 1) if token.in_words else _digits_at(tokens, start)
    if token.kind != "word":
        return None, start + 1
    if not _ONE_AND_A_HALF.isdisjoint(token.lemmas):
        return _number(token, 1.5, in_words=True), start + 1
    return _words_at(tokens, start)


def _digits_at(tokens: Tokens, start: int) -> tuple[Token | None, int]:
    token = tokens[start]
    if len(token.text) > _MAX_DIGITS:
        return Token("mark", token.text, token.low, token.gap), start + 1
    digits, end = _grouped(tokens, start)
    value = float(digits)
    if end == start + 1:
        fraction = _fraction(tokens, start)
        if fraction:
            value, end = float(f"{token.text}.{fraction}"), start + 3
    ordinal, end = _ending(tokens, end)
    return _number(token, value, ordinal=ordinal), end


def _grouped(tokens: Tokens, start: int) -> tuple[str, int]:
    """«3 400 000» and «9.300.000» as one run of digits."""
    digits, end = tokens[start].text, start + 1
    if len(digits) > 3:
        return digits, end
    dotted = tokens.low(end) == "." and tokens.low(end + 2) == "."
    step = 2 if dotted else 1
    while (
        _is_group(tokens, end + step - 1)
        and tokens[end + step - 1].gap is not dotted
        and len(digits) < _MAX_DIGITS
        and (not dotted or tokens.low(end) == ".")
    ):
        digits, end = digits + tokens[end + step - 1].text, end + step
    one_group = end == start + 2
    if one_group and tokens.low(end) in _AREA_OR_FLOOR:  # «на 5 100 метров» are two numbers
        return tokens[start].text, start + 1
    return digits, end


def _is_group(tokens: Tokens, index: int) -> bool:
    return index < len(tokens) and tokens[index].kind == "number" and len(tokens[index].text) == 3


def _fraction(tokens: Tokens, start: int) -> str | None:
    """The digits after a decimal mark; «1,2,3» and «01.02.2024» have none."""
    if start + 2 >= len(tokens) or tokens[start + 1].low not in (",", "."):
        return None
    mark, digits = tokens[start + 1], tokens[start + 2]
    if mark.gap or digits.gap or digits.kind != "number" or len(digits.text) > 3:
        return None
    more = start + 4 < len(tokens) and tokens[start + 3].low in (",", ".")
    if (
        more
        and not tokens[start + 3].gap
        and not tokens[start + 4].gap
        and tokens[start + 4].kind == "number"
    ):
        return None
    return digits.text


def _ending(tokens: Tokens, end: int) -> tuple[bool, int]:
    """Whether the number before `end` is ordinal, and the token after its ending."""
    hyphen = tokens.low(end) == "-" and not tokens[end].gap
    at = end + 1 if hyphen else end
    if at >= len(tokens) or tokens[at].gap or tokens[at].kind != "word":
        return False, end
    ending = tokens[at].low
    if ending in (_ORDINAL_ENDINGS if hyphen else _GLUED_ORDINAL_ENDINGS):
        return True, at + 1
    if hyphen and ending == "м" and tokens.low(at + 1).startswith(("этаж", "год")):
        return True, at + 1
    if ending in _CARDINAL_ENDINGS:
        return False, at + 1
    return False, end


def _words_at(tokens: Tokens, start: int) -> tuple[Token | None, int]:
    """A numeral in words: each word must be of a lower rank than the one before."""
    total, end, rank = 0, start, 1000
    while end < len(tokens) and (number := _cardinal(tokens[end])) is not None and number < rank:
        total, end = total + number, end + 1
        rank = 100 if number >= 100 else (10 if number >= 20 else 0)
    ordinal = _ordinal(tokens[end]) if end < len(tokens) else None
    if ordinal is not None and (end == start or (rank == 10 and ordinal < 10)):
        return _number(tokens[start], total + ordinal, ordinal=True, in_words=True), end + 1
    if end == start:
        return None, start + 1
    return _number(tokens[start], total, in_words=True), end


def _cardinal(token: Token) -> int | None:
    if token.kind != "word" or token.low in _NOT_NUMBERS:
        return None
    return next((CARDINALS[word] for word in token.lemmas if word in CARDINALS), None)


def _ordinal(token: Token) -> int | None:
    return next((_ORDINALS[word] for word in token.lemmas if word in _ORDINALS), None)


def _join_shorthand(tokens: Tokens) -> Tokens:
    """«Четыре двести» as 4 200, which a price takes for thousands."""
    joined = Tokens()
    for index, token in enumerate(tokens):
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.in_words
            and not before.ordinal
            and before.value is not None
            and 1 <= before.value < 100
            and before.value == int(before.value)
            and token.value is not None
            and 100 <= token.value < 1000
            and tokens.low(index + 1) not in _AREA_OR_FLOOR
        ):
            joined[-1] = _number(before, before.value * 1000 + token.value, in_words=True)
        else:
            joined.append(token)
    return joined


def _add_halves(tokens: Tokens) -> Tokens:
    """«Три с половиной миллиона» and «три миллиона с половиной» as 3.5 and its unit."""
    added = Tokens()
    for index, token in enumerate(tokens):
        if _is_half(tokens, index) or _is_half(tokens, index - 1):
            continue
        added.append(token)
        after = index + 1
        if after < len(tokens) and tokens[after].kind == "word" and not _is_half(tokens, after):
            after += 1
        if token.value is not None and not token.ordinal and _is_half(tokens, after):
            token.value += 0.5
    return added


def _is_half(tokens: Tokens, index: int) -> bool:
    return index >= 0 and tokens.low(index) == "с" and tokens.has_lemma(index + 1, _HALF)


def _number(token: Token, value: float, *, ordinal: bool = False, in_words: bool = False) -> Token:
    return Token(
        "number", token.text, token.low, token.gap, float(value), ordinal, in_words=in_words
    )
