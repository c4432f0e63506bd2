"""Money and areas in a message: a number, its unit, its bound, and what it is said of.

A quantity is read from its parts: the number, the unit on either side, the words of a bound
(«не дороже»), and the nearest word that tells what the sum is for («взнос», «сосед продал»).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from bots.real_estate.request import Range
from bots.real_estate.understanding.phrases import Phrases, phrases, words
from bots.real_estate.understanding.tokens import Tokens
from bots.real_estate.understanding.units import (
    MILLION,
    THOUSAND,
    Amount,
    Unit,
    iter_amounts,
)

Bound = Literal["most", "least", "about", "more", "none"]


_MOST = phrases(
    """до, не дороже, не более, не больше, не выше, не превышать, максимум, макс, максимально,
    дешевле, в предел, в пределах, потолок, лимит, меньше, менее, уложиться в, укладываться в,
    предел, край, вплоть до, ниже, под, по максимуму, не свыше, самое большее, от силы, <, не дальше"""
)
_LEAST = phrases(
    """от, не дешевле, не менее, не меньше, минимум, мин, дороже, больше, более, свыше,
    начинать|начиная с|со, не ниже, выше, как минимум, хотя бы, побольше чем, >, минимально"""
)
_ABOUT = phrases(
    """около, примерно, порядка, приблизительно, ориентировочно, где-то, ~, ≈, ±, в район,
    плюс-минус, плюс минус, плюс - минус, + / -, + -, где - то, приблиз, примерно в, в округе,
    ориентир, типа, типо, в районе"""
)
_AFTER_MOST = phrases(
    """максимум, макс, и|или? меньше, и? не больше, и дешевле, потолок, предел, не выше, не более,
    край, не дороже, это? максимум, это? потолок, вверх, самое большее, не потянуть, не готов,
    не дать, не могу, не осилить, больше не могу"""
)
_AFTER_LEAST = phrases(
    "минимум, и больше, и более, и выше, +, как минимум, не меньше, или больше, и побольше, не менее"
)
_AFTER_ABOUT = phrases(
    """плюс-минус, плюс минус, плюс - минус, + / -, + -, ±, примерно, где-то, или около того,
    около того, приблизительно, плюс-минус, ориентировочно"""
)
_REFUSED_VERBS = phrases(
    "не потянуть, не дать, не готов, не мочь, не осилить, не хотеть, нет, не надо"
)
_FILLERS = words(
    "бюджет цена ценник стоимость сумма площадь метраж за в на из по общий общая это примерно у нас "
    "меня мне : - ну максимум там вот желательно чтобы чтоб сам самая уже это был было быть дом "
    "весь всего где-то деньги денег лучше пусть даже может прям и ровно чем рублей руб квартира "
    "бы хоть хотелось стоить метров метра метр квадратов миллионов лямов млн тысяч что-то то около"
)
_BETWEEN = words("- до по и или .. ... ÷ –")

_PRICE_LABELS = phrases(
    """бюджет, цена, ценник, прайс, стоимость, стоить, просить, прошу, прося, хотеть, хотеться, за, сумма,
    деньга, деньги, есть, иметь, иметься, располагать, на руки|руках, выставить, выставлять, отдавать,
    отдать, продавать, продаваться, продать, продам, уложиться, потратить, потянуть, хватить, хватать, одобрить, накопить,
    предлагать, назвать, сказать, заявить, ставить, поставить, указать, накопления, готов, вложиться, купить за, взять за"""
)
_OTHER_MONEY = phrases(
    """взнос, пв, первоначалка, первоначальный, платеж, платить, зарплата, зп, доход, получать, оклад, долг, остаток, должен,
    аренда, сдавать, сдаваться, снимать, коммуналка, квартплата, коммунальный, кадастровый, кадастр,
    сосед, соседка, соседский, знакомый, друг, подруга, коллега, брат, купил, купила, купили, куплен,
    куплена, купленный, покупал, покупала, покупали, брал, брала, брали, взял, взяла, взяли, обошлась, обошелся, досталась,
    заплатил, заплатила, заплатили, вложил, вложила, вложили, ушла, ушел, продал, продала, продали,
    продалась, продался, продана, продались, маткапитал, налог, комиссия, торг, скидка, скинуть, задаток, аванс, бронь,
    мебель, ремонт на, ремонт обойтись, переплата, страховка, кэшбек, сертификат, материнский, оценили, оценил,
    похожая, похожую, такая же, аналогичный, аналогичная, подорожать, подешеветь, раньше, была, стоила, стоил, стоили, отдал, отдала"""
)
_BUYS_TO_LET = phrases("для|под сдача, для|под аренда")
_OTHER_MONEY_AFTER = phrases(
    """в|за месяц, / мес, / месяц, мес, ежемесячно, первый взнос, первоначальный взнос, первый|первоначальный, взнос, на взнос,
    зарплата, за м, за м2, за м², за метр, за кв, за квадрат, за квадратный, / м2, / м², / м, / кв,
    на руки зарплата, платеж, долг, на ремонт, маткапитал, коммуналка, задаток, скидка, комиссия, ежемесячный"""
)
_OTHER_AREA = phrases(
    """кухня, кухонька, кухонный, жилой, жилая, потолок, балкон, лоджия, санузел, комната по, комнаты, гостиная, гостинная, спальня, зал, коридор,
    прихожая, ванная, терраса, гардеробная, кладовка, высота, детская, студия-кухня, с кухней"""
)
_AREA_LABELS = phrases("площадь, метраж, s, общий, общая")
_CONTRAST = words("а но зато")

_LABEL_WINDOW = 8
_MAX_PRICE_CUT = 1.4
MIN_AREA, MAX_AREA = 8, 1500
MIN_PRICE, MAX_PRICE = 150_000, 5_000_000_000
_SMALL_SUM = 20_000  # «полторы тыщи» for a flat are thousands of thousands


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount or a range of two, with its bound. `price`: said to be a price, or not to be."""

    start: int
    end: int
    low: float
    high: float
    unit: Unit
    bound: Bound = "none"
    labelled: bool = False

    @property
    def is_range(self) -> bool:
        return self.low != self.high

    def as_range(self, *, exact: bool, bare: Bound) -> Range:
        """The range that the words mean; `bare` is what a number without a bound means."""
        if self.is_range:
            return Range(self.low, self.high)
        if exact and self.bound in ("none", "about", "most", "least"):
            return Range.exactly(self.low)
        bound = bare if self.bound == "none" else self.bound
        if bound == "about":
            return Range.about(self.low)
        if bound == "least":
            return Range(low=self.low)
        return Range(high=self.low)


