"""One misspelt letter mended: dropped, added, changed or swapped with its neighbour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

from bots.real_estate.understanding.morphology import MAX_WORD, word_forms

MIN_LENGTH = 5
MIN_SOUNDED = 7  # «Екатиренбург»: a long word may have two wrong vowels
_RUN_IN = "ву"  # prepositions that hearing and haste run into the next word: «улюберцах»
_ALIKE = str.maketrans("оеэыяюё", "аииииуи", "ьъ")
_WORDS = """
квартира комната студия двушка трешка однушка четырешка евродвушка евротрешка миллион тысяча рубль
цена стоимость стоить продать продавать купить искать подобрать найти нужный однокомнатный
двухкомнатный трехкомнатный четырехкомнатный пятикомнатный ремонт евроремонт косметический
дизайнерский отделка этаж последний первый второй третий четвертый пятый шестой седьмой восьмой
девятый десятый девятиэтажка пятиэтажка максимум минимум бюджет примерно квадрат квадратный метр
площадь новостройка вторичка оценить дорого сколько ипотека аренда снять сдать район микрорайон
проспект станция метро четыре пять шесть семь восемь девять десять двенадцать пятнадцать двадцать
тридцать пятьдесят шестьдесят хрущевка однокомнатная двухкомнатная трехкомнатная адекватный
""".split()
_FORMS = """
однушку однушки однушка двушку трешку студию подберите подбери найдите ищу ищем куплю оцените оцени
почем дороговато завышена завышенная нормально миллионов лямов евротрешку евродвушку
""".split()


class Spelling:
    """Known words by what is left of them without one letter, built on first use."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = known
        self._by_part: dict[str, set[str]] = {}
        self._by_sound: dict[str, str] = {}

    def mend(self, word: str) -> str | None:
        """The known word one letter away, None when there is none or it is the word itself."""
        if not MIN_LENGTH <= len(word) <= MAX_WORD:
            return None
        if not self._by_part:
            self._build()
        if word[0] in _RUN_IN and word[1:] in self._by_part.get(word[1:], ()):
            return word[1:]
        near = {known for part in _parts(word) for known in self._by_part.get(part, ())}
        fitting = [known for known in near if known[0] == word[0] and is_one_edit_away(known, word)]
        if fitting:
            return min(fitting, key=lambda known: (len(known) != len(word), known))
        return self._by_sound.get(_sound(word)) if len(word) >= MIN_SOUNDED else None

    def _build(self) -> None:
        by_part: dict[str, set[str]] = defaultdict(set)
        for word in sorted(self._known):
            self._by_sound.setdefault(_sound(word), word)
            for part in _parts(word):
                by_part[part].add(word)
        self._by_part = by_part


def _sound(word: str) -> str:
    """What is left when unstressed vowels and doubled letters are told alike."""
    sound = word.translate(_ALIKE)
    return "".join(
        letter for index, letter in enumerate(sound) if index == 0 or sound[index - 1] != letter
    )


def _parts(word: str) -> Iterator[str]:
    yield word
    for index in range(len(word)):
        yield word[:index] + word[index + 1 :]


def is_one_edit_away(left: str, right: str) -> bool:
    if left == right or abs(len(left) - len(right)) > 1:
        return False
    if len(left) > len(right):
        left, right = right, left
    start = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left)
    )
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    swapped = left[start : start + 2] == right[start : start + 2][::-1]
    return left[start + 1 :] == right[start + 1 :] or (
        swapped and left[start + 2 :] == right[start + 2 :]
    )


@lru_cache(maxsize=1)
def request_words() -> Spelling:
    """The words that requests are made of."""
    forms = {form for word in _WORDS for form in word_forms(word)} | set(_FORMS)
    return Spelling({form for form in forms if len(form) >= MIN_LENGTH})
