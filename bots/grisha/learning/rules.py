"""Rules: which exchanges may be learned, and which votes confirm a pattern for everybody."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bots.grisha.cleaning import clean_answer
from bots.grisha.knowledge import is_worth_searching
from bots.grisha.learning.tables import Status
from bots.grisha.names.morphology import could_be_name, parses
from services.retrieval import Exchange
from services.retrieval.spelling import likeness, trigrams, words_of

MIN_ANSWER = 15  # letters of an answer worth learning
MAX_QUESTION, MAX_ANSWER = 300, 700
MIN_SUPPORTERS = 2  # people beside the author who asked and confirmed the same
SAME_QUESTION, SAME_ANSWER = 0.85, 0.7  # likeness by trigrams

_UNSURE = ("не знаю", "ошибка", "извини", "повтори", "не понял", "не понимаю", "не помню")
_PERSONAL = re.compile(
    r"""
    \d(?:[\s().+-]?\d){2,}                  # a number of three digits or more
    | \S@\S | @\w{3} | https?:// | www\. | \bt\.me/
    | \b(?:меня|нас|мужа|жену|сына|дочь|маму|папу)\s+зовут\b | \bзови(?:те)?\s+меня\b
    | \b(?:парол|логин|пин-?код|диагноз|адрес)\w* | \bул(?:ица|ице|\.)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MINE = frozenset(["я", "мой", "наш"])  # in their basic forms
_YOURS = frozenset(["твой", "ваш"])
_GRISHA = frozenset(["гриша", "гриш", "гриши", "грише", "гришу", "гришей"])
_MAX_NUMERALS = 2  # «четыре восемь два один» is a number in words
_WORD = re.compile(r"[^\W\d_]+")
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
_THANKS = frozenset(["спасибо", "спасибочки", "спс", "благодарю", "мерси"])
_WITH_THANKS = frozenset(["большое", "огромное", "тебе", "друг"])


def is_thanks(text: str) -> bool:
    """Whether a message says thank you and nothing else."""
    if len(text) > 200:
        return False
    words = words_of(text)
    while words and words[0] in _WITH_THANKS:
        words = words[1:]
    if not words or not (words[0] in _THANKS or words[0].startswith("пасиб")):
        return False
    rest = iter(words[1:])
    for word in rest:
        if word == "за":
            if next(rest, None) is None:
                return False
        elif word not in _WITH_THANKS and not word.startswith(("гриш", "помог")):
            return False
    return True


def is_safe(exchange: Exchange, known_names: Collection[str] = frozenset()) -> bool:
    """Whether an exchange names nobody, holds no number and tells nothing of its author.

    This keeps private things out of what operators read; it is not what protects them: a
    candidate reaches others only when `confirmed` says so.
    """
    if not _is_short(exchange):
        return False
    return (
        not any(_PERSONAL.search(text) or _has_numerals(text) for text in exchange)
        and not _speaks_of(exchange.question, _MINE, first_person=True)
        and not _speaks_of(exchange.answer, _YOURS, first_person=False)
        and not any(_names_somebody(text, known_names) for text in exchange)
    )


def is_sound(exchange: Exchange) -> bool:
    """Whether an answer is worth repeating: long enough, sure, in Russian, no garbage."""
    question, answer = exchange
    if not _is_short(exchange) or not is_worth_searching(question):
        return False
    if len(answer) <= MIN_ANSWER or answer.endswith(("…", "...")):
        return False
    if any(phrase in answer.lower() for phrase in _UNSURE):
        return False
    if clean_answer(answer) != answer.strip():
        return False
    words, letters = words_of(answer), "".join(_WORD.findall(answer))
    if len(set(words)) * 2 < len(words) or len(words) < 3:
        return False
    if len(_CYRILLIC.findall(answer)) < 0.7 * len(letters):
        return False
    return likeness(trigrams(question), trigrams(answer)) < 0.8  # an echo


def is_same(question: str, other: str) -> bool:
    """Whether two questions are nearly the same."""
    return sorted(words_of(question)) == sorted(words_of(other)) or (
        likeness(trigrams(question), trigrams(other)) >= SAME_QUESTION
    )


@dataclass(slots=True)
class Candidate:
    """A pattern with its votes: the value by user, of those whose votes count."""

    id: int
    exchange: Exchange
    author_id: int
    votes: Mapping[int, int] = field(default_factory=dict)
    own_vote: int = 0  # the author's, whether it counts for others or not
    banned: bool = False  # the author, in some group

    @property
    def supported(self) -> bool:
        """Whether its author confirmed it, and their vote counts."""
        return self.votes.get(self.author_id, 0) > 0

    def is_like(self, other: Candidate) -> bool:
        """Whether question and answer are nearly the same."""
        if self.exchange == other.exchange:
            return True
        if not is_same(self.exchange.question, other.exchange.question):
            return False
        answers = (trigrams(self.exchange.answer), trigrams(other.exchange.answer))
        return likeness(*answers) >= SAME_ANSWER


def standing(candidate: Candidate, alike: Iterable[Candidate]) -> Status:
    """The status that votes give a candidate; `alike` are nearly equal candidates of others.

    It is confirmed when two people beside its author asked nearly the same, confirmed what
    they were answered, and between them said every word of it.
    """
    if candidate.own_vote < 0:
        return Status.REJECTED
    support = {
        other.author_id: other.exchange
        for other in alike
        if other.supported and other.author_id != candidate.author_id
    }
    others = {user: value for user, value in candidate.votes.items() if user != candidate.author_id}
    ups = support.keys() | {user for user, value in others.items() if value > 0}
    downs = {user for user, value in others.items() if value < 0}
    if len(downs) > len(ups):
        return Status.REJECTED
    if (
        not candidate.banned
        and len(support) >= MIN_SUPPORTERS
        and len(ups) > len(downs)
        and _is_said_by(candidate.exchange, list(support.values()))
    ):
        return Status.CONFIRMED
    return Status.CANDIDATE


def _is_said_by(exchange: Exchange, others: Sequence[Exchange]) -> bool:
    """Whether every word of an exchange occurs in at least one of the others."""
    return all(
        set(words_of(mine)) <= {word for text in theirs for word in words_of(text)}
        for mine, theirs in zip(exchange, zip(*others, strict=True), strict=True)
    )


def _is_short(exchange: Exchange) -> bool:
    return len(exchange.question) <= MAX_QUESTION and len(exchange.answer) <= MAX_ANSWER


def _has_numerals(text: str) -> bool:
    numerals = 0
    for word in _WORD.findall(text):
        numerals = numerals + 1 if "NUMR" in parses(word)[0].tag else 0
        if numerals > _MAX_NUMERALS:
            return True
    return False


def _speaks_of(text: str, pronouns: frozenset[str], *, first_person: bool) -> bool:
    for word in _WORD.findall(text):
        parse = parses(word.lower())[0]
        if parse.normal_form in pronouns:
            return True
        if first_person and {"VERB", "1per", "sing"} in parse.tag:
            return True
    return False


def _names_somebody(text: str, known_names: Collection[str]) -> bool:
    return any(
        word.lower() not in _GRISHA and (word.lower() in known_names or could_be_name(word))
        for word in _WORD.findall(text)
    )
