"""Read what a person says of themselves, clause by clause.

A statement keeps the person's own words. Questions, quotations, hypotheses, jokes, and what
is told of other people make none.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bots.grisha.facts import owners
from bots.grisha.facts.kinds import (
    OTHER,
    asked_kinds,
    content_stems,
    kinds_of,
    relations_of,
    tells_number,
)
from bots.grisha.facts.owners import has_first_person
from bots.grisha.facts.sentences import Sentence, Word, normalize, sentences
from bots.grisha.facts.words import (
    ALMOST,
    AS_SAID,
    ATTENTION,
    CONSUMED,
    CONTRAST,
    CRAFTS,
    DO_NOT,
    DREAMS,
    FORGET,
    FORGET_NOW,
    FORGETS_WHAT,
    FOUND_ELSEWHERE,
    GIVEN_UP,
    IF,
    IRONY,
    JOKES,
    LAUGHTER,
    ME,
    MEDIA,
    QUESTION_WORDS,
    REPORTS,
    REQUESTS,
    SENT,
    SHADES,
    SOUGHT,
    SPEECH,
    THAT,
    TRUTH,
    UNREAL,
    WISHED,
    YES_OR_NO,
    YOU,
)

MAX_OWN_TEXT = 1000  # characters; a longer message is pasted, not told
MAX_STATEMENT = 240  # characters of own words that one fact keeps
MAX_CONTEXT = 160  # characters of what was said before
_ELLIPTIC = 4  # words of an answer that needs its question
# Of one's own: with them a short sentence is told rather than answered.
_SELF = ME | frozenset(["мы", "нас", "нам"])
_MIN_WORDS = 2  # one word answers a question, or tells nothing
_MIN_MAIN_CLAUSE = 3  # words before «если» that tell something by themselves
_TAG = 2  # words of «смешно?»
_COUNTER_QUESTION = 3  # words of «а собак?» without its question mark
_YES = frozenset(["да", "ага", "угу", "конечно", "точно"])
_NO = frozenset(["нет", "не", "неа"])
# A sentence about a relative alone tells these of the relative, not of the speaker.
_OWN_ONLY = frozenset(
    ["city", "work", "studies", "age", "birthday", "health", "habits", "plans", "tastes",
     "possessions", "languages", "dislikes"]
)  # fmt: skip
_ABSENT = frozenset([owners.OTHER, owners.LISTENER])


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
    if _is_grotesque(text):
        return Reading()
    own, was_joke, joked_of = _after_joke(own)
    if taken_back := joked_of | _takes_back(own):
        was_joke = False
    kept = [] if _is_counter_question(own, before) else _told(own)
    return Reading(
        None if taken_back and not joked_of else _statement(kept, question, before),
        forgets_last=was_joke,
        takes_back=taken_back,
    )


def _until_speech(own: Sequence[Sentence]) -> Sequence[Sentence]:
    """Leave out what follows «он пишет:» and «читал в группе:»."""
    kept: list[Sentence] = []
    for sentence in own:
        head, colon, _ = sentence.text.partition(":")
        if colon:
            clause = next(iter(sentences(head)), None)
            speaks = clause and (clause.any_of(SPEECH) or _names_speaker(clause))
            if clause and speaks and not owners.is_of_doctor(clause):
                who = owners.subject(clause)
                family = relations_of(clause.words)
                mine = has_first_person(clause.words)
                tells = (family and (mine or who in owners.THIRD)) or (mine and who == owners.NAMED)
                return [*kept, clause] if tells else kept
        kept.append(sentence)
    return kept


def _names_speaker(head: Sentence) -> bool:
    """«мой бывший: «…»»: who speaks, and no verb."""
    who = owners.subject(head)
    silent = not any(word.has("VERB") for word in head.words)
    return who == owners.OTHER or (who == owners.RELATIVE and silent)


def _forgets(own: Sequence[Sentence]) -> tuple[frozenset[str], bool]:
    """What «сотри про психолога» and «не спрашивай меня про эльбрус» ask to forget."""
    for sentence in own:
        words = sentence.words
        asked = any(word.key in ("прошу", "можешь", "просьба", "давай") for word in words)
        at = next(
            (
                at
                for at, word in enumerate(words)
                if word.key in FORGET_NOW or (asked and word.is_any(FORGET))
            ),
            None,
        )
        wish = at is not None and (at == 0 or words[at - 1].key not in ("не", "я"))
        wish = wish or (
            any(
                first.key == "не" and second.may_be("impr") and second.is_any(DO_NOT)
                for first, second in pairwise(words)
            )
            and any(word.key in ("больше", "про", "об", "о") for word in words)
        )
        if wish:
            named = _named_thing(words) or content_stems(
                word for each in own for word in each.words
                if word.has("NOUN") and not word.is_any(FORGETS_WHAT)
            )  # fmt: skip
            return named, not named
    return frozenset(), False


def _named_thing(words: Sequence[Word]) -> frozenset[str]:
    """What follows «про» and «о»."""
    return content_stems(
        after for before, after in pairwise(words)
        if before.key in ("про", "о", "об", "насчет") and not after.is_any(FORGETS_WHAT)
    )  # fmt: skip


def _is_grotesque(text: str) -> bool:
    """«ага, женился и лечу в стамбул)))»: agreement and laughter mark a joke."""
    said = normalize(text.lstrip())
    return said.startswith(IRONY) or (
        ")))" in text and said.startswith(("ага", "угу", "конечно", "да ", "ну да", "а то"))
    )


def _after_joke(own: Sequence[Sentence]) -> tuple[Sequence[Sentence], bool, frozenset[str]]:
    """The sentences after a joke, whether it was the message before, and of what it was.

    «шучу, до зарплаты сто рублей», «я пошутил про увольнение».
    """
    if len(own) > 1 and own[0].text.rstrip(" .!…)").lower() in LAUGHTER and _tells_truth(own[1]):
        return own[1:], True, frozenset()
    at = max((at for at, each in enumerate(own) if each.any_of(JOKES)), default=None)
    if at is None:
        return own, False, frozenset()
    words = own[at].words
    about = [
        after for before, after in pairwise(words)
        if before.key in ("про", "о", "об", "насчет") and not after.has("PREP")
    ]  # fmt: skip
    place = own[at].first_of(JOKES) or 0
    return own[at + 1 :], at == 0 and place < _ELLIPTIC and not about, content_stems(about)


def _tells_truth(sentence: Sentence) -> bool:
    """«я обычный наладчик», «на самом деле …»: what was said before was a joke."""
    keys = [word.key for word in sentence.words]
    return sentence.any_of(TRUTH) or ("на", "самом") in pairwise(keys)


def _takes_back(own: Sequence[Sentence]) -> frozenset[str]:
    """«какой стамбул»: a question without a question mark takes back what was said before."""
    for sentence in own:
        for clause in sentence.clauses():
            words = clause.words[clause.words[0].key in _YES | _NO :]
            if (
                1 < len(words) <= _ELLIPTIC
                and words[0].is_any(frozenset(["какой"]))
                and "?" not in sentence.text
                and any(each.key in ("да", "нет", "не") for each in sentence.words)
            ):
                return content_stems(words[1:])
    return frozenset()


def _is_counter_question(own: Sequence[Sentence], before: str) -> bool:
    """«а собак»: it continues the author's question before, and tells nothing."""
    if not before or len(own) != 1 or own[0].words[0].key not in ("а", "и"):
        return False
    asked = sentences(before)
    words = own[0].words
    listener = "ты" in {word.key for each in asked for word in each.words}
    return (
        (listener or bool(asked and asked[-1].asks))
        and not has_first_person(words)
        and (len(words) <= _COUNTER_QUESTION or not any(word.has("VERB") for word in words))
    )


