"""What a text is about: kinds of facts, and the people and animals it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from bots.grisha.facts.sentences import Word, read_words
from bots.grisha.facts.words import (
    AGENT_SUFFIXES,
    CHILDREN,
    COUNTED,
    GIVEN_UP,
    HE,
    HOUSING,
    KINDS,
    LANGUAGES,
    MANY,
    MONTHS,
    OTHERS,
    PAIRED,
    PETS,
    PLACES,
    PROFESSIONS,
    QUESTIONS,
    RELATIONS,
    SETTLES,
    STOPWORDS,
    THINGS,
    VAGUE,
    WIDER,
    WORKS,
)

OTHER = "other"
DATED = frozenset(["age", "birthday"])  # a second value is a newer one, or a correction
_ROOT = 4  # letters
_NEAR = 3  # words between «мне» and «лет»


def relations_of(words: Iterable[Word]) -> frozenset[str]:
    """The relatives and pets that are named: «дочка» → «дочь»."""
    named = [_named(word) for word in words]
    pairs = pairwise((*named, frozenset[str]()))
    return frozenset(
        RELATIONS[lemma]
        for lemmas, after in pairs
        for lemma in lemmas
        if lemma not in VAGUE or not after  # «младшая племянница» is a niece
    )


def _named(word: Word) -> frozenset[str]:
    lemmas = (word.key,) if word.key in RELATIONS else word.lemmas
    return frozenset(lemma for lemma in lemmas if lemma in RELATIONS)


def kinds_of(words: Sequence[Word]) -> frozenset[str]:
    """The kinds of fact that words may belong to."""
    kinds = {kind for kind, lemmas in KINDS.items() if any(word.is_any(lemmas) for word in words)}
    if any(word.has("NOUN", "Geox") for word in words):
        kinds.add("city")
    if any(word.is_any(SETTLES) for word in words) and any(word.is_any(HOUSING) for word in words):
        kinds.add("city")
    if any(word.is_any(PROFESSIONS) for word in words) or _tells_trade(words):
        kinds.add("work")
    if any(word.is_any(LANGUAGES) for word in words):
        kinds.add("languages")
    if _tells_age(words):
        kinds.add("age")
    if _has_date(words) and _speaks_of_birth(words):
        kinds.add("birthday")
    if any(word.has("VERB", "1per", "futr") for word in words) and len(content_stems(words)) > 2:
        kinds.add("plans")
    relations = relations_of(words)
    if relations & PETS:
        kinds.add("pets")
    if relations & CHILDREN:
        kinds.add("children")
    if relations - PETS:
        kinds.add("family")
    return frozenset(kinds)


def asked_kinds(words: Sequence[Word]) -> frozenset[str]:
    """The kinds of fact that a question may ask for."""
    kinds = set(kinds_of(words))
    kinds |= {
        kind for kind, lemmas in QUESTIONS.items() if any(word.is_any(lemmas) for word in words)
    }
    keys = {word.key for word in words}
    if "где" in keys and keys & {"я", "мой", "живу"}:
        kinds |= {"city", "work", "studies"} & (kinds or {"city"})
    if "сколько" in keys and {"мне", "лет"} <= keys:
        kinds.add("age")
    return frozenset(kinds)


def tells_number(word: Word) -> bool:
    """«5», «пять», «пятый», «пятикомнатная»."""
    counts = word.lemmas[0].startswith(COUNTED) and word.has("ADJF")
    return word.key[0].isdigit() or word.has("NUMR") or word.has("Anum") or counts


def things_of(words: Iterable[Word]) -> frozenset[str]:
    """The classes of things that are named: «самсунг» is a phone."""
    told = list(words)
    return frozenset(
        name for name, lemmas in THINGS.items() if any(word.is_any(lemmas) for word in told)
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What a question asks for."""

    words: Sequence[Word]
    kinds: frozenset[str]
    relations: frozenset[str]
    stems: frozenset[str]
    things: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Question:
        words = read_words(text)
        return cls(
            words, asked_kinds(words), relations_of(words), content_stems(words), things_of(words)
        )

    @property
    def of_others(self) -> bool:
        """Whether it is of a relative: «дочка», «он», «Катя», «кто у меня читает»."""
        keys = {word.key for word in self.words}
        return (
            bool(self.relations)
            or any(word.key in HE or word.is_any(HE) or word.has("Name") for word in self.words)
            or ("кто" in keys and "я" not in keys)
        )

    @property
    def of_wishes(self) -> bool:
        """«кем я мечтала быть?»"""
        return any(word.is_any(GIVEN_UP["planned"]) and word.has("past") for word in self.words)

    @property
    def of_many(self) -> bool:
        """«какие у меня аллергии», «перечисли»: every value is wanted, not the newest."""
        return not self.of_amount and any(
            word.key in MANY
            or (word.has("NOUN", "plur") and not word.may_be("sing") and not word.is_any(PAIRED))
            for word in self.words
        )

    @property
    def of_place(self) -> bool:
        return any(word.key in PLACES for word in self.words)

    @property
    def of_amount(self) -> bool:
        return any(word.key in ("сколько", "скоко", "скок") for word in self.words)


