"""Turn a sentence that says «вы» to one person into one that says «ты».

Small models fall back into «вы» whatever the prompt says. What stands in quotes stays, and so
does a sentence that is said to several people («вы все»), or in which «вы» goes with a form that
shows the gender («вы устали»): it isn't known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bots.grisha.names.morphology import parses

if TYPE_CHECKING:
    from pymorphy3.analyzer import Parse

SUBJECT_REACH = 4  # words between «вы» and its verb
_PRONOUNS = {
    "вы": "ты", "вас": "тебя", "вам": "тебе", "вами": "тобой",
    "ваш": "твой", "ваша": "твоя", "ваше": "твоё", "ваши": "твои", "вашего": "твоего",
    "вашей": "твоей", "вашему": "твоему", "вашу": "твою", "вашим": "твоим", "вашем": "твоём",
    "ваших": "твоих", "вашими": "твоими", "здравствуйте": "здравствуй",
}  # fmt: skip
_SEVERAL = frozenset(["все", "всем", "всех", "оба", "обе", "обоим", "ребята", "друзья", "вдвоём"])
_AFTER_PREPOSITION = {"о вас": "о тебе", "обо вас": "о тебе", "при вас": "при тебе"}
_WORD = re.compile(r"«[^»]*»|\"[^\"]*\"|`[^`]*`|[А-ЯЁа-яё]+(?:-[А-ЯЁа-яё]+)*")
_QUOTES = ("«", '"', "`")
# Whoever asks for a text to send somebody gets it as it is.
_FOR_OTHERS = re.compile(
    r"\b(?:напиши|сочини|состав|придум|перевед|исправ|отредакт|письм|поздравл|тост|объявлен"
    r"|резюме|обращен|стих|рассказ|(?:вы|вас|вам|вами|ваш\w*)\b)",
    re.IGNORECASE,
)


def wants_text_for_others(question: str) -> bool:
    """Whether «вы» in the answer to a question may be meant for somebody else."""
    return _FOR_OTHERS.search(question) is not None


def familiar(sentence: str) -> str:
    """The sentence with «ты» in place of «вы»."""
    words = [word.lower() for word in _WORD.findall(sentence)]
    if _SEVERAL.intersection(words) or _shows_gender(words):
        return sentence
    number = -1

    def replace(match: re.Match[str]) -> str:
        nonlocal number
        number += 1
        word = match.group()
        if word.startswith(_QUOTES):
            return word
        before = words[max(0, number - SUBJECT_REACH) : number]
        return _like(word, _changed(word.lower(), before))

    return _WORD.sub(replace, sentence)


def _changed(word: str, before: list[str]) -> str:
    if word == "вас" and before and f"{before[-1]} вас" in _AFTER_PREPOSITION:
        return "тебе"
    if word in _PRONOUNS:
        return _PRONOUNS[word]
    if not word.endswith(("те", "тесь")):
        return word
    form = _plural_verb(word, said_of="вы" in before)
    single = form and form.inflect({"sing"})
    return single.word if single else word


def _plural_verb(word: str, *, said_of: bool) -> Parse | None:
    """The verb that a word most likely is: «скажите» an order, «хотите» none."""
    found = [form for form in parses(word) if form.tag.POS == "VERB" and "plur" in form.tag]
    if not found or parses(word)[0].tag.POS != "VERB":
        return None
    orders = [form for form in found if "impr" in form.tag]
    told = [form for form in found if "2per" in form.tag]
    if told and (said_of or not orders or "impf" in told[0].tag):
        return told[0]
    return orders[0] if orders else None


def _shows_gender(words: list[str]) -> bool:
    """Whether «вы» goes with a past tense or a short adjective."""
    for number, word in enumerate(words):
        if word != "вы":
            continue
        for follower in words[number + 1 : number + 1 + SUBJECT_REACH]:
            tag = parses(follower)[0].tag
            if "plur" in tag and ("past" in tag or tag.POS in ("ADJS", "PRTS")):
                return True
    return False


def _like(word: str, changed: str) -> str:
    return changed.capitalize() if word[0].isupper() else changed
