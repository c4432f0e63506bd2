"""How people introduce themselves in Russian: the name in a message, or none.

A name counts only where somebody gives it as their own («меня зовут …», «я — …», «зови
меня …», «это …»), and only when morphology agrees: a first name in the case that the
phrase asks for, or an unknown word that is written like a name. Rather none than a wrong
one: whoever said «я устал» isn't Устал.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from bots.grisha.name_words import (
    AFTER_ME,
    ALSO_WORDS,
    BARE_NOUNS,
    CALL_ME,
    CALLED,
    ENGLISH_WORDS,
    FILLERS,
    GREETINGS,
    MAY_CALL,
    MAY_WORDS,
    ME,
    MORE_NAMES,
    NAMED,
    NEVER_BARE,
    OWN_WORDS,
    PREPOSITIONS,
    ROLES,
    UNREAL,
)

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer
    from pymorphy3.analyzer import Parse

Case = Literal["nomn", "ablt"]

_WORD = r"[^\W\d_]+(?:['’`-][^\W\d_]+)*"
_TOKEN = re.compile(rf"{_WORD}|\d+|[.!?…\n;]+|[,:()—–-]|\S")
_END = re.compile(r"[.!?…\n;]")
_DASHES = frozenset("—–-:")
_PAUSES = _DASHES | frozenset(",()")
# What somebody else says: «он сказал: "Я Вася"».
_SPEECH = re.compile(r"«[^»]*\s[^»]*»|\"[^\"]*\s[^\"]*\"|“[^”]*\s[^”]*”|„[^“]*\s[^“]*“")
_QUOTES = re.compile(r"[«»\"“”„*_]")


_CALLS = frozenset(["зовет", "называет", "кличет", "величает"])
_I = frozenset(("я", "йа"))
_NOT_CALLED = frozenset(("не", "как", "никто", "хватит", "прекрати", "перестань", "перестаньте"))
# «я на самом деле Петя», «меня если что зовут Петя»
_FILLER_PHRASES: tuple[tuple[str, ...], ...] = (
    ("на", "самом", "деле"),
    ("по", "паспорту"),
    ("по", "документам"),
    ("по", "жизни"),
    ("если", "что"),
    ("между", "прочим"),
    ("как", "бы"),
    ("для", "друзей"),
    ("для", "своих"),
    ("для", "тебя"),
    ("для", "всех"),
    ("при", "рождении"),
    ("с", "рождения"),
    ("в", "честь", "бабушки"),
    ("в", "честь", "дедушки"),
    ("по", "имени"),
)
_GUESSED_NAME = re.compile(r"[А-ЯЁ][а-яё]+(?:-[А-ЯЁ][а-яё]+)*|[A-Z][a-z'’]+(?:-[A-Z][a-z]+)*")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’]+(?:-[A-Za-z]+)?")
_CORRECTION = re.compile(r"\b(ой|точнее|вернее|то есть|ошиб\w+|опечат\w+|оговор\w+|тьфу)\b", re.I)
_ENGLISH = re.compile(
    r"\b(?i:my name is|my name's|i am|i'm|i’m|call me|name is)\s+"
    r"(?P<name>[A-Z][a-z'’]+(?:\s+[A-Z][a-z'’]+)?)(?=\s*(?:[.,!?)]|$|and\b|from\b))"
)


class Token(NamedTuple):
    """A word or a mark; `key` is the word in lower case with «е» for «ё»."""

    text: str
    key: str

    @property
    def is_word(self) -> bool:
        return self.key[0].isalpha()


@dataclass(frozen=True, slots=True)
class Found:
    """A name and where the words of it end."""

    name: str
    end: int
    preferred: bool = False


END = Token("\n", "\n")


def extract_name(text: str, *, asked: bool = False) -> str | None:
    """Return the name that the author of `text` gives as their own, in its basic form.

    `asked`: the author was just asked for it, so that a bare «Аня» is an answer too.
    """
    found: list[Found] = []
    for sentence in _sentences(text):
        found += _introductions(sentence)
        if asked and not found and (bare := _bare_name(sentence)):
            found.append(bare)
    if not found:
        match = _ENGLISH.search(text)
        return match["name"].title() if match and _may_be_latin(match["name"]) else None
    preferred = [item for item in found if item.preferred]
    if preferred:
        return preferred[-1].name
    return found[-1 if _CORRECTION.search(text) else 0].name


def is_name(word: str) -> bool:
    """Whether a word is a first name, a patronymic or a surname, in any case."""
    return word.lower() in MORE_NAMES or any(
        parse.is_known and any(kind in parse.tag for kind in ("Name", "Patr", "Surn"))
        for parse in _parses(word)
    )


def _sentences(text: str) -> Iterator[Sequence[Token]]:
    """Split into sentences of tokens; each ends with its mark, or with a newline."""
    text = _QUOTES.sub("", _SPEECH.sub(" … ", text))
    if text.isupper():
        text = text.lower()
    sentence: list[Token] = []
    for match in _TOKEN.finditer(text):
        raw = match.group()
        for part in _unglue(raw):
            sentence.append(Token(part, part.lower().replace("ё", "е")))
        if _END.match(raw):
            yield sentence
            sentence = []
    if sentence:
        yield [*sentence, END]


def _unglue(word: str) -> Sequence[str]:
    """Part «я-Маша» and «это-Юля»: a hyphen stands there for a dash."""
    head, dash, tail = word.partition("-")
    if dash and head.lower() in ("я", "это", "зовут", "имя") and tail:
        return (head, "—", tail) if tail[:1].isupper() else (word,)
    return (word,)


def _introductions(sentence: Sequence[Token]) -> Iterator[Found]:
    """Every introduction of a sentence, from left to right."""
    position = 0
    while position < len(sentence):
        found = None
        if sentence[position].is_word and not _is_unreal(sentence, position):
            for read in _READERS:
                found = read(sentence, position)
                if found:
                    break
        if found:
            yield found
        position = found.end if found else position + 1


def _is_unreal(sentence: Sequence[Token], position: int) -> bool:
    """Whether what comes before says that this isn't so: «если бы меня звали …»."""
    before = [token.key for token in sentence[:position]]
    if before[-2:] == ["если", "что"]:
        return False
    before = [
        key for at, key in enumerate(before) if key not in OWN_WORDS or "я" not in before[:at]
    ]  # «я же говорил, меня зовут Антон» is so
    phrase = " ".join(before)
    return any(key in UNREAL and not (key == "если" and phrase.count("если что")) for key in before)


