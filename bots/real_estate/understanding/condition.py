"""Renovation, market, and what the house is built of."""

from __future__ import annotations

from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.phrases import Phrases, phrases, words
from bots.real_estate.understanding.refusals import is_refused_after
from bots.real_estate.understanding.tokens import Tokens

_UNIMPORTANT = phrases(
    """ремонт ~ не важен|важный|важно, ремонт неважен|неважно|любой, любой ремонт, ремонт не принципиален|принципиальный,
    ремонт без разница, чистовой не нужен|нужный, евроремонт не нужен|нужный, отделка не нужен, ремонт не нужен|нужный, отделка не важен|важный, отделка не нужен|нужный, не важен ремонт, ремонт все равно,
    без разница ~ ремонт, ремонт не обязателен|обязательный, чистовой не обязательно, неважно ~ ремонт|отделка, отделка любой, ремонт не интересует"""
)
_RENOVATIONS: tuple[tuple[str, Phrases], ...] = (
    ("дизайнерский", phrases("дизайн*, авторский ремонт|дизайн|проект, эксклюзивный ремонт, диз ремонт, ремонт дизайн*")),
    ("без ремонта", phrases(
        """без ~ ремонт|отделка, без чистовой, бабушкин*, бабкин*, бабушатник, убит*, убитк*, под ~ ремонт, под капремонт, под чистовую, под чистовой, в черновой, чернов*, предчист*,
        требовать|требоваться ~ ремонт|капремонт|вложение, просить ремонт, нуждаться ~ ремонт, ремонт|ремонта нет, ремонта ~ не быть, ремонта не было,
        ремонт не делали|делался|делал, ремонт отсутствовать, отсутствие ремонт, ремонт старый|советский|древний|совковый|никакой|плохой|так, ремонт время|времен, старый|советский|древний|плохой|никакой|совковый ремонт,
        ремонт # год|лет ~ давность|назад, ремонту|ремонт ~ # лет, ремонт ~ девяностый, ремонт ~ восьмидесятых, ремонт с советский, в бетон, голый стена|бетон, white box, whitebox, вайтбокс, вайт бокс, вайт - бокс, white - box, уайтбокс, уайт бокс, бетонный стена,
        совдеп*, совок, строительный отделка|вариант, ремонт ~ с нуль, под себя ремонт, нужен|необходим ~ ремонт|капремонт, ремонт ~ требоваться|необходим, ремонт нужен,
        нежилой состояние, состояние бабушкин*, требует капремонта, сделать ремонт, делать ремонт, плохой состояние, ушатан*, раздолбан*, ремонт ~ советский"""
    )),
    ("евро", phrases("евроремонт*, евро ремонт|отделка, евро - ремонт|отделка, евроотделк*, ремонт евро, европейский ремонт, под евро, еврик, ремонт ~ евро, евроремонт")),
    ("косметический", phrases("косметич*, космет, косметик*, косметос, легкий ремонт, ремонт ~ косметич*, подкрасить")),
    ("с ремонтом", phrases(
        """с|со ~ ремонтом|отделкой|ремонт|отделка, с чистовой, хороший|свежий|новый|чистый|качественный|отличный|капитальный|нормальный|готовый|современный|приличный|обычный|простой|полный|достойный|шикарный|дорогой|классный|крутой|жилой|аккуратный ~ ремонт|отделка,
        ремонт ~ хороший|свежий|новый|чистый|качественный|отличный|капитальный|нормальный|готовый|современный|приличный|есть|сделать|сделан|обязателен|обязательный|обязательно|недавний|желательно|простой|обычный|шикарный|огонь,
        чистовой, чистовая, чистовую, отделка, отделкой, отремонтировать, отремонтированный, под ключ, после ~ ремонт, сделать|сделан|сделали|делали|сделал ~ ремонт|капремонт, капремонт, капитальный ремонт, недавно ремонт, ремонтом, заезжать и жить, заезжай и живи, с ремонт, ремонт был в, есть ремонт, желателен ремонт, в хорошем состоянии, хороший состояние, отличный состояние, ухоженный, заходи и живи"""
    )),
)  # fmt: skip
_NEGATED_BEFORE = words("не ни кроме")
_MARKETS = (
    ("новостройка", phrases("новостройк*, первичка, первичный, от застройщика, строящийся, новый дом, новом доме, новый жк, сданный жк")),
    ("вторичка", phrases("вторичк*, вторичный, вторичн*")),
)  # fmt: skip
HOUSE_TYPES: tuple[tuple[str, Phrases], ...] = (
    ("монолит", phrases("монолит*, монолитно - кирпичн*")),
    ("кирпич", phrases("кирпич*")),
    ("панель", phrases("панел*, блочн*, блочка")),
)