def _tells_trade(words: Sequence[Word]) -> bool:
    """«я обувщик», «фрезеровщиком работаю»: who does something, by the end of the word."""
    mine = any(word.key in ("я", "мы") for word in words)
    works = any(word.is_any(WORKS) for word in words)
    return any(
        word.has("NOUN", "anim")
        and word.lemmas[0].endswith(AGENT_SUFFIXES)
        and not word.has("Name")
        and not any(lemma in RELATIONS or lemma in OTHERS for lemma in word.lemmas)
        and ((mine and word.has("nomn")) or (works and word.may_be("ablt")))
        for word in words
    )


def _tells_age(words: Sequence[Word]) -> bool:
    """«мне сорок один», «мне 30 лет»."""
    for at, word in enumerate(words):
        if word.key != "мне":
            continue
        after = words[at + 1 : at + 1 + _NEAR]
        if after and (after[0].key.isdigit() or after[0].may_be("NUMR")):
            return True
        if any(each.key in ("лет", "год", "года", "годиков", "стукнуло") for each in after) and any(
            each.key.isdigit() or each.may_be("NUMR") for each in after
        ):
            return True
    return False


def _has_date(words: Sequence[Word]) -> bool:
    return any(word.is_any(MONTHS) for word in words)


def _speaks_of_birth(words: Sequence[Word]) -> bool:
    return any(word.is_any(KINDS["birthday"]) for word in words)


def is_about_same(asked: frozenset[str], told: frozenset[str]) -> bool:
    """Whether what is told of these people bears on a question about those."""
    if not asked:
        return True
    if not told:
        return True
    return any(told & WIDER.get(group, frozenset({group})) for group in asked)


def content_stems(words: Iterable[Word]) -> frozenset[str]:
    """What the words speak of: stems of those that aren't empty or common."""
    return frozenset(
        stem(word.lemmas[0])
        for word in words
        if not word.is_any(STOPWORDS) and len(word.lemmas[0]) > 2
    )


def stem(lemma: str) -> str:
    """A crude stem: «дрон» and «дроном», «аллергия» and «аллергик» meet in it."""
    return lemma[: max(3, min(5, len(lemma) - 1))] if lemma[0].isalpha() else lemma


@lru_cache(4096)
def stems_of(text: str) -> frozenset[str]:
    return content_stems(read_words(text))


@lru_cache(4096)
def kinds_in(text: str) -> frozenset[str]:
    """The kinds that the words of a text name."""
    return kinds_of(read_words(text))


@lru_cache(4096)
def things_in(text: str) -> frozenset[str]:
    return things_of(read_words(text))


def share_root(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether words of one and the other have a root in common: «развод», «развестись»."""
    return any(
        long.startswith(short[:_ROOT])
        for first in one
        for second in other
        for short, long in ((first, second), (second, first))
    )