# --- the phrases ---------------------------------------------------------------------


def _called(sentence: Sequence[Token], at: int) -> Found | None:
    """«меня зовут Аня», «зовут меня Аня», «меня все зовут Аней», «мама зовёт меня Аней»."""
    verb_at = _verb_after_me(sentence, at)
    if verb_at is None or _is_negated(sentence, verb_at):
        return None
    verb = sentence[verb_at].key
    start = verb_at + 1
    if sentence[start].key in ME:
        start += 1
    only_ablative = verb in _CALLS
    return _name_or_correction(sentence, start, ("ablt",) if only_ablative else ("nomn", "ablt"))


def _verb_after_me(sentence: Sequence[Token], at: int) -> int | None:
    verbs = CALLED | _CALLS | NAMED
    key = sentence[at].key
    if key in ME and not _has_preposition(sentence, at):
        start = _skip_fillers(sentence, _skip_pauses(sentence, at + 1))
        start = _skip_pauses(sentence, start)
        for verb_at in range(start, min(start + 3, len(sentence))):
            if sentence[verb_at].key in verbs:
                between = sentence[start:verb_at]
                return verb_at if all(_is_caller(token) for token in between) else None
        return None
    if key in verbs and sentence[at + 1].key in ME:
        return at
    return None


def _is_caller(token: Token) -> bool:
    """«меня друзья зовут …»: whoever does the calling is no name itself."""
    return token.is_word and not _is_first_name(token.text, "nomn") and token.key != "не"


def _name_then_called(sentence: Sequence[Token], at: int) -> Found | None:
    """«меня Света зовут», «Светой меня зовут», «не Дима, а Денис меня зовут»."""
    key = sentence[at].key
    if key in ME and not _has_preposition(sentence, at):
        start = _skip_fillers(sentence, at + 1)
        found = _read_name(sentence, start, ("nomn", "ablt"), trusted=True)
        if found and sentence[found.end].key in CALLED | NAMED:
            return None if _is_invitation(sentence, found.end + 1) else found
        return None
    if at and sentence[at - 1].key in ("не", "и"):
        return None
    found = _read_name(sentence, at, ("nomn", "ablt"), trusted=False)
    if found is None:
        return None
    after = sentence[found.end : found.end + 2]
    if len(after) < 2 or {after[0].key in ME, after[1].key in ME} != {True, False}:
        return None
    verb = after[1] if after[0].key in ME else after[0]
    if verb.key not in CALLED or _is_invitation(sentence, found.end + 2):
        return None
    return Found(found.name, found.end + 2)


