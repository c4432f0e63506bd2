"""Whose life a clause tells of: the speaker's, a relative's, or that of somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from bots.grisha.facts.kinds import relations_of
from bots.grisha.facts.sentences import Sentence, Word, sentences
from bots.grisha.facts.words import (
    DOCTORS,
    DONE_TO_ME,
    FIRST_PERSON,
    HE,
    HOUSEHOLD,
    KINDS,
    OTHERS,
    PEOPLE_SUFFIXES,
    PETS,
    PROFESSIONS,
    RELATIONS,
    SOMEBODY,
    YOU,
)

ME, RELATIVE, NAMED, OTHER, PRONOUN, LISTENER, NOBODY = (
    "me", "relative", "named", "other", "pronoun", "listener", "",
)  # fmt: skip
THIRD = frozenset([RELATIVE, NAMED, PRONOUN])
_I = frozenset(["я", "мы"])
_TO_ME = frozenset(["мне", "меня", "мной", "нам", "нас", "нами"])
_OWN_PEOPLE = DOCTORS | frozenset(RELATIONS)
_PEOPLE = PROFESSIONS | OTHERS
_NOT_OF_PEOPLE = ("Geox", "Orgn")


def has_first_person(words: Iterable[Word]) -> bool:
    return any(word.key in FIRST_PERSON or acts_first(word) for word in words)


def acts_first(word: Word) -> bool:
    """«еду» is rather a verb than food."""
    return word.has("VERB", "1per") or (word.key == "еду" and word.may_be("VERB"))


def subject(clause: Sentence) -> str:
    """Who acts in a clause; NOBODY when it doesn't say."""
    words = clause.words
    pairs = list(pairwise((None, *words)))
    if _is_of_acquaintance(clause):
        return OTHER
    if _acts_nameless(words):
        return OTHER
    if recipient := _recipient(words):
        return recipient
    acts = _acts_unnamed(words)
    for before, word in pairs:
        if word is None:
            continue
        after_u = before is not None and before.key == "у"
        if word.key in _I or acts_first(word):
            return ME
        if word.key in _TO_ME and not after_u:
            return ME
        if word.key in YOU or word.has("VERB", "2per"):
            return LISTENER
        if after_u and _is_person(word) and not acts:
            return OTHER if word.is_any(OTHERS) or _is_name(word) else RELATIVE
        if word.key in HE:
            return PRONOUN
        if before is not None and before.key == "это" and _is_name(word):
            return OTHER
        if word.may_be("nomn") and not (before and before.has("PREP")):
            if word.is_any(OTHERS) and not _is_predicate(word, words):
                return ME if _is_done_to_me(words) else OTHER
            if any(lemma in RELATIONS for lemma in word.lemmas):
                return RELATIVE
            if _is_name(word) and not _names_thing(word, words):
                return NAMED
            if not acts and _is_somebody(word, words):
                return OTHER
    if acts or any(word.key in FIRST_PERSON for word in words):
        return ME
    return NOBODY


def _is_somebody(word: Word, words: Sequence[Word]) -> bool:
    """«кассирша хвасталась»: a person who acts, and neither family nor the author's doctor."""
    verb = next((each for each in words if each.has("VERB") and not each.has("impr")), None)
    return (
        verb is not None
        and word.has("NOUN", "anim", "nomn")
        and (word.is_any(_PEOPLE) or word.lemmas[0].endswith(PEOPLE_SUFFIXES))
        and not word.is_any(_OWN_PEOPLE)
        and not has_first_person(words)
        and (_agree(word, verb) if verb.has("past") else verb.has("3per"))
    )


def _acts_unnamed(words: Sequence[Word]) -> bool:
    """«купил барабаны», «был у друга»: who tells it leaves «я» out."""
    verb = next((word for word in words if word.has("VERB", "past")), None)
    free = [
        word
        for before, word in pairwise((None, *words))
        if word and not (before and before.has("PREP"))
    ]
    return verb is not None and not any(_agree(word, verb) for word in free)


def _names_thing(name: Word, words: Sequence[Word]) -> bool:
    """«машина у меня опель астра»: what a thing is called."""
    before = words[: words.index(name)]
    return any(word.has("NOUN", "inan", "nomn") for word in before)


def _is_done_to_me(words: Sequence[Word]) -> bool:
    """«друг пустил в химки», «шеф перевёл в другой отдел»: to whom goes without saying."""
    return any(word.is_any(DONE_TO_ME) and word.has("past") for word in words) and not any(
        word.has("datv", "anim") or word.key in ("себе", "себя") for word in words
    )


def is_of_doctor(clause: Sentence) -> bool:
    """«тренер говорит спина кривая»: whom they speak of is their patient."""
    return any(word.is_any(DOCTORS) and word.may_be("nomn") for word in clause.words)


def _acts_nameless(words: Sequence[Word]) -> bool:
    """«тут одна рассказывала», «кто-то продал»: somebody acts whom nobody names."""
    if any(word.key in FIRST_PERSON for word in words):
        return False
    verb = next(
        (at for at, word in enumerate(words) if word.has("VERB") and not word.has("1per")), 0
    )
    return any(
        word.key in SOMEBODY and word.may_be("nomn") and not after.has("NOUN")
        for word, after in pairwise(words[: verb + 1])
    )


