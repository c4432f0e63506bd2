"""What only a talk gives sense to: «а подешевле?», «сравни первые три», «покажи ещё», «что со второй?»."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bots.real_estate.understanding.phrases import Phrases, phrases, words
from bots.real_estate.understanding.tokens import Tokens

Shift = Literal["cheaper", "dearer", "larger", "smaller"]
Order = Literal["price", "price_per_metre", "discount"]
MAX_COMPARED = 4
_SHIFTS: tuple[tuple[Shift, frozenset[str]], ...] = (
    ("cheaper", words("подешевле дешевле дешевше бюджетнее недорогие")),
    ("dearer", words("подороже дороже")),
    ("larger", words("побольше попросторнее просторнее")),
    ("smaller", words("поменьше покомпактнее компактнее")),
)
_SIMILAR = words("похожий аналогичный подобный")
_COMPARE = words("сравнить сравни сравните сравнивать")
_FIRST_PLURAL = ("первые", "первых", "верхние")
_WINDOW = 6
_MORE = phrases(
    "покажи|покажите|давай|есть|а? еще, еще вариант, еще квартира, следующий, дальше, листай, продолжай"
)
_MAX_SHORT = 4  # words of «а есть ещё что-нибудь?»; longer ones say something else
_CARD = phrases(
    """покажи*, открой*, открыть, показать, расскажи*, подробнее, подробно, про, что с|со|насчет, нормальный, нормально, выгодно, выгодный,
    интересный, понравиться, нравиться, стоить, карточка, фото, как тебе, адрес, где"""
)
_STAR = phrases("избранное, в избранный, запомни, отложи, сохрани")
_WATCH = phrases(
    """сохрани|запомни|сохранить этот|мой? поиск|запрос, сообщай, сообщи ~ новый|появиться, следи|следить, уведомляй|уведоми|уведомлять,
    присылай|пришли новый|новые, подпиши*, подписаться, напиши|пиши когда|если появиться|подешевеет|подешеветь, дай знать, алерт, оповещай|оповести"""
)
_MARKET = phrases("""рынок, динамика, средний цена, медиана, как меняться|изменились|растут цена""")
_ON_MAP = phrases("на карте, карту, где они, где это находится")
_ORDERS: tuple[tuple[Order, Phrases], ...] = (
    ("price_per_metre", phrases("по цене|стоимости ~ метр|метра|метру, дешевый метр")),
    (
        "discount",
        phrases(
            "по выгоде, самый|сначала|какие|какой ~ выгодный|выгодные|выгодная, выгодные сначала, сначала выгодно"
        ),
    ),
    ("price", phrases("по цене, самый|сначала дешевый, отсортируй|сортируй по возрастанию")),
)
_MAX_PICKED = 50
_MAX_WORDS = 7


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A wish about what was just shown.

    `compared` are places in the list, from 1; so is `picked`, 0 for none, and `starred` asks to
    put it into the favourites. `more` asks for the next page, `watched` to be told of new flats,
    `market` what a metre costs, `on_map` where the flats are, `order` names another order.
    """

    shift: Shift | None = None
    similar: bool = False
    compared: tuple[int, ...] = ()
    picked: int = 0
    starred: bool = False
    more: bool = False
    watched: bool = False
    market: bool = False
    on_map: bool = False
    order: Order | None = None


NO_FOLLOW_UP = FollowUp()


def read_follow_up(tokens: Tokens) -> FollowUp:
    compared = _compared(tokens)
    if compared:
        return FollowUp(compared=compared)
    similar = any(not _SIMILAR.isdisjoint(token.lemmas) for token in tokens)
    counted = any(token.value is not None for token in tokens)
    shift = next(
        (name for name, forms in _SHIFTS if any(token.low in forms for token in tokens)), None
    )
    picked = _picked(tokens)
    return FollowUp(
        None if counted else shift,
        similar,
        picked=picked,
        starred=bool(picked) and _STAR.within(tokens),
        more=not counted and _asks_for_more(tokens),
        watched=not picked and _WATCH.within(tokens),
        on_map=_ON_MAP.within(tokens),
        order=None if counted else _order(tokens),
        market=_MARKET.within(tokens) or asks_price_of_a_metre(tokens),
    )


def asks_price_of_a_metre(tokens: Tokens) -> bool:
    return _METRE.within(tokens)


_METRE = phrases(
    "сколько|почем|чем сейчас|щас|нынче? стоить? сейчас|щас? метр|квадрат, цена|стоимость квадратный? метр|квадрат"
)


def _asks_for_more(tokens: Tokens) -> bool:
    count = _count_words(tokens)
    alone = count == 1 and any(token.low == "еще" for token in tokens)
    return alone or (count <= _MAX_SHORT and _MORE.within(tokens))


def _picked(tokens: Tokens) -> int:
    """The place in the list that is spoken of: «вторая нормально стоит?», «покажи 3»."""
    numbers = [
        at
        for at, token in enumerate(tokens)
        if token.value is not None and 1 <= token.value <= _MAX_PICKED and not token.used
    ]
    if len(numbers) != 1 or _count_words(tokens) > _MAX_WORDS:
        return 0
    if not (_CARD.within(tokens) or _STAR.within(tokens)):
        return 0
    return int(tokens[numbers[0]].value or 0)


def _order(tokens: Tokens) -> Order | None:
    """«Сначала выгодные», «отсортируй по цене метра»."""
    if _count_words(tokens) > _MAX_WORDS:
        return None
    return next((name for name, wishes in _ORDERS if wishes.within(tokens)), None)


def _count_words(tokens: Tokens) -> int:
    return sum(token.kind == "word" for token in tokens)


def _compared(tokens: Tokens) -> tuple[int, ...]:
    """The places named after «сравни»: «первые три», «первую и третью», «1 и 3»."""
    at = next(
        (index for index, token in enumerate(tokens) if not _COMPARE.isdisjoint(token.lemmas)), None
    )
    if at is None:
        return ()
    after = range(at + 1, min(len(tokens), at + 1 + _WINDOW))
    numbers = [int(tokens[index].value or 0) for index in after if tokens[index].value is not None]
    if any(tokens.low(index) in _FIRST_PLURAL for index in after):
        count = numbers[-1] if len(numbers) > 1 or tokens.low(at + 1) == "верхние" else 3
        return tuple(range(1, min(max(count, 2), MAX_COMPARED) + 1))
    places = sorted({number for number in numbers if 1 <= number <= 99})
    return tuple(places[:MAX_COMPARED]) if len(places) > 1 else ()