def read_renovation(tokens: Tokens) -> list[Mention]:
    """The renovations named; what is unimportant or refused fills nothing."""
    for start, end in list(_UNIMPORTANT.find(tokens)):
        tokens.use(start, end)
    found = []
    for name, patterns in _RENOVATIONS:
        for start, end in list(patterns.find(tokens)):
            if tokens.low(start) == "евро" and _is_euro_flat(tokens, end):
                continue
            refused = tokens.low(start - 1) in _NEGATED_BEFORE or is_refused_after(tokens, end)
            first, last = _with_the_noun(tokens, start, end)
            tokens.use(first, last)
            found.append(Mention("renovation", {"renovation": name}, first, last, refused))
        if name == "евро":
            found += _plain_euro(tokens)
    return found or _plain_renovation(tokens)


def _plain_renovation(tokens: Tokens) -> list[Mention]:
    """«Ремонт желателен», «чтобы ремонт был»: any renovation, unless it is denied."""
    for at, token in enumerate(tokens):
        if token.used or _NOUNS.isdisjoint(token.lemmas):
            continue
        clause = range(tokens.clause_start(at), tokens.clause_end(at))
        if any(tokens.low(index) in _DENIALS for index in clause):
            continue
        tokens.use(at, at + 1)
        return [Mention("renovation", {"renovation": "с ремонтом"}, at, at + 1)]
    return []


_DENIALS = words("не нет без сам сама сами сделаю сделаем любой на дом дома")


def _with_the_noun(tokens: Tokens, start: int, end: int) -> tuple[int, int]:
    """The span with «с» before and «ремонтом» after: another reading must not take them."""
    if tokens.low(start - 1) in ("с", "со", "в"):
        start -= 1
    while end < len(tokens) and not _NOUNS.isdisjoint(tokens[end].lemmas):
        end += 1
    return start, end


_NOUNS = words("ремонт отделка")


def _plain_euro(tokens: Tokens) -> list[Mention]:
    """«7 этаж, евро» is a renovation, «евро-2» a flat."""
    found = []
    for at, token in enumerate(tokens):
        if token.low == "евро" and not token.used and not _is_euro_flat(tokens, at + 1):
            tokens.use(at, at + 1)
            found.append(Mention("renovation", {"renovation": "евро"}, at, at + 1))
    return found


def _is_euro_flat(tokens: Tokens, after: int) -> bool:
    at = after + 1 if tokens.low(after) == "-" else after
    return (at < len(tokens) and tokens[at].value is not None) or tokens.low(at).startswith(
        ("двуш", "треш", "однуш", "комн", "двух", "трех", "формат", "план", "четыр", "студ")
    )


def read_market(tokens: Tokens) -> list[Mention]:
    found = []
    for name, patterns in _MARKETS:
        for start, end in list(patterns.find(tokens)):
            refused = tokens.low(start - 1) in _NEGATED_BEFORE
            tokens.use(start, end)
            found.append(Mention("market", {"market": name}, start, end, refused))
    return found


def read_house_type(tokens: Tokens) -> list[Mention]:
    found = []
    for name, patterns in HOUSE_TYPES:
        for start, end in list(patterns.find(tokens)):
            refused = tokens.low(start - 1) in _NEGATED_BEFORE
            tokens.use(start, end)
            found.append(Mention("house_type", {"house_type": name}, start, end, refused))
    return found
