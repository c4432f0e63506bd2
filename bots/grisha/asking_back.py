"""Follow-up questions: «как прошёл экзамен?» some days after a person told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bots.grisha.facts.sentences import read_words
from bots.grisha.facts.store import Fact

PAUSE = timedelta(days=7)  # between two questions to one person
YOUNGEST, OLDEST = timedelta(days=2), timedelta(days=60)
ASKED_OF = frozenset(["plans", "health", "studies"])  # what has an outcome
GREETINGS = frozenset(
    ["привет", "приветик", "здравствуй", "здравствуйте", "хай", "здорово", "салют", "добрый",
     "приветствовать", "дело"]
)  # fmt: skip
MAX_WORDS = 6  # of a greeting; a longer message has a subject of its own


def fact_to_ask_of(
    text: str, facts: Sequence[Fact], now: datetime, asked_at: datetime | None, asked_id: int
) -> Fact | None:
    """The fact to ask about when a greeting comes; None nearly always.

    `facts` hold, oldest first; the fact that was asked of last has the id `asked_id`.
    """
    words = read_words(text)
    if len(words) > MAX_WORDS or not any(word.is_any(GREETINGS) for word in words):
        return None
    if asked_at and now - asked_at < PAUSE:
        return None
    fit = [
        fact
        for fact in facts
        if fact.id > asked_id
        and fact.kinds & ASKED_OF
        and not fact.about_others
        and YOUNGEST <= now - fact.said_at <= OLDEST
    ]
    return fit[-1] if fit else None
