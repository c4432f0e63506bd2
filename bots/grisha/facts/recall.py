"""Which of a person's facts bear on a question, and which of them still hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bots.grisha.facts.holding import changes, held_of
from bots.grisha.facts.kinds import (
    OTHER,
    Question,
    is_about_same,
    stems_of,
    tells_number,
    things_in,
)
from bots.grisha.facts.owners import own_part
from bots.grisha.facts.sentences import Word, read_words
from bots.grisha.facts.store import Fact
from bots.grisha.facts.words import AMOUNTS, NAMED, PLACES, SHADES, WISHED

MAX_RECALLED = 5
CONTEXT_SHARE = 0.3  # what the talk before says of a fact
# Weights of evidence beside the likeness of meaning; near to those of a logistic regression.
KIND, RELATION, WORDS, FORM = 0.45, 0.1, 0.1, 0.3
OTHER_KIND, NO_KIND = -0.1, -0.35
MIN_SCORE = 0.0
MARGIN = 0.5
SURE_KIND = 0.6
WIDTH = 0.8  # scores of the best and the last answer to a question of many things
ALIKE = 0.25  # scores of two facts that answer a question of no kind
ANOTHER_DAY = timedelta(hours=12)  # between what was so and what has become of it


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a fact bears on a question; each between 0 and about 1."""

    likeness: float
    kind: float
    relation: float
    words: float
    form: float
    other_kind: float
    no_kind: float

    def answers(self, asked: Question) -> bool:
        """Whether a fact is surely of the same kind, or says the words of the question."""
        of_them = self.relation or not asked.relations
        return bool(self.words or (of_them and self.kind >= SURE_KIND))

    def score(self) -> float:
        return (
            self.likeness
            + KIND * self.kind
            + RELATION * self.relation
            + WORDS * self.words
            + FORM * self.form
            + OTHER_KIND * self.other_kind
            + NO_KIND * self.no_kind
        )


@dataclass(frozen=True, slots=True)
class Meanings:
    """What an encoder says of facts, in their order: likeness to the question, to its kinds."""

    question: NDArray[np.float32]
    kinds: NDArray[np.float32]


def recall(
    facts: Sequence[Fact],
    asked: Question,
    floor: float = MIN_SCORE,
    meanings: Meanings | None = None,
    *,
    strict: bool = False,
) -> Sequence[Fact]:
    """At most five facts that bear on a question, best first; `strict`: those that answer it.

    `facts` are one person's, oldest first. Without `meanings` words alone decide.
    """
    scored = [
        (evidence.score(), at, fact)
        for at, (fact, evidence) in enumerate(bearing(facts, asked, meanings))
        if not strict or evidence.answers(asked)
    ]
    scored = [each for each in scored if each[0] >= floor]
    scored.sort(key=lambda each: (-each[0], -each[1]))
    if strict and scored:
        least = scored[0][0] - (WIDTH if asked.of_many else WIDTH / 2)
        scored = [each for each in scored if each[0] >= least]
    best = [(score, fact) for score, _, fact in scored[:MAX_RECALLED]]
    answer = [fact for _, fact in best] if asked.of_many else _newest(best, asked)
    return answer if asked.of_others else [_own(fact) for fact in answer]


def _own(fact: Fact) -> Fact:
    """A fact without the clauses that tell of others."""
    return replace(fact, text=own_part(fact.text))


def bearing(
    facts: Sequence[Fact], asked: Question, meanings: Meanings | None = None
) -> Sequence[tuple[Fact, Evidence]]:
    """The facts that hold and may bear on a question, with how they do."""
    told = {fact.id: stems_of(fact.text) for fact in facts}
    weights = _weights(list(told.values()))
    place = {fact.id: at for at, fact in enumerate(facts)}
    nothing = np.zeros(len(facts), np.float32)
    likeness, meant = (meanings.question, meanings.kinds) if meanings else (nothing, nothing)
    form = _asked_form(asked.words)

    def evidence_of(fact: Fact, text_of: Fact) -> Evidence:
        """How a fact bears on the question by what `text_of` says."""
        stems = told[text_of.id]
        common = sum(weights[stem] for stem in asked.stems & stems)
        beside = stems_of(text_of.context) & asked.stems
        common += CONTEXT_SHARE * sum(weights.get(stem, 1.0) for stem in beside - stems)
        kind = bool(asked.kinds & fact.kinds or asked.things & things_in(text_of.text))
        return Evidence(
            float(likeness[place[text_of.id]]),
            float(kind or meant[place[text_of.id]]),
            float(bool(asked.relations) and bool(fact.relations)),
            common,
            float(form(text_of.text)),
            float(bool(asked.kinds) and fact.kinds != {OTHER} and not kind),
            float(fact.kinds == {OTHER}),
        )

    found = []
    for held in held_of(facts):
        if may_answer(held.fact, asked):
            best = evidence_of(held.fact, held.fact)
            if held.ended:
                others = (evidence_of(held.fact, said) for said in held.ended)
                best = max(best, *others, key=Evidence.score)
            found.append((held.fact, best))
    return found


def may_answer(fact: Fact, asked: Question) -> bool:
    """Whether a fact is of those whom a question asks of, and of what is so."""
    if fact.about_others and not asked.of_others:
        return False
    if WISHED in fact.kinds and not asked.of_wishes:
        return False
    shades = fact.kinds & SHADES.keys()
    if asked.kinds and any(not asked.kinds & SHADES[shade] for shade in shades):
        return False
    return is_about_same(asked.relations, fact.relations)


def _newest(best: Sequence[tuple[float, Fact]], asked: Question) -> Sequence[Fact]:
    """Without what has changed on another day: «какой у меня телефон» asks for the newest."""
    return [
        fact
        for score, fact in best
        if not any(
            newer.said_at - fact.said_at > ANOTHER_DAY
            and better > score - MARGIN
            and changes(newer, fact, asked, alike=min(score, better) > ALIKE)
            for better, newer in best
        )
    ]


def _asked_form(asked: Sequence[Word]) -> Callable[[str], bool]:
    """Tells whether a text has a name where one is asked for, a number, a place."""
    name = any(word.is_any(NAMED) for word in asked)
    amount = any(word.is_any(AMOUNTS) for word in asked)
    place = any(word.key in PLACES for word in asked)
    if not (name or amount or place):
        return lambda text: False

    def has_form(text: str) -> bool:
        names, numbers, places = _forms(text)
        return (name and names) or (amount and numbers) or (place and places)

    return has_form


@lru_cache(4096)
def _forms(text: str) -> tuple[bool, bool, bool]:
    """Whether there is a name in a text, a number, a place."""
    told = read_words(text)
    return (
        any(word.may_be("Name") for word in told),
        any(tells_number(word) or word.may_be("NUMR") for word in told),
        any(word.may_be("Geox") for word in told),
    )


def _weights(told: Sequence[frozenset[str]]) -> dict[str, float]:
    """Rare words weigh more: the logarithm of how few facts have them."""
    counts = Counter(stem for stems in told for stem in stems)
    return {
        stem: math.log(1 + len(told) / count) / math.log(1 + len(told))
        for stem, count in counts.items()
    }
