"""Read what a person says of themselves, sentence by sentence.

A statement keeps the person's own words. Questions, quotations, hypotheses, jokes, and what
is told of other people make none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bots.grisha.facts.kinds import OTHER, asked_kinds, content_stems, kinds_of, relations_of
from bots.grisha.facts.sentences import Sentence, Word, normalize, sentences
from bots.grisha.facts.words import (
    DO_NOT,
    FIRST_PERSON,
    FORGET,
    FORGETS_WHAT,
    FOUND_ELSEWHERE,
    HE,
    IF,
    JOKES,
    OTHERS,
    QUESTION_WORDS,
    RELATIONS,
    REQUESTS,
    SENT,
    SPEECH,
    UNREAL,
)

MAX_OWN_TEXT = 1000  # characters; a longer message is pasted, not told
MAX_STATEMENT = 240  # characters of own words that one fact keeps
MAX_CONTEXT = 160  # characters of what was said before
_ELLIPTIC = 4  # words of an answer that needs its question
# Of one's own: with them a short sentence is told rather than answered.
_SELF = frozenset(
    [
        "я",
        "меня",
        "мне",
        "мной",
        "мой",
        "моя",
        "мое",
        "мои",
        "моего",
        "моей",
        "моему",
        "моих",
        "моим",
        "мы",
        "нас",
        "нам",
    ]
)
_MIN_WORDS = 2  # one word answers a question, or tells nothing
_MIN_MAIN_CLAUSE = 3  # words before «если» that tell something by themselves
_I = frozenset(["я", "мы"])
_TO_ME = frozenset(["мне", "меня", "мной", "нам", "нас", "нами"])
_ASSENT = frozenset(["да", "ага", "угу", "нет", "не", "неа", "конечно", "точно"])
# A sentence about a relative alone tells these of the relative, not of the speaker.
_OWN_ONLY = frozenset(
    ["city", "work", "studies", "age", "birthday", "health", "habits", "plans", "tastes"]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a message tells of its author. `context` is the talk that it answers."""

    text: str
    kinds: frozenset[str]
    context: str = ""
    relations: frozenset[str] = frozenset()
    about_others: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What to keep of a message, and what it asks to forget or takes back."""

    statement: Statement | None = None
    forgets: frozenset[str] = field(default_factory=frozenset)
    forgets_last: bool = False
    takes_back: frozenset[str] = field(default_factory=frozenset)


def read(text: str, question: str = "", before: str = "") -> Reading:
    """Read a message; `question` is what it answers, `before` the author's message before."""
    own = () if len(text) > MAX_OWN_TEXT else _until_speech(sentences(text))
    if not own:
        return Reading()
    forgets, forgets_last = _forgets(own)
    if forgets or forgets_last:
        return Reading(forgets=forgets, forgets_last=forgets_last)
    if any(sentence.any_of(JOKES) for sentence in own) or _is_grotesque(text):
        return Reading(forgets_last=_is_joke_of_before(own))
    if taken_back := _takes_back(own):
        return Reading(takes_back=taken_back)
    kept = [sentence for sentence in map(_before_condition, own) if sentence and _tells(sentence)]
    return Reading(_statement(kept, question, before))


def _until_speech(own: Sequence[Sentence]) -> Sequence[Sentence]:
    """Leave out what follows «он пишет:» and «читал в группе:»."""
    kept: list[Sentence] = []
    for sentence in own:
        head, colon, _ = sentence.text.partition(":")
        if colon:
            clause = next(iter(sentences(head)), None)
            if clause and clause.any_of(SPEECH):
                return kept
        kept.append(sentence)
    return kept


