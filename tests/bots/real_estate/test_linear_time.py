"""No text costs a reader more than linear time, whatever it repeats."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice, product

import pytest

from bots.real_estate.guard import find_invention
from bots.real_estate.mortgage.reading import read_mortgage
from bots.real_estate.understanding import read_turn

SIZES = (4_096, 16_384, 65_536)
MAX_SECONDS = 0.05
SLACK = 0.02  # a busy machine's noise
READERS: dict[str, Callable[[str], object]] = {
    "request": read_turn,
    "mortgage": read_mortgage,
}
FRAGMENTS = (
    "1", "12", "1 ", "1,", "1.", "1-", "1/", "1 000 ", "до ", "от 1 до ", "не ", "не дороже ",
    "за ", "в ", "млн ", "1 млн ", "1 тыс ", "м ", "м. ", "кв м ", "40 м ", "к ", "2к ", "р-н ",
    "район ", "метро ", "у метро Сокол ", "Сокол ", "Сокол, ", "Москва ", "Нижний ",
    "на Беговой ", "этаж ", "5 этаж ", "5/9 ", "первый ", "не первый ", "последний ", "двушка ",
    "двушку, ", "или ", "одну или ", "1-2", "студия/", "три с половиной ", "пятьсот ",
    "двадцать ", "миллион ", "миллионов ", "нет, ", "ой ", "ремонт ", "без ремонта ", "с ",
    "с ~ ", "взнос ", "взнос 1 ", "ставка 1 % ", "1 % ", "платёж 1 ", "в месяц ", "1 в месяц ",
    "сколько ", "сколько стоит ", "« ", "\"", "'", " ", "\n", "...", ",", "-", "\t", "а", "ё",
    "ф" * 31 + " ", "скоропостижно ", "аб", "@", "http://", "+7 ", "8 ", "9", "١", "🏠",
    "\u0301", "e", "flat in Moscow ", "¤", "до Тверской 40 минут ", "полчаса ", "минут 40 до ",
    "до Зюзюк 40 минут ", "работаю на ",
)  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_repeated_fragments_are_read_in_linear_time(name: str) -> None:
    read = READERS[name]
    for size in SIZES:
        read("двушка в Масскве до 15 млн "[:size])  # load the dictionaries
    slow = [
        (fragment, size, round(spent, 3))
        for fragment, size in product(FRAGMENTS, SIZES)
        if (spent := _seconds(read, (fragment * size)[:size])) > MAX_SECONDS + SLACK
    ]
    assert not slow


@pytest.mark.parametrize("name", READERS)
def test_mixed_fragments_are_read_in_linear_time(name: str) -> None:
    read = READERS[name]
    mixed = "".join(FRAGMENTS)
    text = mixed * (SIZES[-1] // len(mixed) + 1)
    for shift in range(0, len(mixed), 37):
        assert _seconds(read, text[shift : shift + SIZES[-1]]) <= MAX_SECONDS + SLACK


def test_words_that_no_dictionary_has_are_read_in_time() -> None:
    letters = "абвгдежзиклмнопрст"
    strange = " ".join("".join(word) for word in islice(product(letters, repeat=6), 10_000))
    started = time.thread_time()
    read_turn(strange)
    assert time.thread_time() - started <= 2 * MAX_SECONDS  # nothing is remembered yet


def test_guard_is_linear() -> None:
    """The guard reads what a model wrote: growth with the length, not with its square."""
    for fragment in ("1", "1 ", "12 млн ", "Сокол ", "улица Ленина ", "« ", "А", "Аа"):
        small = _seconds(
            lambda text: find_invention(text, text), fragment * (2_000 // len(fragment))
        )
        large = _seconds(
            lambda text: find_invention(text, text), fragment * (8_000 // len(fragment))
        )
        assert large <= 12 * small + MAX_SECONDS, fragment  # a square would be sixteenfold


def _seconds(read: Callable[[str], object], text: str) -> float:
    """The best of three, in time of this thread: what the reader needs, not the machine."""
    spent = []
    for _ in range(3):
        started = time.thread_time()
        read(text)
        spent.append(time.thread_time() - started)
        if spent[-1] <= MAX_SECONDS:
            break
    return min(spent)