def _told(own: Sequence[Sentence]) -> Sequence[Sentence]:
    parts = (_real_part(sentence) for sentence in own if _tells(sentence))
    return [part for part in parts if part and part.words]


def _tells(sentence: Sentence) -> bool:
    """Whether a sentence states something at all."""
    return not (
        (sentence.asks and not _asks_in_tag(sentence))
        or _is_request(sentence)
        or _is_found(sentence)
    )


def _asks_in_tag(sentence: Sentence) -> bool:
    """«я библиотекарь, смешно?»: a statement that only wants to be heard."""
    *told, tag = sentence.clauses()
    return (
        bool(told)
        and len(tag.words) <= _TAG
        and not has_first_person(tag.words)
        and any(has_first_person(clause.words) for clause in told)
        and not any(word.key in QUESTION_WORDS for word in sentence.words)
    )


def _real_part(sentence: Sentence) -> Sentence | None:
    """The clauses of a sentence that are so, and not of somebody else."""
    clauses = list(sentence.clauses())
    kept: list[Sentence] = []
    real = True
    reported = False
    for whole in _without_wishes(clauses):
        if reported and whole.words[0].key in THAT:
            continue  # «тёща уверяет всех, что я скоро уволюсь»
        clause = _before_that(whole)
        reported = _reports(whole)
        real = (real or _turns_back(clause)) and not _is_unreal(clause)
        head = _before_condition(clause) if not real else clause
        if head and not _is_foreign(head):
            kept.append(head)
        elif head and owners.subject(head) == owners.OTHER and not kept:
            real = False  # what follows is about the same person
    if _gives_up(sentence):
        return None
    if len(kept) == len(clauses) and all(map(operator.is_, kept, clauses)):
        return sentence
    if not any(map(_is_own, kept)):
        return None
    end = sentence.text[len(sentence.text.rstrip(".!…)")) :]
    text = ", ".join(each.text for each in kept).rstrip(".!…)") + end
    return Sentence(text, tuple(word for each in kept for word in each.words))