def _forgets(own: Sequence[Sentence]) -> tuple[frozenset[str], bool]:
    """What «сотри про психолога» and «не спрашивай меня про эльбрус» ask to forget."""
    for sentence in own:
        at = sentence.first_of(FORGET)
        words = sentence.words
        wish = (
            at is not None
            and (at == 0 or words[at - 1].key not in ("не", "я"))
            and (words[at].may_be("impr") or any(word.key in ("прошу", "можешь") for word in words))
        )
        wish = wish or (
            any(
                first.key == "не" and second.may_be("impr") and second.is_any(DO_NOT)
                for first, second in pairwise(words)
            )
            and any(word.key in ("больше", "про", "об", "о") for word in words)
        )
        if wish:
            named = content_stems(
                word for each in own for word in each.words
                if word.may_be("NOUN") and not word.is_any(FORGETS_WHAT)
            )  # fmt: skip
            return named, not named
    return frozenset(), False


def _is_grotesque(text: str) -> bool:
    """«ага, женился и лечу в стамбул)))»: agreement and laughter mark a joke."""
    return ")))" in text and normalize(text.lstrip()).startswith(("ага", "угу", "конечно", "да да"))


def _is_joke_of_before(own: Sequence[Sentence]) -> bool:
    """Whether a short message says that the one before was a joke: «шучу»."""
    return sum(len(sentence.words) for sentence in own) <= _ELLIPTIC


def _takes_back(own: Sequence[Sentence]) -> frozenset[str]:
    """«какой стамбул»: a question without a question mark takes back what was said before."""
    for sentence in own:
        for clause in sentence.clauses():
            words = clause.words[clause.words[0].key in _ASSENT :]
            if (
                1 < len(words) <= _ELLIPTIC
                and words[0].is_any(frozenset(["какой"]))
                and "?" not in sentence.text
                and any(each.key in ("да", "нет", "не") for each in sentence.words)
            ):
                return content_stems(words[1:])
    return frozenset()


def _tells(sentence: Sentence) -> bool:
    """Whether a sentence states something that is so."""
    return not (
        sentence.asks
        or _is_unreal(sentence)
        or _is_request(sentence)
        or _is_found(sentence)
        or _is_foreign(sentence)
    )


def _before_condition(sentence: Sentence) -> Sentence | None:
    """The part before «если …»; nothing when the sentence begins with it."""
    keys = [word.key for word in sentence.words]
    at = next((at for at, key in enumerate(keys) if key in IF), None)
    if at is None or keys[at + 1 : at + 2] in (["что"], ["честно"]):
        return sentence
    if at < _MIN_MAIN_CLAUSE:
        return None
    head = sentence.text[: sentence.text.lower().find(sentence.words[at].text.lower())]
    return Sentence(head.rstrip(" ,"), sentence.words[:at])


def _is_unreal(sentence: Sentence) -> bool:
    words = sentence.words
    return any(word.key in UNREAL for word in words) or any(
        after.key == "б" and before.has("VERB", "past") for before, after in pairwise(words)
    )


def _is_request(sentence: Sentence) -> bool:
    """Whether it asks for something, and tells nothing of the author in passing."""
    first = sentence.words[0]
    asks = first.key in QUESTION_WORDS or any(word.key == "ли" for word in sentence.words[:3])
    if asks and not _has_first_person(sentence):
        return True
    return any(word.key in REQUESTS for word in sentence.words[:3]) and not _has_first_person(
        sentence
    )


def _is_found(sentence: Sentence) -> bool:
    """«мне вакансию скинули, крановщица»: read or sent, not lived."""
    return sentence.any_of(FOUND_ELSEWHERE) and sentence.any_of(SENT)


def _has_first_person(sentence: Sentence) -> bool:
    return any(word.key in FIRST_PERSON or word.has("VERB", "1per") for word in sentence.words)


def _is_foreign(sentence: Sentence) -> bool:
    """Whether it is about somebody who is no family of the author's."""
    if any(word.key.startswith("соседск") for word in sentence.words):
        return True
    clauses = list(sentence.clauses())
    subject = next((who for who in map(_subject, clauses) if who), "")
    if "other" in map(_owner, clauses):
        return True
    return subject == "other" or (subject == "he" and not _has_first_person(sentence))