def _call_me(sentence: Sequence[Token], at: int) -> Found | None:
    """«зови меня Колей», «можешь звать меня Коля», «обращайся ко мне Коля», «можно просто Коля»."""
    key = sentence[at].key
    if at and sentence[at - 1].key in ("не", "зачем", "почему"):
        return None
    start = None
    if key in CALL_ME or (key in MAY_CALL and sentence[max(0, at - 1)].key in MAY_WORDS):
        if sentence[at + 1].key in ME:
            start = at + 2
        elif key in CALL_ME:
            return _call_simply(sentence, at + 1)
    elif key in ME and sentence[at + 1].key in MAY_WORDS and sentence[at + 2].key in MAY_CALL:
        start = at + 3
    elif key in ME and sentence[at + 1].key in CALL_ME:
        start = at + 2
    elif key.startswith(("обращ", "обратит")) and _keys(sentence, at + 1, 2) == ["ко", "мне"]:
        start = at + 3
    elif _keys(sentence, at, 2) in (["можно", "просто"], ["лучше", "просто"], ["но", "лучше"]):
        found = _read_name(sentence, at + 2, ("nomn",), trusted=False)
        return found and _if_closed(sentence, Found(found.name, found.end, preferred=True))
    if start is None:
        return None
    found = _name_or_correction(sentence, start, ("ablt", "nomn"))
    return found and Found(found.name, found.end, preferred=True)


def _call_simply(sentence: Sequence[Token], at: int) -> Found | None:
    """«зови Костей», «зови просто Костя», but not «зови Костю»."""
    start = _skip_fillers(sentence, at)
    cases: tuple[Case, ...] = ("ablt", "nomn") if start > at else ("ablt",)
    found = _read_name(sentence, start, cases, trusted=False)
    return found and _if_closed(sentence, Found(found.name, found.end, preferred=True))


def _my_name(sentence: Sequence[Token], at: int) -> Found | None:
    """«моё имя — Тамара», «моё настоящее имя Лев», «имя моё Пётр», «имя: Пётр»."""
    key = sentence[at].key
    if key in ("мое", "моё"):
        word_at = at + 1
        if sentence[word_at].key not in ("имя", "имечко"):
            word_at += 1
        if word_at >= len(sentence) or sentence[word_at].key not in ("имя", "имечко"):
            return None
        start = word_at + 1
    elif key == "имя" and sentence[at + 1].key == "мое":
        start = at + 2
    elif key == "имя" and at == 0 and sentence[1].key in _DASHES:
        start = at + 1
    else:
        return None
    return _name_or_correction(sentence, start, ("nomn",))


def _i_am(sentence: Sequence[Token], at: int) -> Found | None:
    """«я Егор», «я — Вадим, инженер», «а я тоже Оля», «это я, Маша»."""
    if sentence[at].key not in _I:
        return None
    before = _word_before(sentence, at)
    if before in ("не", "и", "как", "чем", "никакой", "никакая", "что", "ли", "разве", "не-а"):
        return None
    start = _skip_fillers(sentence, at + 1)
    aside = _skip_fillers(sentence, start + 1)
    if sentence[start].key == "," and aside > start + 1 and sentence[aside].key == ",":
        start = aside  # «я, кстати, Юрий»
    elif sentence[start].key == "," and before != "это":
        return _formal(sentence, start)
    if sentence[start].key == "не":
        return _correction(sentence, start, ("nomn",))
    if sentence[start].key == "это" and start == at + 1:
        start += 1
    return _weak_name(sentence, _skip_pauses(sentence, start))


def _word_before(sentence: Sequence[Token], at: int) -> str:
    """The word before «я»; for «это снова я» it is «это»."""
    while at and sentence[at - 1].key in ("снова", "опять"):
        at -= 1
    return sentence[at - 1].key if at else ""


def _formal(sentence: Sequence[Token], comma: int) -> Found | None:
    """«Я, Иванов Иван, …»: two words at least, since «я, Гриша, …» speaks to Grisha."""
    found = _read_name(sentence, comma + 1, ("nomn",), trusted=False)
    return found if found and " " in found.name and sentence[found.end].key == "," else None