def _reports(clause: Sentence) -> bool:
    """Whether somebody who isn't the author's doctor says something."""
    says = any(word.is_any(REPORTS) and not word.has("1per") for word in clause.words)
    others = owners.subject(clause) in (*owners.THIRD, owners.OTHER)
    return says and others and not owners.is_of_doctor(clause)


def _before_that(clause: Sentence) -> Sentence:
    """«мать говорит что я женюсь»: who says it, without what."""
    keys = [word.key for word in clause.words]
    at = next((at for at, key in enumerate(keys) if at and key in THAT), 0)
    return _cut(clause, at) if at and _reports(_cut(clause, at)) else clause


def _cut(clause: Sentence, at: int) -> Sentence:
    """The first words of a clause."""
    end = clause.text.lower().find(f" {clause.words[at].text.lower()}")
    return Sentence(clause.text[:end].rstrip(" ,"), clause.words[:at])


def _without_wishes(clauses: Sequence[Sentence]) -> Sequence[Sentence]:
    """«хотел татуху, дракона, денег пожалел»: what came of a wish, without the wish."""
    at = next((at for at, clause in enumerate(clauses) if _is_wish(clause)), None)
    if at is None:
        return clauses
    after = [each for each in clauses[at + 1 :] if any(word.has("VERB") for word in each.words)]
    return [*clauses[:at], *after] if after else clauses


def _is_wish(clause: Sentence) -> bool:
    """«хотел татуху», «думали взять кота»: it was meant, in the past."""
    words = clause.words
    meant = [word for word in words if word.has("past") and word.is_any(GIVEN_UP["planned"])]
    infinitive = any(word.has("INFN") for word in words)
    return any(infinitive or word.lemmas[0] != "думать" for word in meant) and not any(
        word.has("past", "perf") for word in words
    )


def _is_own(clause: Sentence) -> bool:
    return owners.subject(clause) in (owners.ME, owners.NOBODY, owners.RELATIVE)


def _turns_back(clause: Sentence) -> bool:
    """«…, а я в десятом классе»: from what isn't so back to what is."""
    return clause.words[0].key in CONTRAST and has_first_person(clause.words)


def _before_condition(clause: Sentence) -> Sentence | None:
    """«куплю дом если накоплю»: the part before the condition, if it tells something."""
    at = next((at for at, word in enumerate(clause.words) if word.key in IF), 0)
    if at < _MIN_MAIN_CLAUSE:
        return None
    head = _cut(clause, at)
    return None if _is_unreal(head) else head