def _subject(clause: Sentence) -> str:
    """Who acts: the author ("me"), a relative, an acquaintance ("other"), "he" or nobody named."""
    before: Word | None = None
    for word in clause.words:
        if word.key in _I or word.has("VERB", "1per"):
            return "me"
        if word.key in _TO_ME and not (before and before.key == "у"):
            return "me"
        if word.key in HE:
            return "he"
        if word.may_be("nomn") and not (before and before.has("PREP")):
            if word.is_any(OTHERS):
                return "other"
            if any(lemma in RELATIONS for lemma in word.lemmas):
                return "relative"
            if word.has("Name"):
                return "named"
        before = word
    if any(word.key in FIRST_PERSON for word in clause.words):
        return "me"
    verb = next((word for word in clause.words if word.has("VERB", "past")), None)
    free = [
        word
        for before, word in pairwise((None, *clause.words))
        if word and not (before and before.has("PREP"))
    ]
    if verb and not any(_agree(word, verb) for word in free):
        return "me"  # «купил барабаны»: who tells it leaves «я» out
    return ""


def _owner(clause: Sentence) -> str:
    """Whose life «у меня сосед врач» is: not the author's, though he stands first in it."""
    words = clause.words
    named = any(word.is_any(OTHERS) and word.has("nomn") for word in words)
    acts = any(
        word.key in _I or word.has("VERB", "1per") or word.has("VERB", "past") for word in words
    )
    return "other" if named and not acts else ""


def _agree(noun: Word, verb: Word) -> bool:
    """Whether a noun may be the subject of a verb in the past."""
    form = ("sing",) if verb.has("sing") else ("plur",)
    gender = next((each for each in ("masc", "femn", "neut") if verb.has(each)), None)
    return noun.may_be("NOUN", "nomn", *form, *([gender] if gender else []))


def _is_about_relative(sentence: Sentence) -> bool:
    """Whether the relative acts, not the author: «сестра живёт в Казани»."""
    subjects = [who for who in map(_subject, sentence.clauses()) if who]
    if subjects and subjects[0] in ("relative", "named"):
        return True
    words = sentence.words
    at = next((at for at, word in enumerate(words) if word.lemmas[0] in RELATIONS), None)
    if at is None or at == 0 or not words[at].may_be("nomn"):
        return False
    owned = words[at - 1].key in FIRST_PERSON - {"я", "мы"}
    return owned and any(word.may_be("VERB", "3per") for word in words[at + 1 :])


def _own_words(sentence: Sentence) -> Sequence[Word]:
    """The words of a sentence without the clauses about «он» or somebody by name."""
    clauses = list(sentence.clauses())
    own = [clause for clause in clauses if _subject(clause) not in ("named", "other", "he")]
    if len(own) in (0, len(clauses)):
        return sentence.words
    return [word for clause in own for word in clause.words]


def _statement(kept: Sequence[Sentence], question: str, before: str) -> Statement | None:
    if not kept:
        return None
    kinds: set[str] = set()
    relations: set[str] = set()
    about_others = True
    for sentence in kept:
        found = kinds_of(_own_words(sentence))
        if _is_about_relative(sentence):
            found -= _OWN_ONLY
        else:
            about_others = False
        kinds |= found
        relations |= relations_of(sentence.words)
    count = sum(len(sentence.words) for sentence in kept)
    context = _context(question, before)
    text = " ".join(sentence.text for sentence in kept)[:MAX_STATEMENT].strip()
    first = kept[0].words[0].key
    whole = kinds and any(word.key in _SELF for sentence in kept for word in sentence.words)
    if "?" in question and (first in _ASSENT or (count <= _ELLIPTIC and not whole)):
        asked = question.rpartition("?")[0][-MAX_CONTEXT:].strip() + "?"
        kinds |= asked_kinds(_words(asked))
        text = f"— {asked} — {text}"
    elif count < _MIN_WORDS or not content_stems(_words(text)):
        return None
    return Statement(
        text,
        frozenset(kinds or {OTHER}),
        context,
        frozenset(relations),
        about_others,
    )


def _words(text: str) -> Sequence[Word]:
    return [word for sentence in sentences(text) for word in sentence.words]


def _context(question: str, before: str) -> str:
    return f"{before[-MAX_CONTEXT:]} {question[-MAX_CONTEXT:]}".strip()
