"""Split a message into sentences of words that know their dictionary forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bots.grisha.names.morphology import parses

MAX_CHARACTERS = 2000  # longer texts are pasted ones; their beginning is enough
MAX_QUOTED_WORDS = 3  # a title of a book is no speech of somebody else

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*|\d+(?:[.:]\d+)?")
_SENTENCE = re.compile(
    r"(?:[^.!?…\n;]|[.?](?=[0-9A-Za-z]))+[.!?…\n;]*(?:\)+)?|[.!?…\n;]+"  # «2.4», «t.me?id=1»
)
_CLAUSE = re.compile(r"[^,—–:()]+")
_CLOSING = {"«": "»", '"': '"', "“": "”", "„": "“"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a message; `lemmas` are its dictionary forms, likeliest first.

    `known` words are in the dictionary; the others were guessed by their ends.
    """

    text: str
    key: str
    lemmas: tuple[str, ...]
    tags: tuple[str, ...]
    known: bool = False

    def is_any(self, lemmas: frozenset[str]) -> bool:
        return self.key in lemmas or any(lemma in lemmas for lemma in self.lemmas)

    def has(self, *grammemes: str) -> bool:
        """Whether its likeliest reading has all of these grammemes."""
        return bool(self.tags) and all(each in self.tags[0] for each in grammemes)

    def may_be(self, *grammemes: str) -> bool:
        return any(all(each in tag for each in grammemes) for tag in self.tags)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as it was written, and its words."""

    text: str
    words: tuple[Word, ...]

    @property
    def asks(self) -> bool:
        return "?" in self.text

    def any_of(self, lemmas: frozenset[str]) -> bool:
        return any(word.is_any(lemmas) for word in self.words)

    def first_of(self, lemmas: frozenset[str]) -> int | None:
        """The place of the first word with one of these lemmas."""
        return next((at for at, word in enumerate(self.words) if word.is_any(lemmas)), None)

    def clauses(self) -> Iterator[Sentence]:
        """Its parts between commas, dashes and brackets."""
        for match in _CLAUSE.finditer(self.text):
            words = read_words(match.group())
            if words:
                yield Sentence(match.group().strip(), words)


def normalize(text: str) -> str:
    """Lower case with «е» for «ё»."""
    return text.lower().replace("ё", "е")


@lru_cache(8192)
def read_word(text: str) -> Word:
    key = normalize(text)
    if not text[0].isalpha():
        return Word(text, key, (key,), ())
    found = parses(text.lower())
    lemmas = dict.fromkeys(normalize(parse.normal_form) for parse in found[:4])
    tags = tuple(str(parse.tag) for parse in found[:4])
    return Word(text, key, tuple(lemmas), tags, bool(found) and found[0].is_known)


def read_words(text: str) -> tuple[Word, ...]:
    return tuple(read_word(match.group()) for match in _WORD.finditer(text))


def sentences(text: str) -> Sequence[Sentence]:
    """The sentences of a message, without what somebody else says in quotation marks."""
    own = without_quotations(text[:MAX_CHARACTERS])
    found = (Sentence(part.strip(), read_words(part)) for part in _SENTENCE.findall(own))
    return [sentence for sentence in found if sentence.words]


def without_quotations(text: str) -> str:
    """Replace quotations of several words by «…»; titles stay."""
    kept: list[str] = []
    start = 0
    nowhere: set[str] = set()  # closing marks that don't come any more
    while start < len(text):
        opening = next((at for at in range(start, len(text)) if text[at] in _CLOSING), len(text))
        kept.append(text[start:opening])
        if opening == len(text):
            break
        mark = _CLOSING[text[opening]]
        closing = -1 if mark in nowhere else text.find(mark, opening + 1)
        if closing < 0:
            nowhere.add(mark)
            start = opening + 1
            continue
        inside = text[opening : closing + 1]
        kept.append("…" if len(inside.split()) > MAX_QUOTED_WORDS else inside)
        start = closing + 1
    return "".join(kept)