def read_quantities(tokens: Tokens) -> list[Quantity]:
    """Every quantity that is free, without those of something else than this flat."""
    amounts = list(iter_amounts(tokens))
    found: list[Quantity] = []
    position = 0
    while position < len(amounts):
        quantity, used = _quantity(tokens, amounts, position)
        position += used
        if quantity is not None:
            found.append(quantity)
    return [_as_millions(tokens, quantity, found) for quantity in found]


def _as_millions(tokens: Tokens, quantity: Quantity, others: list[Quantity]) -> Quantity:
    """«35м до 4м»: an «м» after a limit that no flat's area could be is millions."""
    if quantity.unit != "area" or quantity.is_range or tokens.low(quantity.start + 1) != "м":
        return quantity
    beside_area = any(
        other.unit == "area" and other.start < quantity.start and quantity.high < other.low / 2
        for other in others
    )
    price = any(other.unit == "money" for other in others)
    limited = quantity.bound == "most" or quantity.labelled or (beside_area and not price)
    if not limited or not (quantity.high < MIN_AREA or beside_area):
        return quantity
    value = quantity.high * MILLION
    return replace(quantity, unit="money", low=value, high=value)


def _quantity(tokens: Tokens, amounts: list[Amount], position: int) -> tuple[Quantity | None, int]:
    """The quantity that begins with this amount, and how many amounts it takes."""
    first = amounts[position]
    triple = _triple(tokens, amounts, position)
    if triple:
        return triple, 3
    used, low, high, end, unit = 1, first.value, first.value, first.end, first.unit
    if position + 1 < len(amounts) and (both := _joined(tokens, first, amounts[position + 1])):
        low, high, unit = both
        used, end = 2, amounts[position + 1].end
    if unit == "money" and high < _SMALL_SUM:
        low, high = low * THOUSAND, high * THOUSAND
    if _is_negated(tokens, first.start):
        return None, used
    quantity = Quantity(first.start, end, low, high, unit)
    before = amounts[position - 1].end if position else 0
    after = amounts[position + used].start if position + used < len(amounts) else len(tokens)
    return _with_context(tokens, quantity, first.plus, before, after), used


def _is_negated(tokens: Tokens, start: int) -> bool:
    """«Не 15, а 17», «не за 15»: what is denied is no quantity."""
    at = start - 1
    if tokens.low(at) in _BEFORE_SUMS:
        at -= 1
    return tokens.low(at) == "не"


_BEFORE_SUMS = words("за до по в на от")


def _triple(tokens: Tokens, amounts: list[Amount], position: int) -> Quantity | None:
    """«52/30/10»: the total area, the living area and the kitchen."""
    three = amounts[position : position + 3]
    if len(three) < 3 or not all(
        tokens.low(left.end) == "/" and right.start == left.end + 1
        for left, right in pairwise(three)
    ):
        return None
    total = three[0].value
    if not MIN_AREA <= total <= MAX_AREA or not total > three[1].value > three[2].value:
        return None
    return Quantity(three[0].start, three[2].end, total, total, "area")


