"""Hostile texts and a measure of how a reader's cost grows with them.

A reader of people's text must stay near-linear, or one message stops the bot for everybody.
Cost is CPU time of this thread, the best of three: other processes on the machine don't count.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence

SIZES = (4_096, 16_384, 65_536)  # characters
FLOOR = 0.02  # seconds; below it the clock and the caches say more than the reader
MAX_GROWTH = 9.0  # for four times the text: linear is 4, quadratic 16
MAX_CPU = 3.0  # seconds for the longest text, whatever the machine: cubic takes hours

Reader = Callable[[str], object]

_MARKS = (
    "«",
    "»",
    '"',
    "“",
    "„",
    "(",
    "—",
    ",",
    ".",
    "…",
    "!",
    "\n",
    " ",
    "\t",
    "@",
    "-",
    "'",
    "_",
)
_LETTERS = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВabcXYZ"


def hostile_texts(vocabulary: Sequence[str], size: int) -> Iterator[tuple[str, str]]:
    """Texts of `size` characters: fragments of a reader's own vocabulary, repeated and mixed."""
    rng = random.Random(7)
    for fragment in (*vocabulary, *_MARKS, "1", "1 ", "а", "А", "я ", "9,", "« ", '" ', "а-", "а'"):
        yield repr(fragment), (fragment * (size // len(fragment) + 1))[:size]
    for left in (*vocabulary[:6], *_MARKS[:6]):
        right = rng.choice((*vocabulary, *_MARKS, "1"))
        yield repr(left + right), ((left + right) * size)[:size]
        yield repr(left + " " + right), ((left + " " + right) * size)[:size]
    yield "digits", "".join(rng.choices("0123456789 .,-", k=size))
    yield "letters", "".join(rng.choices(_LETTERS, k=size))
    yield "words", _joined(rng, [_word(rng) for _ in range(size)], " ", size)
    yield "я words", _joined(rng, [f"я {_word(rng)}" for _ in range(size // 2)], " ", size)
    yield "names", _joined(rng, [_word(rng).title() for _ in range(size)], ". ", size)
    yield "vocabulary", _joined(rng, [rng.choice(vocabulary) for _ in range(size)], " ", size)
    mixed = [*vocabulary, *_MARKS, "1", "42", "я", "не"]
    yield "mixed", _joined(rng, [rng.choice(mixed) for _ in range(size)], "", size)


def assert_linear(read: Reader, vocabulary: Sequence[str]) -> None:
    """Fail when `read` takes far more than four times as long for four times the text."""
    read("Меня зовут Аня, это было 12 мая.")  # whatever loads, loads now
    texts = [dict(hostile_texts(vocabulary, size)) for size in SIZES]
    for name in texts[0]:
        _assert_growth(read, name, [each[name] for each in texts])


def _assert_growth(read: Reader, name: str, texts: Sequence[str]) -> None:
    before = 0.0
    for text in texts:
        spent = _cpu(read, text, 1)
        if spent > max(FLOOR, before) * MAX_GROWTH:
            spent = _cpu(read, text, 2)
        assert spent < MAX_CPU, f"{name}: {spent:.2f} s for {len(text)} characters"
        assert spent <= max(FLOOR, before) * MAX_GROWTH, (
            f"{name}: {before:.3f} s, then {spent:.3f} s for {len(text)} characters"
        )
        before = spent


def _cpu(read: Reader, text: str, times: int) -> float:
    """The least CPU seconds of some runs."""
    costs = []
    for _ in range(times):
        started = time.thread_time()
        read(text)
        costs.append(time.thread_time() - started)
    return min(costs)


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(_LETTERS[:33], k=rng.randint(2, 9)))


def _joined(rng: random.Random, words: Sequence[str], separator: str, size: int) -> str:
    return separator.join(words)[:size]
