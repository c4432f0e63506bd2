"""Recognise questions about oneself: «где я работаю?», «что ты обо мне знаешь?»."""

from __future__ import annotations

from itertools import pairwise

from bots.grisha.facts.kinds import asked_kinds, stems_of
from bots.grisha.facts.reading import read
from bots.grisha.facts.sentences import Sentence, sentences
from bots.grisha.facts.words import ADVICE, ME, MINE, QUESTION_WORDS, REMEMBERS

MAX_WORDS = 14  # a longer question is about something else
MAX_CHARACTERS = 200


def asks_of_self(text: str) -> bool:
    """Whether a message asks for something that its author may have told."""
    return len(text) <= MAX_CHARACTERS and any(map(_asks_of_self, sentences(text)))


def asks_for_everything(text: str) -> bool:
    """«что ты обо мне знаешь?», «расскажи, что помнишь про меня»."""
    if len(text) > MAX_CHARACTERS:
        return False
    for sentence in sentences(text):
        keys = [word.key for word in sentence.words]
        about_me = any(
            before in ("обо", "про", "о") and after in ("мне", "меня")
            for before, after in pairwise(keys)
        )
        if about_me and sentence.any_of(REMEMBERS):
            return True
    return False


def tells_more(text: str, than: str) -> bool:
    """Whether a message tells of its author what another doesn't: «у меня кот Бублик»."""
    return read(text).statement is not None and bool(stems_of(text) - stems_of(than))


def _asks_of_self(sentence: Sentence) -> bool:
    words = sentence.words
    if len(words) > MAX_WORDS or sentence.any_of(ADVICE):
        return False
    keys = {word.key for word in words}
    if not keys & ME or not (sentence.asks or words[0].key in QUESTION_WORDS):
        return False
    asks_how = words[0].key == "как" and not keys & {"зовут", "звать", "звали", "называется"}
    if asks_how or (not any(word.key in QUESTION_WORDS for word in words) and not keys & MINE):
        return False
    return bool(asked_kinds(words))