def _joined(tokens: Tokens, left: Amount, right: Amount) -> tuple[float, float, Unit] | None:
    """The two ends of a range and their unit, when the amounts are one."""
    between = [tokens.low(index) for index in range(left.end, right.start)]
    between = [word for word in between if word not in (":",)]
    if left.plus or left.unit == "other":
        return None
    if _TOLERANCE.end_at(tokens, left.end) == right.start:
        return _within(left, right)
    if _is_maybe_more(between):
        low, high, unit = _same_unit(left, right)
        return (high, high, unit) if unit != "none" or high > low else None
    if len(between) == 2 and between[0] == "," and between[1] in ("до",):
        between = between[1:]
    if len(between) != 1 or between[0] not in _BETWEEN:
        return None
    two_prices = between == ["до"] and _are_two_prices(left, right)
    if between[0] in _SPOKEN_BETWEEN and not two_prices and not _opens_range(tokens, left.start):
        return None
    low, high, unit = _same_unit(left, right)
    if unit == "none" and right.unit == "none" and low >= high:
        return None
    if high < low < high * _MAX_PRICE_CUT and unit == "money":  # «снизили с 9 до 8,5»
        return (high, high, unit)
    return (low, high, unit) if low < high else None


def _within(left: Amount, right: Amount) -> tuple[float, float, Unit] | None:
    """«40±4 метра»: from 36 to 44."""
    middle, margin, unit = _same_unit(left, right)
    return (middle - margin, middle + margin, unit) if 0 < margin < middle / 2 else None


_TOLERANCE = phrases("±, + / -, + -, плюс - минус, плюс минус")


def _are_two_prices(left: Amount, right: Amount) -> bool:
    """«5 млн до 7 млн», «10 до 12 млн»: «до» joins prices that are near each other."""
    near = right.value / 2 <= left.value * MILLION < right.value
    return right.unit == "money" and (left.unit == "money" or (left.unit == "none" and near))


def _is_maybe_more(between: list[str]) -> bool:
    """«Миллионов десять, может одиннадцать»: the second is the limit."""
    spoken = [word for word in between if word not in (",", "-")]
    return not _MAYBE.isdisjoint(spoken) and all(word in _MAYBE_TOO for word in spoken)


_SPOKEN_BETWEEN = words("до по и или")
_OPENING = words("от с со между")
_MAYBE = words("может ну")
_MAYBE_TOO = words("может ну быть и или максимум край даже")


def _opens_range(tokens: Tokens, start: int) -> bool:
    """Whether «от», «с», «между» stand before: «до» and «и» join nothing by themselves."""
    for index in range(start - 1, max(start - 4, -1), -1):
        if tokens.low(index) in _OPENING:
            return True
        if tokens.low(index) not in _FILLERS:
            return False
    return False


def _same_unit(left: Amount, right: Amount) -> tuple[float, float, Unit]:
    """Both values in the unit of the one that has it: «8–9,5 млн»."""
    if left.unit == right.unit:
        return left.value, right.value, left.unit
    if left.unit == "none" and right.unit == "money":
        scaled = (
            left.value * MILLION
            if left.value < 1000
            else left.value * (THOUSAND if left.value < MIN_PRICE else 1)
        )
        if left.value >= 100 and right.value < MILLION:
            scaled = left.value * THOUSAND
        return scaled, right.value, "money"
    if left.unit == "none":
        return left.value, right.value, right.unit
    if right.unit == "none" and left.unit == "money" and right.value < 1000:
        return left.value, right.value * MILLION, "money"
    if right.unit == "none" and left.unit == "area":
        return left.value, right.value, "area"
    return 1.0, 0.0, "other"


def _with_context(
    tokens: Tokens, quantity: Quantity, plus: bool, before: int, after: int
) -> Quantity | None:
    """The quantity with its bound and label; None for an amount of something else."""
    start = max(before, quantity.start - _LABEL_WINDOW)
    bound_at, bound = _bound_before(tokens, start, quantity.start)
    tail, tail_bound = _bound_after(tokens, quantity.end, after)
    if bound == "least" and tail_bound == "refused":
        bound, tail_bound = "most", "none"
    if tail_bound == "refused":  # «6 млн, нет, 6,5» is a correction
        tail = quantity.end
    if plus:
        bound = "least"
    elif bound == "none" and tail_bound not in ("none", "refused"):
        bound = tail_bound  # type: ignore[assignment]
    tail = max(tail, _after_odds(tokens, quantity.end))
    label = _label(tokens, start, quantity, bound_at)
    if (
        quantity.unit in ("money", "none")
        and label != "price"
        and _is_other_money_after(tokens, quantity.end, after)
    ):
        return None
    if label == "other":
        return None
    return replace(quantity, end=max(quantity.end, tail), bound=bound, labelled=label == "price")