def _this_is(sentence: Sequence[Token], at: int) -> Found | None:
    """«это Юля», «привет, это Лена из бухгалтерии», but not «это Маша сделала»."""
    key = sentence[at].key
    if key not in ("это", "эт") or not _only_greetings(sentence[:at]):
        return None
    if at and sentence[at - 1].key in ("а", "и"):
        return None  # «а это Вася» shows somebody else
    start = _skip_fillers(sentence, at + 1)
    if sentence[start].key in _I or sentence[start - 1].key == "все":
        return None  # «это я, Маша» is read from «я»
    start = _skip_pauses(sentence, start)
    found = _read_name(sentence, start, ("nomn",), trusted=False)
    if not found or _is_also_word(found.name):
        return None
    after = sentence[found.end]
    if after.key in ("из", "пишет", "беспокоит"):
        return found
    if after.key in (",", "—") and _is_other_person(sentence, found.end + 1):
        return None
    if "," in after.text and _keys(sentence, found.end + 1, 2) == ["а", "это"]:
        return None  # «это Маша, а это Даша»
    return _if_closed(sentence, found)


def _is_other_person(sentence: Sequence[Token], start: int) -> bool:
    """«это Катя, моя сестра»; «это Катя, подруга Оли» stays Katya, whoever she is to Olya."""
    return sentence[start].key in ("мой", "моя", "наш", "наша", "он", "она", "которая", "который")


_PRESENTATIONS = frozenset(
    [
        ("с", "вами"),
        ("с", "тобой"),
        ("на", "связи"),
        ("с", "уважением"),
        ("вами", "говорит"),
        ("вас", "беспокоит"),
        ("вам", "пишет"),
        ("тебе", "пишет"),
        ("пишет", "вам"),
    ]
)


def _presented(sentence: Sequence[Token], at: int) -> Found | None:
    """«представлюсь: Ирина», «с вами Ирина», «вас беспокоит Ирина», «с уважением, Ирина»."""
    keys = _keys(sentence, at, 2)
    one = sentence[at].key
    before = [token.key for token in sentence[:at]]
    if one in ("представлюсь", "представиться", "представляюсь"):
        start = at + 1
    elif tuple(keys) in _PRESENTATIONS:
        start = at + 2
    elif one in ("знакомы", "знакомиться") and sentence[at + 1].key in _PAUSES:
        start = at + 1
    else:
        return None
    if "не" in before:
        return None
    found = _read_name(sentence, _skip_pauses(sentence, start), ("nomn",), trusted=False)
    return found and _if_closed(sentence, found)


def _me_bare(sentence: Sequence[Token], at: int) -> Found | None:
    """«а меня Оля», «меня — Оля»: the answer after «тебя как зовут?» or «сестру зовут Аня»."""
    if sentence[at].key not in ME or _has_preposition(sentence, at):
        return None
    before = [token.key for token in sentence[:at] if token.is_word]
    parallel = sentence[at - 1].key == "," and not CALLED.isdisjoint(before)
    if before and before[-1] not in GREETINGS and not parallel:
        return None
    found = _read_name(sentence, _skip_pauses(sentence, at + 1), ("nomn",), trusted=False)
    return found and _if_closed(sentence, found)


def _name_i(sentence: Sequence[Token], at: int) -> Found | None:
    """«Оля я», «да Саша я, Саша»."""
    if not _only_greetings(sentence[:at]):
        return None
    found = _read_name(sentence, at, ("nomn",), trusted=False)
    if not found or _is_also_word(found.name) or sentence[found.end].key not in _I:
        return None
    return Found(found.name, found.end + 1) if _is_pause(sentence[found.end + 1]) else None


def _leading_correction(sentence: Sequence[Token], at: int) -> Found | None:
    """«не Саша, а Паша» as a whole message; «Паша, а не Саша» too."""
    if not _only_greetings(sentence[:at]):
        return None
    if sentence[at].key == "не":
        found = _correction(sentence, at, ("nomn",))
        return found and _if_closed(sentence, found)
    found = _read_name(sentence, at, ("nomn",), trusted=False)
    if not found:
        return None
    rest = sentence[_skip_pauses(sentence, found.end) :]
    keys = [token.key for token in rest[:2]]
    if keys == ["а", "не"] or (keys[:1] == ["не"] and sentence[found.end].key == ","):
        wrong = _read_name(rest, 2 if keys[0] == "а" else 1, ("nomn",), trusted=False)
        if wrong and _is_pause(rest[wrong.end]) and wrong.end >= len(rest) - 1:
            return found
    return None


