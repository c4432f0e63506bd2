"""The way to the metro, and the wishes that no filter can serve."""

from __future__ import annotations

from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.tokens import Tokens

NEAR_METRO_MINUTES = 15
_MINUTES = words("минута мин")
_METRO = words("метро станция мцд мцк")
ON_FOOT = words("пешком ногами ходьба пешочком шаг шаговый")
_NEAR = phrases(
    """рядом с|от? метро, у метро, возле метро, около метро, близко к|от метро, недалеко от метро, поближе к метро,
    ближе к метро, шаговый доступность ~ метро, метро рядом, метро ~ пешком, метро в шаговый, не далеко от метро, близ метро"""
)
_WISHES: tuple[tuple[str, frozenset[str]], ...] = (
    ("балкон", words("балкон лоджия терраса")),
    ("паркинг", words("паркинг парковка машиноместо гараж")),
    ("вид из окон", words("вид видовой видовая")),
    ("лифт", words("лифт")),
    ("мебель", words("мебель меблированный")),
    ("двор", words("двор дворик")),
    ("школа и сад рядом", words("школа садик детсад")),
    ("парк рядом", words("парк лес сквер")),
    ("кухня", words("кухня")),
    ("потолки", words("потолок")),
    ("санузел", words("санузел туалет ванная")),
    ("год дома", words("хрущевка сталинка брежневка старый-фонд")),
    ("тишина", words("тихий тихо тишина")),
    ("планировка", words("планировка изолированный смежный двухуровневый")),
    ("торг", words("торг")),
)  # fmt: skip


def read_metro_minutes(tokens: Tokens) -> list[Mention]:
    """«10 минут пешком до метро», «рядом с метро»; minutes to elsewhere say nothing."""
    found = []
    for at in range(len(tokens)):
        if tokens[at].used or not tokens.has_lemma(at, _MINUTES) or not tokens.is_number(at - 1):
            continue
        if _leads_to_metro(tokens, at):
            minutes = int(tokens[at - 1].value or 0)
            found.append(Mention("metro_minutes", {"metro_minutes": minutes}, at - 1, at + 1))
            tokens.use(at - 1, at + 1)
    if not found:
        for start, end in list(_NEAR.find(tokens)):
            tokens.use(start, end)
            values = {"metro_minutes": NEAR_METRO_MINUTES}
            found.append(Mention("metro_minutes", values, start, end))
    return found


def _leads_to_metro(tokens: Tokens, at: int) -> bool:
    target = tokens.low(at + 1) in ("до", "от")
    if target:
        return tokens.has_lemma(at + 2, _METRO) or tokens[min(at + 2, len(tokens) - 1)].used
    near = range(max(0, at - 6), min(len(tokens), at + 6))
    if any(tokens.has_lemma(index, _METRO) for index in near):
        return True
    on_foot = any(tokens.has_lemma(index, ON_FOOT) for index in range(at, min(len(tokens), at + 3)))
    to_metro = any(tokens.low(index) == "до" for index in range(at, min(len(tokens), at + 4)))
    return on_foot and not to_metro


def read_ignored(tokens: Tokens) -> tuple[str, ...]:
    """What was wished for and can't be looked for, as users call it."""
    rooms = any(tokens.low(at) == "комнату" and tokens.is_word(at) for at in range(len(tokens)))
    named = ["комнаты"] if rooms else []
    named += [
        name
        for name, lemmas in _WISHES
        if any(not lemmas.isdisjoint(token.lemmas) for token in tokens if not token.used)
    ]
    return tuple(named)


def read_wishes(tokens: Tokens) -> tuple[str, ...]:
    """The same in a message that says nothing else: «есть с балконом?», no question on kitchens."""
    wishing = any(token.low in _WISHING for token in tokens)
    asking = any(not _ASKING.isdisjoint(token.lemmas) for token in tokens)
    return read_ignored(tokens) if wishing and not asking else ()


_WISHING = words("с со есть нужен нужна нужно нужны хочу хочется чтобы чтоб только обязательно")
_ASKING = words("как что какой почему зачем сколько где когда чем куда кто стоить можно")
