"""Recognise talk about names: who asks for theirs, who was asked, who introduces themselves."""

from __future__ import annotations

import re

MAX_BESIDE = 6  # words beside the name that still make a message an introduction
MAX_CHARACTERS = 500  # a longer message is about something else

_ASKS_OWN_NAME = re.compile(
    r"как\s+(?:же\s+)?меня\s+зовут|(?:помнишь|знаешь|забыл|назови|скажи|какое)\s+(?:ли\s+)?"
    r"(?:ты\s+)?мо[её]\s+имя|мо[её]\s+имя\s+(?:помнишь|знаешь|забыл)|^\W*кто\s+я(?:\s+так\w+)?\W*$",
    re.IGNORECASE,
)
_HOW = re.compile(r"(?:как|тебя)\b", re.IGNORECASE)
_CALLED = re.compile(r"\b(?:зовут|звать|имя)", re.IGNORECASE)
_RETURNED = re.compile(r"\bа\s+(?:тебя|ты|тво[её])\b|\bкак\s+(?:тебя\s+)?зовут", re.IGNORECASE)


def asks_own_name(text: str) -> bool:
    """Whether the author asks for their own name: «как меня зовут?»."""
    return len(text) <= MAX_CHARACTERS and bool(_ASKS_OWN_NAME.search(text))


def asked_for_name(answer: str) -> bool:
    """Whether an answer asks for the name: «А тебя как зовут?»."""
    for statement in re.split(r"[.!]", answer):
        for question in statement.split("?")[:-1]:
            how = _HOW.search(question)
            if how and _CALLED.search(question, how.end()):
                return True
    return False


def is_introduction(text: str, name: str) -> bool:
    """Whether a message is there to introduce its author, and for nothing else."""
    if len(text) > MAX_CHARACTERS:
        return False
    beside = len(text.split()) - len(name.split())
    return beside <= MAX_BESIDE and ("?" not in text or bool(_RETURNED.search(text)))