def _bound_before(tokens: Tokens, start: int, end: int) -> tuple[int, Bound]:
    """The bound whose words, save for fillers, stand right before `end`."""
    for index in range(start, end):
        longest, bound = _longest_bound(tokens, index, end)
        if longest > index and all(_is_filler(tokens, at) for at in range(longest, end)):
            return index, bound
    return end, "none"


def _longest_bound(tokens: Tokens, index: int, end: int) -> tuple[int, Bound]:
    """Where the longest bound that begins at `index` ends, and which it is."""
    best: tuple[int, Bound] = index, "none"
    bounds: tuple[tuple[Bound, Phrases], ...] = (
        ("about", _ABOUT),
        ("most", _MOST),
        ("least", _LEAST),
    )
    for bound, patterns in bounds:
        found = patterns.end_at(tokens, index)
        if found is not None and best[0] < found <= end:
            best = found, bound
    return best


def _is_filler(tokens: Tokens, at: int) -> bool:
    return tokens.low(at) in _FILLERS or not _FILLERS.isdisjoint(tokens[at].lemmas)


def _bound_after(tokens: Tokens, at: int, limit: int) -> tuple[int, str]:
    """The bound that follows, also after a comma: «за пять сто, не больше»."""
    for start in (at, at + 1):
        if start >= limit or (start > at and tokens.low(at) not in (",", "-")):
            return at, "none"
        if (end := _REFUSED_VERBS.end_at(tokens, start)) is not None:
            return end, "refused"
        for bound, patterns in (
            ("about", _AFTER_ABOUT),
            ("least", _AFTER_LEAST),
            ("most", _AFTER_MOST),
        ):
            end = patterns.end_at(tokens, start)
            # «14 млн, минимум 60 метров»: the bound is the next amount's.
            if end is not None and end < limit + 1 and not (end == limit and limit < len(tokens)):
                return end, bound
    return at, "none"


def _label(tokens: Tokens, start: int, quantity: Quantity, bound_at: int) -> str:
    """What the nearest word before says that the amount is of: price, other, or unknown."""
    if quantity.unit == "other":
        return "other"
    start = max(start, _told_from(tokens, quantity))
    money = quantity.unit in ("money", "none")
    other = _OTHER_AREA if quantity.unit == "area" else _OTHER_MONEY
    found = "unknown"
    for index in range(quantity.start - 1, start - 1, -1):
        if tokens.low(index) in _CONTRAST:
            break
        if _BUYS_TO_LET.within(tokens, max(0, index - 3), index + 1):
            break
        # A room that the rooms' reader has used counts rooms: «3 комнаты 63 м».
        if other.end_at(tokens, index, used=money) is not None:
            return "other"
        if quantity.unit == "none" and _OTHER_AREA.end_at(tokens, index) is not None:
            if tokens.low(index) == "потолок" and quantity.high > _MAX_CEILING:
                continue  # «потолок восемнадцать» is a limit
            return "other"
        if (
            money
            and found == "unknown"
            and _PRICE_LABELS.end_at(tokens, index, used=True) is not None
        ):
            found = "price"
            if tokens.low(index) not in ("за", "есть"):
                break
        if not money and _AREA_LABELS.end_at(tokens, index, used=True) is not None:
            return "unknown"
    return found


def _after_odds(tokens: Tokens, at: int) -> int:
    """Where «с хвостиком», «с копейками» after a sum ends: the odds count for nothing."""
    odds = tokens.low(at) == "с" and tokens.low(at + 1).startswith(_ODDS)
    return at + 2 if odds else at


_ODDS = ("хвост", "копе", "небольш", "лишн", "гаком")


def _told_from(tokens: Tokens, quantity: Quantity) -> int:
    """Where the clause begins that tells what an amount is of: «большая кухня (от 12 м)»."""
    start = tokens.clause_start(quantity.start, _LABEL_WINDOW)
    of_a_room = quantity.unit == "area" and quantity.high <= _MAX_KITCHEN
    if tokens.low(start - 1) == "(" and of_a_room:
        return tokens.clause_start(start - 1, _LABEL_WINDOW)
    return start


_MAX_KITCHEN = 25  # m²
_MAX_CEILING = 5  # metres


def _is_other_money_after(tokens: Tokens, at: int, limit: int) -> bool:
    if at >= len(tokens):
        return False
    end = min(limit, tokens.clause_end(at, 3)) if tokens.low(at) != "/" else at + 1
    return any(
        _OTHER_MONEY_AFTER.end_at(tokens, index, used=True) is not None
        for index in range(at, max(at + 1, min(end, at + 2)))
        if index < len(tokens)
    )
