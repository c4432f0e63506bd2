"""Take phones, mails, nicks and links out of the texts of listings.

Telephones are found among the numbers of a text, whether written in digits, in words or with
letters that look like digits, and told from prices and areas by how the digits are grouped.
Everything else has a mark of its own («@», a domain, a messenger's name). What the rules can't
tell from an ordinary number stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

PHONE_REMOVED = "[телефон убран]"
CONTACT_REMOVED = "[контакт убран]"

_DOMAINS = "ru|рф|ру|com|ком|net|org|su|me|ме|info|by|ua|kz|io|pro|biz|site|online|link|cc|gg|ee|li"
_LINK = re.compile(
    rf"""
    https?://[^\s,;]{{1,500}}
    | (?<![\w.]) www\.[^\s,;]{{1,500}}
    | (?<![\w.@-]) (?:[\w-]{{1,63}}\.){{1,4}} (?:{_DOMAINS}) (?![\w-]|\.\w) (?:[/?][^\s,;]{{0,500}})?
    # t.me, wa.me and vk.com taken apart: «t . me / nick», «вк точка ком слэш nick»
    | (?<!\w) (?:t|т|wa|ва|vk|вк) \s? (?:\.|точка|dot) \s? (?:me|ме|com|ком|ru|ру) (?!\w)
      (?:\s?(?:/|сл[эе]ш|slash)\s?[\w.]{{1,64}})?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MAIL = re.compile(
    rf"""
    [\w.+-]{{1,64}} [ ]?
    (?: @ | [(\[{{] [ ]? (?:at|собака|эт|dog|@) [ ]? [)\]}}] | [ ] (?:собака|собачка|at|эт) [ ] )
    [ ]? [\w-]{{1,63}} (?:[ ]?(?:\.|[(\[](?:dot|точка)[)\]]|[ ](?:точка|dot)[ ])[ ]?[\w-]{{1,63}}){{0,2}}
    [ ]? (?:\. | [(\[] (?:dot|точка|\.) [)\]] | (?<=[ ])(?:точка|dot)(?=[ ])) [ ]? (?:{_DOMAINS}) (?!\w)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NICK = re.compile(r"(?<![\w.])@[ ]?[A-Za-z0-9_][\w.]{2,63}")
# Words that a nick in Latin letters follows.
_MESSENGERS = (
    "телеграм[а-я]*", "телега", "телеге", "telegram", "тг", "tg", "инстаграм[а-я]*", "инст[аеу]",
    "instagram", "insta", "inst", "ватсап[а-я]*", "вотсап[а-я]*", "вацап[а-я]*", "whatsapp",
    "вайбер[а-я]*", "viber", "скайп[а-я]*", "skype", "вконтакте", "вк", "vk", "signal", "сигнал",
    "facebook", "фейсбук[а-я]*", "discord", "дискорд[а-я]*", "max", "макс", "ник", "nick", "логин",
)  # fmt: skip
_MESSENGER = re.compile(
    rf"(?<!\w)(?:{'|'.join(_MESSENGERS)})(?:[ ]ник[а-я]*)?[ ]?[:=(—–-]?[ ]?(?-i:[A-Za-z][\w.]{{3,63}})(?!\w)",
    re.IGNORECASE,
)


def remove_contacts(text: str) -> str:
    """The text with a note in place of each contact."""
    if not _may_hold_contacts(text):
        return text
    for pattern in (_MAIL, _LINK, _NICK, _MESSENGER):
        text = pattern.sub(CONTACT_REMOVED, text)
    return _remove_phones(text)


@lru_cache(maxsize=8192)  # streets and districts repeat from row to row
def without_contacts(text: str) -> str | None:
    """A short field, such as a street, with its contacts cut out; None when nothing is left."""
    cleaned = remove_contacts(text)
    if cleaned == text:
        return text or None
    for note in (PHONE_REMOVED, CONTACT_REMOVED):
        cleaned = cleaned.replace(note, "")
    cleaned = _CALL.sub("", " ".join(cleaned.split())).strip(" ,;:.-–—()")
    return cleaned or None


def _may_hold_contacts(text: str) -> bool:
    """Whether there are digits, Latin letters, «@», or a long run of numerals."""
    return bool(re.search(r"[0-9@A-Za-z]", text)) or len(text) > 20


# ---- telephones

_WORDS = {
    "ноль": "0", "нуль": "0", "один": "1", "одна": "1", "два": "2", "две": "2", "три": "3",
    "четыре": "4", "пять": "5", "шесть": "6", "семь": "7", "восемь": "8", "девять": "9",
    "десять": "10", "одиннадцать": "11", "двенадцать": "12", "тринадцать": "13",
    "четырнадцать": "14", "пятнадцать": "15", "шестнадцать": "16", "семнадцать": "17",
    "восемнадцать": "18", "девятнадцать": "19", "двадцать": "20", "тридцать": "30",
    "сорок": "40", "пятьдесят": "50", "шестьдесят": "60", "семьдесят": "70",
    "восемьдесят": "80", "девяносто": "90", "сто": "100", "двести": "200", "триста": "300",
    "четыреста": "400", "пятьсот": "500", "шестьсот": "600", "семьсот": "700",
    "восемьсот": "800", "девятьсот": "900",
}  # fmt: skip
_LOOKALIKES = str.maketrans("оОoOзЗlI|бБ", "00003311166")
_PIECE = re.compile(r"[0-9]+|[^\W\d_]+|\|")
_SEPARATOR = re.compile(r"[\s\-‐-―−.()\[\]/_*~+:]{0,4}")
_CURRENCY = re.compile(r"\s{0,3}(?:₽|руб|р\.|р\b|млн|тыс|кв|м2|м²)", re.IGNORECASE)
_CALL = re.compile(
    r"(?<!\w)(?:тел(?:ефон[а-я]*)?|т|моб(?:ильн[а-я]+)?|звон(?:ите|ить|и|ок)|номер|whatsapp|ватсап|"
    r"вотсап|вацап|viber|вайбер|сот(?:овый)?|пиш(?:ите|и))"
    r"[.:,]?(?:[ ](?:по|на|номеру?|тел(?:ефону)?))?[ .:—–-]{0,3}$",
    re.IGNORECASE,
)
# How the ten digits after +7 or 8 may be grouped: a code of three, four or five, then the rest.
_GROUPINGS = frozenset(
    code + rest
    for codes, rests in (
        ((3,), ((7,), (3, 4), (3, 2, 2), (2, 2, 3), (2, 3, 2), (4, 3), (1, 2, 2, 2), (5, 2), (2, 5), (3, 3, 1), (1, 3, 3))),
        ((4,), ((6,), (2, 2, 2), (3, 3), (2, 4), (4, 2))),
        ((5,), ((5,), (1, 2, 2), (2, 3), (3, 2), (1, 4))),
    )
    for code in [codes]
    for rest in rests
) | {(10,), (3, 3, 4), (6, 4), (6, 2, 2)}  # fmt: skip
_LOCAL_SHAPES = ((3, 2, 2), (2, 2, 2), (7,), (6,), (3, 4), (3, 3))


@dataclass(frozen=True, slots=True)
class _Number:
    """A run of digits as it stands in the text, and what separates it from the one before."""

    digits: str
    start: int
    end: int
    gap: str


def _remove_phones(text: str) -> str:
    parts, kept = [], 0
    for start, end in _phones(text):
        parts += [text[kept:start], PHONE_REMOVED]
        kept = end
    return "".join([*parts, text[kept:]]) if parts else text


def _phones(text: str) -> Iterator[tuple[int, int]]:
    """Where the telephones stand, one after another."""
    for numbers in _runs(text):
        at = 0
        while at < len(numbers):
            last = _phone_from(text, numbers, at)
            if last is None:
                at += 1
                continue
            start = numbers[at].start
            while start and text[start - 1] in "+(":
                start -= 1
            yield start, numbers[last].end
            at = last + 1


def _runs(text: str) -> Iterator[list[_Number]]:
    """Numbers that nothing but separators stands between."""
    run: list[_Number] = []
    for number in _numbers(text):
        gap = text[run[-1].end : number.start] if run else ""
        if run and not _SEPARATOR.fullmatch(gap):
            yield run
            run = []
        run.append(_Number(number.digits, number.start, number.end, gap if run else ""))
    if run:
        yield run


def _numbers(text: str) -> Iterator[_Number]:
    """Digits, digits with letters that look alike, and numerals, joined where they are one."""
    current: _Number | None = None
    for piece in _PIECE.finditer(text):
        digits = _digits_of(piece[0])
        if digits is None:
            continue
        spoken = _WORDS.get(piece[0].casefold()) is not None
        if current and (joined := _join(text, current, digits, piece, spoken)):
            current = joined
            continue
        if current:
            yield current
        current = _Number(digits, piece.start(), piece.end(), "w" if spoken else "")
    if current:
        yield current


def _digits_of(piece: str) -> str | None:
    if piece.isdigit():
        return piece if piece.isascii() else None
    if spoken := _WORDS.get(piece.casefold()):
        return spoken
    digits = piece.translate(_LOOKALIKES)
    return digits if digits.isascii() and digits.isdigit() else None


def _join(
    text: str, left: _Number, digits: str, piece: re.Match[str], spoken: bool
) -> _Number | None:
    """«9» and «l6» are one number, so are «девятьсот» and «шестнадцать»."""
    between = text[left.end : piece.start()]
    if not between and not spoken and left.gap != "w":
        return _Number(left.digits + digits, left.start, piece.end(), "")
    if spoken and left.gap == "w" and between in (" ", "-", "\u00a0") and digits[0] != "0":
        zeros = len(left.digits) - len(left.digits.rstrip("0"))
        if 0 < len(digits) <= zeros:
            whole = left.digits[: -len(digits)] + digits
            return _Number(whole, left.start, piece.end(), "w")
    return None


def _phone_from(text: str, numbers: list[_Number], at: int) -> int | None:
    """The last number of a telephone that begins with the number `at`."""
    digits, sizes = "", []
    found = None
    before = text[max(0, numbers[at].start - 30) : numbers[at].start]
    called, plus = bool(_CALL.search(before)), before.endswith(("+", "+(", "+ "))
    for last in range(at, min(len(numbers), at + 15)):
        if last > at and not _separates(numbers[last].gap):
            break
        digits += numbers[last].digits
        sizes.append(len(numbers[last].digits))
        if len(digits) > 15:
            break
        if _is_phone(digits, sizes, numbers[at : last + 1], called=called, plus=plus) and not (
            _is_price(text, numbers[at : last + 1], digits, sizes, called or plus)
        ):
            found = last
    return found


def _separates(gap: str) -> bool:
    """A date's or a cadastral number's colon doesn't; a sum's comma has broken the run before."""
    return ":" not in gap and "\n\n" not in gap


def _is_phone(
    digits: str, sizes: list[int], numbers: list[_Number], *, called: bool, plus: bool
) -> bool:
    if plus and 10 <= len(digits) <= 15:
        return True
    if len(digits) == 11 and digits[0] in "78" and digits[1] in "3489":
        rest = (sizes[0] - 1, *sizes[1:]) if sizes[0] > 1 else tuple(sizes[1:])
        return rest in _GROUPINGS or _is_spelt_out(sizes, numbers)
    if len(digits) == 10 and digits[0] in "3489":
        return tuple(sizes) in _GROUPINGS or (called and _is_spelt_out(sizes, numbers))
    if len(digits) in (6, 7):
        dashed = tuple(sizes) == (3, 2, 2) and all(n.gap.strip() for n in numbers[1:])
        return dashed or (called and tuple(sizes) in _LOCAL_SHAPES)
    return False


def _is_spelt_out(sizes: list[int], numbers: list[_Number]) -> bool:
    """Digits one by one or in pairs, or three of them at most, all parted alike."""
    gaps = {number.gap.strip() or " " for number in numbers[1:]}
    return max(sizes) <= 3 and len(sizes) >= 5 and len(gaps) == 1 and "/" not in gaps and not (
        sizes.count(3) > 2
    )  # fmt: skip


def _is_price(
    text: str, numbers: list[_Number], digits: str, sizes: list[int], marked: bool
) -> bool:
    """«8 950 000 54 38» is a price and two areas; so is what a currency follows."""
    if marked or any(number.gap.strip() for number in numbers[1:]):
        return False
    if len(sizes) > 1 and _CURRENCY.match(text, numbers[-1].end):
        return True
    thousands = sizes[0] <= 3 and any(number.digits == "000" for number in numbers[1:3])
    return thousands and not digits.endswith("0000")
