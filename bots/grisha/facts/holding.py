"""Which facts still hold: a newer city ends the older, «больше не курю» ends «курю»."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from bots.grisha.facts import owners
from bots.grisha.facts.kinds import (
    DATED,
    Question,
    content_stems,
    kinds_in,
    kinds_of,
    tells_number,
    things_of,
)
from bots.grisha.facts.sentences import Sentence, Word, read_words, sentences
from bots.grisha.facts.store import Fact
from bots.grisha.facts.words import ADDITIONS, CORRECTIONS, END_PHRASES, ENDS, NOW, RENEWALS

_LASTING = frozenset(
    ["health", "languages", "pets", "children", "dislikes", "studies"]
)  # of these one may have several
_MIN_COMMON = 3  # letters by which «мак» is «макбук»


@dataclass(frozen=True, slots=True)
class _Marks:
    """What the words of a fact say of older facts."""

    stems: frozenset[str]
    things: frozenset[str]
    ends: bool
    corrects: bool
    now: bool
    adds: bool
    numbers: bool
    renews: frozenset[str]
    becomes: bool
    happens: bool
    dated: frozenset[str]


def holding(facts: Sequence[Fact]) -> Sequence[Fact]:
    """The facts, oldest first, that no later one ends."""
    return [held.fact for held in held_of(facts)]


@dataclass(frozen=True, slots=True)
class Held:
    """A fact that holds, and those that it ended: it is about the same as they were."""

    fact: Fact
    ended: tuple[Fact, ...] = ()


def held_of(facts: Sequence[Fact]) -> Sequence[Held]:
    """The facts that hold, oldest first; each takes over kinds and people of those it ended."""
    current: list[Held] = []
    for fact in facts:
        marks = _marks(fact.text)
        if not (marks.ends or marks.corrects or marks.renews or marks.dated):
            current.append(Held(fact))
            continue
        ended = [old for old in current if _ends(fact, marks, old.fact)]
        ids = {old.fact.id for old in ended}
        current = [old for old in current if old.fact.id not in ids]
        current.append(_instead_of(ended, fact))
    return current


def changes(newer: Fact, old: Fact, asked: Question, *, alike: bool = False) -> bool:
    """Whether a newer fact takes the place of an old one as the answer to a question.

    The newer tells of a change in what is asked: «подарили айфон» after «у меня андроид»; «ещё»
    tells of one more. `alike` facts both answer, as their meaning says.
    """
    marks, before = _marks(newer.text), _marks(old.text)
    if marks.adds:
        return False
    if asked.relations & newer.relations & old.relations and _moved_on(marks, before, asked):
        return True
    if newer.about_others or old.about_others:
        return False
    if asked.things & before.things and not asked.things & marks.things:
        return False  # «купил антенну» says nothing of «какой у меня ноут»
    same_words = bool(marks.stems & before.stems)
    same_things = bool(asked.things & marks.things & before.things)
    alike = alike and not asked.kinds
    if not (same_words or same_things or alike or asked.kinds & newer.kinds & old.kinds):
        return False
    if marks.now or marks.corrects or (asked.of_amount and marks.numbers and before.numbers):
        return True
    surely = same_words or alike or bool(asked.things & marks.things)
    by_words = bool(asked.kinds & kinds_in(newer.text) - _LASTING)
    of_one = bool(asked.kinds & newer.kinds - _LASTING)
    return (marks.ends and (surely or of_one)) or (marks.becomes and (surely or by_words))


def _moved_on(marks: _Marks, before: _Marks, asked: Question) -> bool:
    """Whether a newer fact of a relative changes an older: their age, their place."""
    older = marks.numbers and before.numbers and marks.becomes
    return older or marks.now or (asked.of_place and marks.happens)


def _instead_of(ended: Sequence[Held], fact: Fact) -> Held:
    olds = [old for held in ended for old in (held.fact, *held.ended)]
    heir = replace(
        fact,
        kinds=fact.kinds.union(*(old.kinds for old in olds)),
        relations=fact.relations.union(*(old.relations for old in olds)),
        about_others=fact.about_others and not olds,
    )
    return Held(heir, tuple(olds))


def _ends(fact: Fact, marks: _Marks, old: Fact) -> bool:
    if fact.about_others:
        return False
    common = fact.kinds & old.kinds
    before = _marks(old.text)
    if marks.dated & before.dated and marks.numbers and before.numbers:
        return True
    if marks.renews & old.kinds and not marks.adds and not old.about_others:
        return True
    same = _are_about_same(marks.stems, before.stems)
    return same and (marks.ends or (marks.corrects and bool(common)))


def _are_about_same(one: frozenset[str], other: frozenset[str]) -> bool:
    if one & other:
        return True
    return any(
        short != long and min(len(short), len(long)) >= _MIN_COMMON and long.startswith(short)
        for first in one
        for second in other
        for short, long in ((first, second), (second, first))
    )


@lru_cache(4096)
def _marks(text: str) -> _Marks:
    words = read_words(text)
    now = any(word.is_any(NOW) for word in words)
    renews = {
        kind for kind, lemmas in RENEWALS.items() if any(word.is_any(lemmas) for word in words)
    }
    return _Marks(
        content_stems(words),
        things_of(words),
        any(word.is_any(ENDS) and not word.may_be("futr") for word in words)
        or _has_end_phrase(words),
        any(word.is_any(CORRECTIONS) for word in words),
        now,
        any(word.is_any(ADDITIONS) for word in words),
        any(map(tells_number, words)),
        frozenset(renews),
        any(map(_becomes, sentences(text))),
        any(word.has("perf", "past") for word in words),
        kinds_of(words) & DATED,
    )


def _becomes(sentence: Sentence) -> bool:
    """Whether the speaker has done something, or does it no more: «купила», «не встречаюсь»."""
    return any(
        any(word.has("perf", "past") for word in clause.words)
        or any(a.key == "не" and b.has("VERB", "1per") for a, b in pairwise(clause.words))
        for clause in sentence.clauses()
        if owners.subject(clause) in (owners.ME, owners.NOBODY)
    )


def _has_end_phrase(words: Sequence[Word]) -> bool:
    """«больше не курю», «ни одной банки», «с глебом всё», «бони нет с пятницы»."""
    for at, word in enumerate(words):
        before = words[at - 1] if at else None
        if before is None:
            continue
        if any(
            before.is_any(frozenset([one])) and word.is_any(frozenset([two]))
            for one, two in END_PHRASES
        ):
            return True
        if word.key == "все" and at >= 2 and words[at - 2].key in ("с", "со"):
            return before.may_be("NOUN", "ablt")
        if word.key == "нет" and before.may_be("NOUN", "gent"):
            return True
    return False