_READERS = (
    _call_me,
    _called,
    _name_then_called,
    _my_name,
    _i_am,
    _presented,
    _me_bare,
    _this_is,
    _name_i,
    _leading_correction,
)


# --- reading a name --------------------------------------------------------------------


def _name_or_correction(
    sentence: Sequence[Token], start: int, cases: tuple[Case, ...]
) -> Found | None:
    """A name after a phrase that asks for one; «не Саша, а Паша» gives Паша."""
    start = _skip_pauses(sentence, _skip_fillers(sentence, _skip_pauses(sentence, start)))
    if sentence[start].key == "это":
        start += 1
    if sentence[start].key == "не":
        return _correction(sentence, start, cases)
    found = _read_name(sentence, start, cases, trusted=True)
    if not found or _is_invitation(sentence, found.end):
        return None
    after = sentence[found.end]
    if after.key in ("или", "либо") or "?" in after.text:
        return None
    return None if _is_list(sentence, found.end) else found


def _is_list(sentence: Sequence[Token], at: int) -> bool:
    """«… Катя и Оля», «… Вася с Петей»: several people, not the author."""
    case: Case = "ablt" if sentence[at].key == "с" else "nomn"
    joined = sentence[at].key in ("и", "с", "да")
    return joined and _is_first_name(sentence[at + 1].text, case)


def _correction(sentence: Sequence[Token], start: int, cases: tuple[Case, ...]) -> Found | None:
    """Read «не Саша, а Паша» from its «не»; None when no right name follows."""
    for but in range(start + 1, min(start + 6, len(sentence) - 1)):
        if sentence[but].key in ("а", "но", ",") and sentence[but + 1].key not in ("а", "но"):
            right = but + 1
            if sentence[right].key in _I or sentence[right].key == "просто":
                right += 1
            elif sentence[but].key == ",":
                continue  # «не Катя, Катерина» doesn't say whose name it is
            return _read_name(sentence, _skip_pauses(sentence, right), cases, trusted=True)
    return None


def _weak_name(sentence: Sequence[Token], start: int) -> Found | None:
    """A name right after «я»: anything may stand there, so what follows is looked at too."""
    found = _read_name(sentence, start, ("nomn",), trusted=False)
    if not found:
        return None
    after = sentence[found.end]
    if "?" in after.text:
        return None
    if _is_also_word(found.name) and not _is_meant_as_name(sentence, start, found):
        return None
    if _is_list(sentence, found.end):
        return None
    if after.key == "и" and not _speaks_of_self(sentence, found.end + 1):
        return None
    if after.key == "," and _is_first_name(sentence[found.end + 1].text, "nomn"):
        return None  # «я, Вася, Петя»: a list
    return found if _is_pause(after) or _speaks_of_self(sentence, found.end) else None


def _is_meant_as_name(sentence: Sequence[Token], start: int, found: Found) -> bool:
    """«я Вера» and «я слава», but not «я лев», «я рада», «я роман пишу»."""
    word = sentence[start].text
    if _keys(sentence, found.end, 3) == [",", "а", "не"] and is_name(sentence[found.end + 3].text):
        return True  # «я Лев, а не Лёва»
    if word.lower() in NEVER_BARE:
        return " " in found.name
    return word[0].isupper() or (word in BARE_NOUNS and _is_pause(sentence[found.end]))


def _speaks_of_self(sentence: Sequence[Token], at: int) -> bool:
    """Whether the author goes on about themselves: «мне 20», «из Москвы», «хочу …»."""
    token = sentence[at]
    if token.key[0].isdigit() or token.key in AFTER_ME or _is_pause(token):
        return True
    if not token.is_word or token.key in ("или", "либо", "ли"):
        return False
    parse = _parses(token.text)[0]
    if "VERB" in parse.tag:
        return "1per" in parse.tag
    return "INTJ" in parse.tag or {"NOUN", "nomn", "anim", "sing"} in parse.tag