def _is_unreal(clause: Sentence) -> bool:
    words = clause.words
    keys = [word.key for word in words]
    if any(key in UNREAL for key in keys) or clause.any_of(DREAMS) or _is_dream(keys):
        return True
    if keys[0] in ("чтобы", "чтоб") and has_first_person(words):
        return True
    if any(first == "как" and second in AS_SAID for first, second in pairwise(keys)):
        return True
    if any(pair in ALMOST for pair in pairwise(keys)):
        return True
    if any(key in IF and after not in ("что", "честно") for key, after in pairwise((*keys, ""))):
        return True
    return any(after.key == "б" and before.has("VERB", "past") for before, after in pairwise(words))


def _is_dream(keys: Sequence[str]) -> bool:
    """«сон был: …», «во сне …», «видела сон»."""
    dreams = {"сон", "сне", "сном"}.intersection(keys)
    return bool(dreams) and bool({"был", "во", "видел", "видела", "такой"}.intersection(keys))


def _gives_up(sentence: Sentence) -> bool:
    """«мечтали о корее, но не поедем»: a plan that is over as soon as it is told."""
    keys = [word.lemmas[0] for word in sentence.words]
    planned = any(lemma in GIVEN_UP["planned"] for lemma in keys)
    dropped = any(
        word.has("past") and word.lemmas[0] in GIVEN_UP["dropped"] for word in sentence.words
    ) or any(
        first.key == "не" and second.has("VERB", "1per", "futr")
        for first, second in pairwise(sentence.words)
    )
    return planned and dropped


def _is_request(sentence: Sentence) -> bool:
    """Whether it asks for something, and tells nothing of the author in passing."""
    words = sentence.words
    asks = words[0].key in QUESTION_WORDS or any(word.key == "ли" for word in words[:3])
    asks = asks or any(word.key in REQUESTS or _is_order(word) for word in words[:3])
    return asks and not has_first_person(words)


def _is_order(word: Word) -> bool:
    """«погугли», «пишите в личку»; not «прикинь»."""
    return word.known and word.has("VERB", "impr", "excl") and word.key not in ATTENTION


def _is_found(sentence: Sentence) -> bool:
    """«мне вакансию скинули, крановщица»: read or sent, not lived."""
    found = [word for word in sentence.words if word.is_any(FOUND_ELSEWHERE)]
    own = has_first_person(sentence.words)
    sent = [word for word in sentence.words if word.is_any(SENT - CRAFTS if own else SENT)]
    return bool(found and sent) and (len(found) > 1 or len(sent) > 1 or found != sent)


def _is_foreign(clause: Sentence) -> bool:
    """Whether a clause is about the listener, or somebody who is no family of the author's."""
    words = clause.words
    if any(word.key.startswith(("соседск", "чуж")) for word in words):
        return True
    if any(word.key in YOU for word in words) and not clause.any_of(SPEECH):
        return True  # «мы с тобой одной крови»
    who = owners.subject(clause)
    reports = any(word.is_any(REPORTS) and word.has("3per") for word in words)
    reports = reports and not owners.is_of_doctor(clause)
    return who in _ABSENT or (reports and not has_first_person(words))


def _statement(kept: Sequence[Sentence], question: str, before: str) -> Statement | None:
    antecedent = relations_of(_words(before)) or relations_of(_words(question))
    kinds: set[str] = set()
    relations: set[str] = set()
    about_others = True
    told: list[Sentence] = []
    shades: list[str] = []
    for sentence in kept:
        clauses = list(sentence.clauses())
        whose = owners.subjects(clauses)
        named = relations_of(sentence.words)
        if owners.PRONOUN in whose and owners.ME not in whose and not named:
            if not antecedent:
                continue  # «он сказал» of somebody who isn't known
            named = antecedent
        own = [
            word
            for clause, who in zip(clauses, whose, strict=True)
            if who not in owners.THIRD
            for word in clause.words
        ]
        found = kinds_of(own or sentence.words)
        if _is_of_others(clauses, whose):
            found = (found | kinds_of(sentence.words)) - _OWN_ONLY
            named = owners.narrowed(named, clauses)
        else:
            found |= kinds_of(sentence.words) - _OWN_ONLY
            about_others = False
        if content_stems(sentence.words):
            shades.append(_shade(clauses, whose))
        if owners.PRONOUN in whose:
            named |= antecedent
        kinds |= found
        relations |= named
        antecedent = named or antecedent
        told.append(sentence)
    if not told:
        return None
    if shades and all(shades):
        kinds = {kind for kind in kinds if all(kind in SHADES[shade] for shade in shades)}
        kinds.update(shades, ["plans"] if "media" not in shades else [])
    return _with_question(told, kinds, relations, about_others, question, before)


