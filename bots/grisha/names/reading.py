"""Read a name where a phrase of introduction leaves its place: who it is, in which case."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bots.grisha.names.morphology import (
    LATIN,
    Case,
    is_also_word,
    is_first_name,
    is_mostly,
    is_name,
    is_surname,
    nominative,
    parses,
)
from bots.grisha.names.tokens import Sentence
from bots.grisha.names.words import (
    AFTER_ME,
    BARE_NOUNS,
    CALLED,
    ENGLISH_WORDS,
    FILLERS,
    FIRST_PERSON,
    GREETINGS,
    ME,
    NEVER_BARE,
    ROLES,
)

_GUESSED_NAME = re.compile(r"[А-ЯЁ][а-яё]+(?:-[А-ЯЁ][а-яё]+)*|[A-Z][a-z'’]+(?:-[A-Z][a-z]+)*")


@dataclass(frozen=True, slots=True)
class Found:
    """A name and where the words of it end."""

    name: str
    end: int
    preferred: bool = False


def name_or_correction(sentence: Sentence, start: int, cases: tuple[Case, ...]) -> Found | None:
    """A name after a phrase that asks for one; «не Саша, а Паша» gives Паша."""
    start = sentence.skip_pauses(sentence.skip_fillers(sentence.skip_pauses(start)))
    if sentence[start].key == "это":
        start += 1
    if sentence[start].key == "не":
        return correction(sentence, start, cases)
    found = read_name(sentence, start, cases, trusted=True)
    if not found or is_invitation(sentence, found.end):
        return None
    after = sentence[found.end]
    if after.key in ("или", "либо") or "?" in after.text:
        return None
    return None if is_list(sentence, found.end) else found


def is_list(sentence: Sentence, at: int) -> bool:
    """«… Катя и Оля», «… Вася с Петей»: several people, not the author."""
    case: Case = "ablt" if sentence[at].key == "с" else "nomn"
    joined = sentence[at].key in ("и", "с", "да")
    return joined and is_first_name(sentence[at + 1].text, case)


def correction(sentence: Sentence, start: int, cases: tuple[Case, ...]) -> Found | None:
    """Read «не Саша, а Паша» from its «не»; None when no right name follows."""
    for but in range(start + 1, min(start + 6, len(sentence) - 1)):
        if sentence[but].key in ("а", "но", ",") and sentence[but + 1].key not in ("а", "но"):
            right = but + 1
            if sentence[right].key in FIRST_PERSON or sentence[right].key == "просто":
                right += 1
            elif sentence[but].key == ",":
                continue  # «не Катя, Катерина» doesn't say whose name it is
            return read_name(sentence, sentence.skip_pauses(right), cases, trusted=True)
    return None


def weak_name(sentence: Sentence, start: int) -> Found | None:
    """A name right after «я»: anything may stand there, so what follows is looked at too."""
    found = read_name(sentence, start, ("nomn",), trusted=False)
    if not found:
        return None
    after = sentence[found.end]
    if "?" in after.text:
        return None
    if is_also_word(found.name) and not _is_meant_as_name(sentence, start, found):
        return None
    if is_list(sentence, found.end):
        return None
    if after.key == "и" and not _speaks_of_self(sentence, found.end + 1):
        return None
    if after.key == "," and is_first_name(sentence[found.end + 1].text, "nomn"):
        return None  # «я, Вася, Петя»: a list
    return found if after.is_pause or _speaks_of_self(sentence, found.end) else None


def _is_meant_as_name(sentence: Sentence, start: int, found: Found) -> bool:
    """«я Вера» and «я слава», but not «я лев», «я рада», «я роман пишу»."""
    word = sentence[start].text
    if sentence.keys(found.end, 3) == [",", "а", "не"] and is_name(sentence[found.end + 3].text):
        return True  # «я Лев, а не Лёва»
    if word.lower() in NEVER_BARE:
        return " " in found.name
    return word[0].isupper() or (word in BARE_NOUNS and sentence[found.end].is_pause)


def _speaks_of_self(sentence: Sentence, at: int) -> bool:
    """Whether the author goes on about themselves: «мне 20», «из Москвы», «хочу …»."""
    token = sentence[at]
    if token.key[0].isdigit() or token.key in AFTER_ME or token.is_pause:
        return True
    if not token.is_word or token.key in ("или", "либо", "ли"):
        return False
    parse = parses(token.text)[0]
    if "VERB" in parse.tag:
        return "1per" in parse.tag
    return "INTJ" in parse.tag or {"NOUN", "nomn", "anim", "sing"} in parse.tag


def read_name(
    sentence: Sentence, start: int, cases: tuple[Case, ...], *, trusted: bool
) -> Found | None:
    """Read a first name with what belongs to it, up to three words.

    `trusted`: the phrase before it asks for a name, so a capitalised unknown word is one.
    """
    if start >= len(sentence) or not sentence[start].is_word:
        return None
    first = _first_word(sentence, start, cases, trusted=trusted)
    if first is None:
        return None
    word, case = first
    words, end = [word], start + 1
    while len(words) < 3 and (more := _second_word(sentence[end].text, case)):
        words.append(more)
        end += 1
    return Found(" ".join(words), end)


def _first_word(
    sentence: Sentence, at: int, cases: tuple[Case, ...], *, trusted: bool
) -> tuple[str, Case] | None:
    """The nominative of the word in the place of a name, and its case there."""
    word, following = sentence[at].text, sentence[at + 1].text
    if LATIN.fullmatch(word):
        latin = _latin_name(word, trusted=trusted)
        return (latin, "nomn") if latin else None
    if "ablt" in cases and word.endswith("ей") and is_first_name(word, "ablt"):
        return nominative(word, "ablt"), "ablt"  # «Аней» is Аня, though an Анея there was
    for case in cases:
        if is_first_name(word, case):
            return nominative(word, case), case
        if is_surname(word, case) and is_first_name(following, case):
            return nominative(word, case, "Surn"), case  # «Иванов Иван»
    for case in cases:
        if trusted and _looks_like_name(sentence, at, case):
            return nominative(word, case), case
    return None


def _latin_name(word: str, *, trusted: bool) -> str | None:
    if not may_be_latin(word):
        return None
    if not trusted and (not word[0].isupper() or word.isupper()):
        return None
    return word.title() if word.islower() or word.isupper() else word


def may_be_latin(word: str) -> bool:
    words = word.lower().split()
    return bool(words) and words[0] not in ROLES | ENGLISH_WORDS


def _looks_like_name(sentence: Sentence, at: int, case: Case) -> bool:
    """An unknown or unusual word in the place of a name: «меня зовут Зейнаб»."""
    word = sentence[at].text
    readings = parses(word)
    closed = sentence[at + 1].is_pause or _speaks_of_self(sentence, at + 1)
    known = any(parse.is_known for parse in readings)
    if _GUESSED_NAME.fullmatch(word):
        if not known:
            return True
        if any("Surn" in parse.tag or "Patr" in parse.tag for parse in readings):
            return True
        noun = any({"NOUN", case, "sing"} in parse.tag for parse in readings)
        return noun and closed and sentence[at - 1].key in CALLED | ME
    unknown_noun = not known and len(word) > 2 and {"NOUN", "sing"} in readings[0].tag
    return unknown_noun and closed and "Geox" not in readings[0].tag and case == "nomn"


def _second_word(word: str, case: Case) -> str | None:
    """A patronymic, a surname or a second name after a first one, in the nominative."""
    if not word[0].isalpha():
        return None
    if LATIN.fullmatch(word):
        return word if word[0].isupper() and word.lower() not in ROLES else None
    for grammeme in ("Patr", "Surn", "Name"):
        if any({grammeme, case} in parse.tag and parse.is_known for parse in parses(word)):
            if word.islower() and not is_mostly(word, grammeme):
                return None
            return nominative(word, case, grammeme)
    if not _GUESSED_NAME.fullmatch(word):
        return None
    readings = parses(word)
    if any({"ADJF", case} in parse.tag for parse in readings) or not any(
        parse.is_known for parse in readings
    ):
        return nominative(word, case, "Surn")
    return word if {"NOUN", "nomn", "sing"} in readings[0].tag and case == "nomn" else None


def read_bare_name(sentence: Sentence) -> Found | None:
    """«Аня», «ну Аня», «Аня, а тебя?» as the answer to a question for the name."""
    start = 0
    while start < len(sentence) and (
        sentence[start].key in GREETINGS | FILLERS or sentence[start].is_pause
    ):
        start += 1
    found = read_name(sentence, start, ("nomn",), trusted=False)
    if not found or found.name in ("Гриша", "Гриш"):
        return None
    return found if sentence[found.end].is_pause else None


def if_closed(sentence: Sentence, found: Found) -> Found | None:
    """Keep a name that nothing but a pause follows, and no question mark."""
    after = sentence[found.end]
    return found if after.is_pause and "?" not in after.text else None


def is_invitation(sentence: Sentence, at: int) -> bool:
    """«меня Вася с Петей зовут гулять», «… в кино»: called somewhere, not something."""
    token = sentence[at]
    if token.key == "в" and sentence[at + 1].key in ("честь", "школе", "семье", "компании"):
        return False
    if token.key in ("в", "на", "к", "во", "ко", "за", "обратно", "домой"):
        return True
    return token.is_word and any("INFN" in parse.tag for parse in parses(token.text)[:1])