def _read_name(
    sentence: Sequence[Token], start: int, cases: tuple[Case, ...], *, trusted: bool
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
    sentence: Sequence[Token], at: int, cases: tuple[Case, ...], *, trusted: bool
) -> tuple[str, Case] | None:
    """The nominative of the word in the place of a name, and its case there."""
    word, following = sentence[at].text, sentence[at + 1].text
    if _LATIN.fullmatch(word):
        latin = _latin_name(word, trusted=trusted)
        return (latin, "nomn") if latin else None
    if "ablt" in cases and word.endswith("ей") and _is_first_name(word, "ablt"):
        return _nominative(word, "ablt"), "ablt"  # «Аней» is Аня, though an Анея there was
    for case in cases:
        if _is_first_name(word, case):
            return _nominative(word, case), case
        if _is_surname(word, case) and _is_first_name(following, case):
            return _nominative(word, case, "Surn"), case  # «Иванов Иван»
    for case in cases:
        if trusted and _looks_like_name(sentence, at, case):
            return _nominative(word, case), case
    return None


def _latin_name(word: str, *, trusted: bool) -> str | None:
    if not _may_be_latin(word):
        return None
    if not trusted and (not word[0].isupper() or word.isupper()):
        return None
    return word.title() if word.islower() or word.isupper() else word


def _may_be_latin(word: str) -> bool:
    words = word.lower().split()
    return bool(words) and words[0] not in ROLES | ENGLISH_WORDS


def _looks_like_name(sentence: Sequence[Token], at: int, case: Case) -> bool:
    """An unknown or unusual word in the place of a name: «меня зовут Зейнаб»."""
    word = sentence[at].text
    parses = _parses(word)
    closed = _is_pause(sentence[at + 1]) or _speaks_of_self(sentence, at + 1)
    known = any(parse.is_known for parse in parses)
    if _GUESSED_NAME.fullmatch(word):
        if not known:
            return True
        if any("Surn" in parse.tag or "Patr" in parse.tag for parse in parses):
            return True
        noun = any({"NOUN", case, "sing"} in parse.tag for parse in parses)
        return noun and closed and sentence[at - 1].key in CALLED | ME
    unknown_noun = not known and len(word) > 2 and {"NOUN", "sing"} in parses[0].tag
    return unknown_noun and closed and "Geox" not in parses[0].tag and case == "nomn"


def _second_word(word: str, case: Case) -> str | None:
    """A patronymic, a surname or a second name after a first one, in the nominative."""
    if not word[0].isalpha():
        return None
    if _LATIN.fullmatch(word):
        return word if word[0].isupper() and word.lower() not in ROLES else None
    for grammeme in ("Patr", "Surn", "Name"):
        if any({grammeme, case} in parse.tag and parse.is_known for parse in _parses(word)):
            if word.islower() and not _is_mostly(word, grammeme):
                return None
            return _nominative(word, case, grammeme)
    if not _GUESSED_NAME.fullmatch(word):
        return None
    parses = _parses(word)
    if any({"ADJF", case} in parse.tag for parse in parses) or not any(
        parse.is_known for parse in parses
    ):
        return _nominative(word, case, "Surn")
    return word if {"NOUN", "nomn", "sing"} in parses[0].tag and case == "nomn" else None


def _bare_name(sentence: Sequence[Token]) -> Found | None:
    """«Аня», «ну Аня», «Аня, а тебя?» as the answer to a question for the name."""
    start = 0
    while start < len(sentence) and (
        sentence[start].key in GREETINGS | FILLERS or _is_pause(sentence[start])
    ):
        start += 1
    found = _read_name(sentence, start, ("nomn",), trusted=False)
    if not found or found.name in ("Гриша", "Гриш"):
        return None
    return found if _is_pause(sentence[found.end]) else None


# --- morphology ------------------------------------------------------------------------


@cache
def _morph() -> MorphAnalyzer:
    from pymorphy3 import MorphAnalyzer  # loads its dictionary: 0.3 s, 27 MB

    return MorphAnalyzer()


@lru_cache(4096)
def _parses(word: str) -> Sequence[Parse]:
    known = "".join(letter for letter in word if unicodedata.name(letter, ""))
    parses: Sequence[Parse] = _morph().parse(known or "?")  # it stumbles over nameless letters
    return parses


def _is_first_name(word: str, case: Case) -> bool:
    if len(word) < 2 or not word[0].isalpha() or _LATIN.fullmatch(word):
        return False
    if "-" in word:
        parts = word.split("-")
        return all(part and _is_first_name(part, case) for part in parts)
    key = word.lower()
    if key in (MORE_NAMES if case == "nomn" else _more_ablatives()):
        return True
    return any(
        {"Name", "sing", case} in parse.tag
        and parse.is_known
        and (case == "nomn" or parse.normal_form != key)
        for parse in _parses(word)
    )