def _with_question(
    told: Sequence[Sentence],
    kinds: set[str],
    relations: set[str],
    about_others: bool,
    question: str,
    before: str,
) -> Statement | None:
    count = sum(len(sentence.words) for sentence in told)
    text = " ".join(sentence.text for sentence in told)[:MAX_STATEMENT].strip()
    first = told[0].words[0].key
    whole = kinds and any(word.key in _SELF for sentence in told for word in sentence.words)
    answers = "?" in question and (
        first in _YES | _NO or (count <= _ELLIPTIC and not whole) or _is_fragment(told[0])
    )
    if answers:
        asked = question.rpartition("?")[0][-MAX_CONTEXT:].strip() + "?"
        asked = asked.rpartition(". ")[2]
        kinds |= asked_kinds(_words(asked)) if first not in _NO else set()
        relations |= relations_of(_words(asked)) | relations_of(_words(before))
        if first in _YES or not _offers(asked):
            text = f"— {asked} — {text}"
            count = max(count, _MIN_WORDS)
    if count < _MIN_WORDS or not content_stems(_words(text)):
        return None
    if not (answers or relations or count > _MIN_WORDS or _is_whole(told[0])):
        return None
    return Statement(
        text, frozenset(kinds or {OTHER}), _context(question, before), frozenset(relations),
        about_others,
    )  # fmt: skip


def _is_whole(sentence: Sentence) -> bool:
    """Whether two words tell something: «слесарь я», «живу хорошо»; not «и скрипки»."""
    return has_first_person(sentence.words) or any(
        tells_number(word) or any(map(word.has, ("VERB", "ADJS", "Geox", "Name")))
        for word in sentence.words
    )


def _is_fragment(sentence: Sentence) -> bool:
    """«китайский, иероглифы снятся»: its first clause is an answer, not a sentence."""
    clause = next(iter(sentence.clauses()), sentence)
    return len(clause.words) <= _ELLIPTIC and not (
        has_first_person(clause.words) or any(word.has("VERB") for word in clause.words)
    )


def _offers(question: str) -> bool:
    """Whether a question names an answer that may be wrong: «ты врач?»."""
    words = _words(question)
    return not any(word.key in QUESTION_WORDS - YES_OR_NO for word in words)


def _shade(clauses: Sequence[Sentence], whose: Sequence[str]) -> str:
    """Whether a sentence tells only of what is to come, of a film, or of a job that is sought."""
    found = [_shade_of(clause) for clause in clauses]
    plain = any(
        who == owners.ME and not shade and not _is_of_unnamed(clause)
        for clause, who, shade in zip(clauses, whose, found, strict=True)
    )
    return "" if plain else next((shade for shade in found if shade), "")


def _is_of_unnamed(clause: Sentence) -> bool:
    """«обещали перезвонить»: some people did."""
    return not has_first_person(clause.words) and any(
        word.has("VERB", "past", "plur") for word in clause.words
    )


def _shade_of(clause: Sentence) -> str:
    verbs = [word for word in clause.words if word.has("VERB") and not word.has("impr")]
    if verbs and all(word.has("futr", "1per") for word in verbs):
        return "future"
    if clause.any_of(MEDIA) and clause.any_of(CONSUMED):
        return "media"
    if _is_wish(clause):
        return WISHED
    return "sought" if clause.any_of(SOUGHT) else ""


def _is_of_others(clauses: Sequence[Sentence], whose: Sequence[str]) -> bool:
    """Whether only relatives act: «сестра живёт в Казани»."""
    if any(
        who == owners.ME and content_stems(clause.words)
        for clause, who in zip(clauses, whose, strict=True)
    ):
        return False
    return next((who for who in whose if who), "") in owners.THIRD and (whose[0] in owners.THIRD)


def _words(text: str) -> Sequence[Word]:
    return [word for sentence in sentences(text) for word in sentence.words]


def _context(question: str, before: str) -> str:
    return f"{before[-MAX_CONTEXT:]} {question[-MAX_CONTEXT:]}".strip()
