"""Which of a person's facts bear on a question, and which of them still hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bots.grisha.facts.holding import holding
from bots.grisha.facts.kinds import asked_kinds, content_stems, is_about_same, relations_of
from bots.grisha.facts.sentences import Word, read_words
from bots.grisha.facts.store import Fact
from bots.grisha.facts.words import AMOUNTS, NAMED, PLACES

MAX_RECALLED = 5
# A question of these is answered by facts of the kind, or hardly at all.
STRICT_KINDS = frozenset(
    ["city", "work", "studies", "age", "birthday", "family", "children", "pets"]
)
KIND_BONUS = 0.3
WORD_BONUS = 0.12
CONTEXT_SHARE = 0.3  # what the talk before says of a fact
MIN_SCORE = 0.15
STRICT_SCORE = 0.3  # of what is of another kind than what was asked
FORM_BONUS = 0.1


def recall(
    facts: Sequence[Fact],
    question: str,
    vectors: NDArray[np.float32] | None,
    floor: float = MIN_SCORE,
) -> Sequence[Fact]:
    """At most five facts that bear on a question, best first.

    `facts` are one person's, oldest first. `vectors` are those of the question and of the
    texts of the facts, in this order; without them words alone decide.
    """
    if not facts:
        return ()
    asked = read_words(question)
    kinds, relations = asked_kinds(asked), relations_of(asked)
    wanted = content_stems(asked)
    told = {fact.id: content_stems(read_words(fact.text)) for fact in facts}
    weights = _weights(list(told.values()))
    vector_of = {fact.id: at for at, fact in enumerate(facts, 1)}
    scored = []
    for at, fact in enumerate(holding(facts)):
        if not is_about_same(relations, fact.relations) or (fact.about_others and not relations):
            continue
        likeness = float(vectors[0] @ vectors[vector_of[fact.id]]) if vectors is not None else 0.0
        stems = told[fact.id]
        common = sum(weights[stem] for stem in wanted & stems)
        beside = content_stems(read_words(fact.context)) & wanted
        common += CONTEXT_SHARE * sum(weights.get(stem, 1.0) for stem in beside - stems)
        score = (
            likeness
            + KIND_BONUS * bool(kinds & fact.kinds)
            + KIND_BONUS
            * bool(relations and is_about_same(relations, fact.relations) and fact.relations)
            + WORD_BONUS * common
            + FORM_BONUS * _has_asked_form(asked, read_words(fact.text))
        )
        enough = floor
        if kinds and kinds <= STRICT_KINDS and not kinds & fact.kinds:
            enough = max(floor, STRICT_SCORE)
        if score >= enough:
            scored.append((score, at, fact))
    scored.sort(key=lambda each: (-each[0], -each[1]))
    return [fact for _, _, fact in scored[:MAX_RECALLED]]


def _has_asked_form(asked: Sequence[Word], told: Sequence[Word]) -> bool:
    """Whether there is a name where one is asked for, a number, a place."""
    if any(word.is_any(NAMED) for word in asked) and any(word.may_be("Name") for word in told):
        return True
    if any(word.is_any(AMOUNTS) for word in asked) and any(
        word.key[0].isdigit() or word.has("NUMR") or word.has("Anum") for word in told
    ):
        return True
    return any(word.key in PLACES for word in asked) and any(word.may_be("Geox") for word in told)


def _weights(told: Sequence[frozenset[str]]) -> dict[str, float]:
    """Rare words weigh more: the logarithm of how few facts have them."""
    counts = Counter(stem for stems in told for stem in stems)
    return {
        stem: math.log(1 + len(told) / count) / math.log(1 + len(told))
        for stem, count in counts.items()
    }
