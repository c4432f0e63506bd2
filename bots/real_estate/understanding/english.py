"""Plain English requests, word by word in Russian: «2-bedroom flat in Moscow under 15 million»."""

from __future__ import annotations

from bots.real_estate.understanding.gazetteer import Gazetteer
from bots.real_estate.understanding.morphology import lemmas
from bots.real_estate.understanding.spelling import is_one_edit_away
from bots.real_estate.understanding.tokens import Token, Tokens

_TRAINS = ("metro", "subway", "underground", "train")
_WORDS: dict[str, str] = {
    **dict.fromkeys("minute minutes min mins".split(), "минут"),
    **dict.fromkeys("work office job".split(), "работа"),
    **dict.fromkeys("hour hours".split(), "час"),
    **dict.fromkeys("flat apartment apartments flats condo property home".split(), "квартира"),
    **dict.fromkeys("bedroom bedrooms bed beds bdr br".split(), "спальня"),
    **dict.fromkeys("room rooms roomed".split(), "комната"),
    **dict.fromkeys("studio studios".split(), "студия"),
    **dict.fromkeys("million millions mln mil m".split(), "млн"),
    **dict.fromkeys("rub roubles rubles rur".split(), "рублей"),
    **dict.fromkeys("sqm sq".split(), "м2"),
    **dict.fromkeys("metro subway underground station".split(), "метро"),
    **dict.fromkeys("under below upto max maximum within cheaper".split(), "до"),
    **dict.fromkeys("from over above minimum least".split(), "от"),
    **dict.fromkeys("around about approximately".split(), "около"),
    **dict.fromkeys("buy buying purchase".split(), "купить"),
    **dict.fromkeys("find looking search need want seeking show".split(), "ищу"),
    **dict.fromkeys("rent rental lease".split(), "аренда"),
    **dict.fromkeys("worth cost value price".split(), "стоит"),
    **dict.fromkeys("renovated renovation".split(), "ремонт"),
    **dict.fromkeys("house cottage villa".split(), "коттедж"),
    "estimate": "оцени", "how": "сколько", "much": "", "in": "в", "at": "у", "near": "у", "by": "у", "to": "до",
    "floor": "этаж", "district": "район", "not": "не", "first": "первый", "last": "последний", "budget": "бюджет",
    "garage": "гараж", "mortgage": "ипотека", "or": "или", "and": "и", "one": "один", "two": "два",
    "three": "три", "four": "четыре", "five": "пять", "six": "шесть", "seven": "семь", "eight": "восемь",
    "nine": "девять", "ten": "десять", "fifteen": "пятнадцать", "twenty": "двадцать",
    "moscow": "москва", "petersburg": "петербург", "saint": "", "st": "", "spb": "спб", "a": "", "the": "", "is": "", "of": "",
    "meters": "метров", "metres": "метров", "square": "", "for": "за",
}  # fmt: skip
_LETTERS = (
    ("shch", "щ"), ("zh", "ж"), ("kh", "х"), ("ts", "ц"), ("ch", "ч"), ("sh", "ш"), ("yu", "ю"), ("ya", "я"), ("yo", "е"),
    ("ye", "е"), ("a", "а"), ("b", "б"), ("v", "в"), ("g", "г"), ("d", "д"), ("e", "е"), ("z", "з"), ("i", "и"), ("j", "й"),
    ("y", "й"), ("k", "к"), ("l", "л"), ("m", "м"), ("n", "н"), ("o", "о"), ("p", "п"), ("r", "р"), ("s", "с"), ("t", "т"),
    ("u", "у"), ("f", "ф"), ("h", "х"), ("c", "к"), ("w", "в"), ("x", "кс"), ("q", "к"),
)  # fmt: skip


def is_english(tokens: Tokens) -> bool:
    """Whether most words of a message are in Latin letters."""
    words = [token.low for token in tokens if token.kind == "word"]
    return len(words) > 1 and 2 * sum(word.isascii() for word in words) > len(words)


def is_request_word(word: str) -> bool:
    """Whether an English word in lower case is one that requests are made of."""
    return word in _WORDS


def in_russian(tokens: Tokens, gazetteer: Gazetteer) -> Tokens:
    """The tokens with the words that requests are made of put into Russian."""
    translated = Tokens()
    for index, token in enumerate(tokens):
        word = token.low
        if word == "to" and {tokens.kind(index - 1), tokens.kind(index + 1)} == {"number"}:
            translated.append(Token("mark", "-", "-", gap=False))
            continue
        if word == "by" and tokens.low(index + 1) in _TRAINS:
            word = "на"
        elif token.kind == "word" and word.isascii():
            word = _WORDS[word] if word in _WORDS else _name(word, gazetteer)
            if not word:
                continue
        translated.append(
            token
            if word == token.low
            else Token("word", word, word, token.gap, lemmas=lemmas(word))
        )
    return translated


def _name(word: str, gazetteer: Gazetteer) -> str:
    """A place's name in Cyrillic letters: Kazan is Казань."""
    spelt = word
    for latin, cyrillic in _LETTERS:
        spelt = spelt.replace(latin, cyrillic)
    endings = ("", "ь", "ий", "ая")
    for form in (spelt, spelt.removesuffix("й") + "й", *(spelt + ending for ending in endings)):
        if form in gazetteer.words:
            return form
    mended = gazetteer.mend(spelt)
    return mended if mended and is_one_edit_away(mended, spelt) else word