def subjects(clauses: Sequence[Sentence]) -> Sequence[str]:
    """Who acts in each clause; a clause without a subject goes on with the one before.

    «прадед был кузнецом, подкову гнул», but «жена купила абонемент, учился плавать».
    """
    found: list[str] = []
    for at, clause in enumerate(clauses):
        who = subject(clause)
        if who == NOBODY and found and found[-1] == PRONOUN:
            who = found[-1]  # «она циркачка, воздушная гимнастка»
        elided = who == ME and not has_first_person(clause.words)
        if elided and found and found[-1] in (*THIRD, OTHER):
            genders = {_gender(each) for each in (clauses[at - 1], clause)} - {""}
            who = found[-1] if len(genders) < 2 else ME
        found.append(who)
    return found


@lru_cache(4096)
def own_part(text: str) -> str:
    """A text without what «она» and «он» do; all of it if nothing else is there."""
    if text.startswith("—"):  # an answer with its question
        return text
    kept: list[str] = []
    for sentence in sentences(text):
        clauses = list(sentence.clauses())
        own = [
            clause for clause, who in zip(clauses, subjects(clauses), strict=True) if who != PRONOUN
        ]
        if len(own) == len(clauses):
            kept.append(sentence.text)
        elif own:
            kept.append(", ".join(clause.text for clause in own))
    return " ".join(kept) or text


def _gender(clause: Sentence) -> str:
    verb = next((word for word in clause.words if word.has("VERB", "past", "sing")), None)
    return next((each for each in ("masc", "femn", "neut") if verb and verb.has(each)), "")


def possessors(clause: Sentence) -> frozenset[str]:
    """Whose things a clause speaks of: «у сестры двое детей», «дочка брата»."""
    found: set[str] = set()
    for before, word in pairwise(clause.words):
        owned = before.key == "у" or (before.may_be("nomn") and before.is_any(frozenset(RELATIONS)))
        if owned and word.may_be("NOUN", "gent") and not word.may_be("nomn"):
            found |= relations_of([word]) - PETS
    return frozenset(found)


def narrowed(relations: frozenset[str], clauses: Iterable[Sentence]) -> frozenset[str]:
    """The relatives that a sentence about relatives tells of, without what is theirs.

    «сестра завела кота» says nothing of the speaker's cat; a wife's cat is the speaker's too.
    """
    owners: set[str] = set()
    for clause in clauses:
        acting = possessors(clause) or relations_of(
            word for word in clause.words if word.may_be("nomn")
        )
        owners |= acting - PETS
    if not owners:
        return relations
    return frozenset(owners | (relations & PETS if owners & HOUSEHOLD else set()))


def _is_of_acquaintance(clause: Sentence) -> bool:
    """«у нас был физик»: somebody whom the speaker had about, and no family."""
    words = clause.words
    if is_of_doctor(clause) or not any(
        first.key == "у" and second.key in ("нас", "меня") for first, second in pairwise(words)
    ):
        return False
    verb = next((word for word in words if word.has("VERB") and not word.has("impr")), None)
    return verb is not None and any(
        word.has("NOUN", "anim", "nomn")
        and not word.has("Name")
        and (_agree(word, verb) if verb.has("past") else verb.has("3per") and word.is_any(_PEOPLE))
        and not relations_of([word])
        for word in words
    )


def _recipient(words: tuple[Word, ...]) -> str:
    """«племяннику пять лет»: whom a clause without a subject is about."""
    first = words[1] if len(words) > 1 and words[0].has("CONJ") else words[0]
    if not first.has("NOUN", "datv") or has_first_person(words):
        return NOBODY
    if first.is_any(OTHERS):
        return OTHER
    return RELATIVE if relations_of([first]) else NOBODY


def _is_person(word: Word) -> bool:
    named = any(lemma in RELATIONS for lemma in word.lemmas)
    return word.may_be("gent") and (named or word.is_any(OTHERS) or _is_name(word))


def _is_name(word: Word) -> bool:
    if word.is_any(KINDS["possessions"]):  # «лада»
        return False
    return word.has("Name") and not any(word.may_be(each) for each in _NOT_OF_PEOPLE)


def _is_predicate(word: Word, words: tuple[Word, ...]) -> bool:
    """«суровый мужик» and «я продавец» tell who the speaker is."""
    if word.key in ("мужик", "чувак", "тип"):
        return True
    acts = any(each.has("VERB") and _agree(word, each) for each in words if each.has("past"))
    return not acts and any(each.key in _I for each in words)


def _agree(noun: Word, verb: Word) -> bool:
    """Whether a noun may be the subject of a verb in the past."""
    if noun.has("PREP") or noun.has("CONJ"):  # «с» is a noun too, in the dictionary
        return False
    form = ("sing",) if verb.has("sing") else ("plur",)
    gender = next((each for each in ("masc", "femn", "neut") if verb.has(each)), None)
    return noun.may_be("NOUN", "nomn", *form, *([gender] if gender else []))