@cache
def _more_ablatives() -> dict[str, str]:
    return {form: name for name in MORE_NAMES for form in _ablatives(name)}


def _ablatives(name: str) -> Sequence[str]:
    """The instrumental of a name by its ending: «Толик» -> «Толиком», «Ника» -> «Никой»."""
    stem, last = name[:-1], name[-1]
    if last == "а":
        return (stem + "ой", stem + "ей")
    if last in "яь":
        return (stem + "ей", stem + "ью")
    if last == "й":
        return (stem + "ем",)
    if name.endswith(("нек", "нёк", "лек", "лёк")):
        return (name[:-2] + "ьком",)
    if name.endswith(("ек", "ёк", "ок")):
        return (name[:-2] + "ком",)
    return (name + "ом",) if last in "бвгджзклмнпрстфхцчшщ" else ()


def _is_surname(word: str, case: Case) -> bool:
    return word[0].isalpha() and any({"Surn", case} in parse.tag for parse in _parses(word))


def _is_mostly(word: str, grammeme: str) -> bool:
    return grammeme in _parses(word)[0].tag


def _nominative(word: str, case: Case, grammeme: str = "Name") -> str:
    """The word as it stands in a passport: nominative, capitals, its own «ё» kept."""
    if case == "nomn":
        return _capitalize(word)
    if "-" in word:
        return "-".join(_nominative(part, case, grammeme) for part in word.split("-"))
    if name := _more_ablatives().get(word.lower()):
        return _capitalize(name)
    parses = [parse for parse in _parses(word) if {case, "sing"} in parse.tag]
    parses.sort(key=lambda parse: grammeme not in parse.tag)
    for parse in parses:
        inflected = parse.inflect({"nomn"})
        if inflected:
            return _capitalize(inflected.word)
    return _capitalize(word)


def _capitalize(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))


def _is_also_word(name: str) -> bool:
    return name.lower().replace("ё", "е") in ALSO_WORDS


# --- the sentence ------------------------------------------------------------------------


def _keys(sentence: Sequence[Token], at: int, count: int) -> list[str]:
    return [token.key for token in sentence[at : at + count]]


def _is_pause(token: Token) -> bool:
    return not token.is_word and not token.key[0].isdigit()


def _if_closed(sentence: Sequence[Token], found: Found) -> Found | None:
    """Keep a name that nothing but a pause follows, and no question mark."""
    after = sentence[found.end]
    return found if _is_pause(after) and "?" not in after.text else None


def _skip_pauses(sentence: Sequence[Token], at: int) -> int:
    while at < len(sentence) - 1 and sentence[at].key in _PAUSES:
        at += 1
    return at


def _skip_fillers(sentence: Sequence[Token], at: int) -> int:
    while at < len(sentence) - 1:
        phrase = next(
            (words for words in _FILLER_PHRASES if _keys(sentence, at, len(words)) == [*words]),
            None,
        )
        if phrase:
            at += len(phrase)
        elif sentence[at].key in FILLERS:
            at += 1
        else:
            break
    return at


def _has_preposition(sentence: Sequence[Token], at: int) -> bool:
    return at > 0 and sentence[at - 1].key in PREPOSITIONS


def _is_negated(sentence: Sequence[Token], verb_at: int) -> bool:
    if sentence[max(0, verb_at - 1)].key in ("надо", "нужно", "стоит", "смей"):
        verb_at -= 1
    return verb_at > 0 and sentence[verb_at - 1].key in _NOT_CALLED


def _only_greetings(tokens: Sequence[Token]) -> bool:
    return all(token.key in GREETINGS or _is_pause(token) for token in tokens)


def _is_invitation(sentence: Sequence[Token], at: int) -> bool:
    """«меня Вася с Петей зовут гулять», «… в кино»: called somewhere, not something."""
    token = sentence[at]
    if token.key == "в" and sentence[at + 1].key in ("честь", "школе", "семье", "компании"):
        return False
    if token.key in ("в", "на", "к", "во", "ко", "за", "обратно", "домой"):
        return True
    return token.is_word and any("INFN" in parse.tag for parse in _parses(token.text)[:1])
