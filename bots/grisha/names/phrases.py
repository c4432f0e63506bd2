"""The wordings of introductions: «меня зовут …», «я — …», «зови меня …», «это …».

Each reader looks at one position of a sentence and returns the name that is given there.
"""

from __future__ import annotations

from bots.grisha.names.morphology import Case, is_also_word, is_first_name
from bots.grisha.names.reading import (
    Found,
    correction,
    if_closed,
    is_invitation,
    name_or_correction,
    read_name,
    weak_name,
)
from bots.grisha.names.tokens import DASHES, PAUSES, Sentence, Token
from bots.grisha.names.words import (
    CALL_ME,
    CALLED,
    CALLS,
    FIRST_PERSON,
    MAY_CALL,
    MAY_WORDS,
    ME,
    NAMED,
    NOT_CALLED,
    PREPOSITIONS,
)

_VERBS = CALLED | CALLS | NAMED


def _called(sentence: Sentence, at: int) -> Found | None:
    """«меня зовут Аня», «зовут меня Аня», «меня все зовут Аней», «мама зовёт меня Аней»."""
    verb_at = _verb_after_me(sentence, at)
    if verb_at is None or _is_negated(sentence, verb_at):
        return None
    verb = sentence[verb_at].key
    start = verb_at + 1
    if sentence[start].key in ME:
        start += 1
    only_ablative = verb in CALLS
    return name_or_correction(sentence, start, ("ablt",) if only_ablative else ("nomn", "ablt"))


def _verb_after_me(sentence: Sentence, at: int) -> int | None:
    key = sentence[at].key
    if key in ME and not _has_preposition(sentence, at):
        start = sentence.skip_fillers(sentence.skip_pauses(at + 1))
        start = sentence.skip_pauses(start)
        for verb_at in range(start, min(start + 3, len(sentence))):
            if sentence[verb_at].key in _VERBS:
                between = sentence[start:verb_at]
                return verb_at if all(_is_caller(token) for token in between) else None
        return None
    if key in _VERBS and sentence[at + 1].key in ME:
        return at
    return None


def _is_caller(token: Token) -> bool:
    """«меня друзья зовут …»: whoever does the calling is no name itself."""
    return token.is_word and not is_first_name(token.text, "nomn") and token.key != "не"


def _name_then_called(sentence: Sentence, at: int) -> Found | None:
    """«меня Света зовут», «Светой меня зовут», «не Дима, а Денис меня зовут»."""
    key = sentence[at].key
    if key in ME and not _has_preposition(sentence, at):
        start = sentence.skip_fillers(at + 1)
        found = read_name(sentence, start, ("nomn", "ablt"), trusted=True)
        if found and sentence[found.end].key in CALLED | NAMED:
            return None if is_invitation(sentence, found.end + 1) else found
        return None
    if at and sentence[at - 1].key in ("не", "и"):
        return None
    if ME.isdisjoint(sentence.keys(at + 1, 4)):  # most words: spare the dictionary
        return None
    found = read_name(sentence, at, ("nomn", "ablt"), trusted=False)
    if found is None:
        return None
    after = sentence[found.end : found.end + 2]
    if len(after) < 2 or {after[0].key in ME, after[1].key in ME} != {True, False}:
        return None
    verb = after[1] if after[0].key in ME else after[0]
    if verb.key not in CALLED or is_invitation(sentence, found.end + 2):
        return None
    return Found(found.name, found.end + 2)


def _call_me(sentence: Sentence, at: int) -> Found | None:
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
    elif key.startswith(("обращ", "обратит")) and sentence.keys(at + 1, 2) == ["ко", "мне"]:
        start = at + 3
    elif sentence.keys(at, 2) in (["можно", "просто"], ["лучше", "просто"], ["но", "лучше"]):
        found = read_name(sentence, at + 2, ("nomn",), trusted=False)
        return found and if_closed(sentence, Found(found.name, found.end, preferred=True))
    if start is None:
        return None
    found = name_or_correction(sentence, start, ("ablt", "nomn"))
    return found and Found(found.name, found.end, preferred=True)


def _call_simply(sentence: Sentence, at: int) -> Found | None:
    """«зови Костей», «зови просто Костя», but not «зови Костю»."""
    start = sentence.skip_fillers(at)
    cases: tuple[Case, ...] = ("ablt", "nomn") if start > at else ("ablt",)
    found = read_name(sentence, start, cases, trusted=False)
    return found and if_closed(sentence, Found(found.name, found.end, preferred=True))


def _my_name(sentence: Sentence, at: int) -> Found | None:
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
    elif key == "имя" and at == 0 and sentence[1].key in DASHES:
        start = at + 1
    else:
        return None
    return name_or_correction(sentence, start, ("nomn",))


def _i_am(sentence: Sentence, at: int) -> Found | None:
    """«я Егор», «я — Вадим, инженер», «а я тоже Оля», «это я, Маша»."""
    if sentence[at].key not in FIRST_PERSON:
        return None
    before = _word_before(sentence, at)
    if before in ("не", "и", "как", "чем", "никакой", "никакая", "что", "ли", "разве", "не-а"):
        return None
    start = sentence.skip_fillers(at + 1)
    aside = sentence.skip_fillers(start + 1)
    if sentence[start].key == "," and aside > start + 1 and sentence[aside].key == ",":
        start = aside  # «я, кстати, Юрий»
    elif sentence[start].key == "," and before != "это":
        return _formal(sentence, start)
    if sentence[start].key == "не":
        return correction(sentence, start, ("nomn",))
    if sentence[start].key == "это" and start == at + 1:
        start += 1
    return weak_name(sentence, sentence.skip_pauses(start))


def _word_before(sentence: Sentence, at: int) -> str:
    """The word before «я»; for «это снова я» it is «это»."""
    while at and sentence[at - 1].key in ("снова", "опять"):
        at -= 1
    return sentence[at - 1].key if at else ""


def _formal(sentence: Sentence, comma: int) -> Found | None:
    """«Я, Иванов Иван, …»: two words at least, since «я, Гриша, …» speaks to Grisha."""
    found = read_name(sentence, comma + 1, ("nomn",), trusted=False)
    return found if found and " " in found.name and sentence[found.end].key == "," else None


def _this_is(sentence: Sentence, at: int) -> Found | None:
    """«это Юля», «привет, это Лена из бухгалтерии», but not «это Маша сделала»."""
    key = sentence[at].key
    if key not in ("это", "эт") or not sentence.only_greetings_before(at):
        return None
    if at and sentence[at - 1].key in ("а", "и"):
        return None  # «а это Вася» shows somebody else
    start = sentence.skip_fillers(at + 1)
    if sentence[start].key in FIRST_PERSON or sentence[start - 1].key == "все":
        return None  # «это я, Маша» is read from «я»
    start = sentence.skip_pauses(start)
    found = read_name(sentence, start, ("nomn",), trusted=False)
    if not found or is_also_word(found.name):
        return None
    after = sentence[found.end]
    if after.key in ("из", "пишет", "беспокоит"):
        return found
    if after.key in (",", "—") and _is_other_person(sentence, found.end + 1):
        return None
    if "," in after.text and sentence.keys(found.end + 1, 2) == ["а", "это"]:
        return None  # «это Маша, а это Даша»
    return if_closed(sentence, found)


def _is_other_person(sentence: Sentence, start: int) -> bool:
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


def _presented(sentence: Sentence, at: int) -> Found | None:
    """«представлюсь: Ирина», «с вами Ирина», «вас беспокоит Ирина», «с уважением, Ирина»."""
    keys = sentence.keys(at, 2)
    one = sentence[at].key
    if one in ("представлюсь", "представиться", "представляюсь"):
        start = at + 1
    elif tuple(keys) in _PRESENTATIONS:
        start = at + 2
    elif one in ("знакомы", "знакомиться") and sentence[at + 1].key in PAUSES:
        start = at + 1
    else:
        return None
    if sentence.not_before(at):
        return None
    found = read_name(sentence, sentence.skip_pauses(start), ("nomn",), trusted=False)
    return found and if_closed(sentence, found)


def _me_bare(sentence: Sentence, at: int) -> Found | None:
    """«а меня Оля», «меня — Оля»: the answer after «тебя как зовут?» or «сестру зовут Аня»."""
    if sentence[at].key not in ME or _has_preposition(sentence, at):
        return None
    parallel = sentence[at - 1].key == "," and sentence.called_before(at)
    if not sentence.greeting_ends_before(at) and not parallel:
        return None
    found = read_name(sentence, sentence.skip_pauses(at + 1), ("nomn",), trusted=False)
    return found and if_closed(sentence, found)


def _name_i(sentence: Sentence, at: int) -> Found | None:
    """«Оля я», «да Саша я, Саша»."""
    if not sentence.only_greetings_before(at):
        return None
    if FIRST_PERSON.isdisjoint(sentence.keys(at + 1, 3)):  # most words: spare the dictionary
        return None
    found = read_name(sentence, at, ("nomn",), trusted=False)
    if not found or is_also_word(found.name) or sentence[found.end].key not in FIRST_PERSON:
        return None
    return Found(found.name, found.end + 1) if sentence[found.end + 1].is_pause else None


def _leading_correction(sentence: Sentence, at: int) -> Found | None:
    """«не Саша, а Паша» as a whole message; «Паша, а не Саша» too."""
    if not sentence.only_greetings_before(at):
        return None
    if sentence[at].key == "не":
        found = correction(sentence, at, ("nomn",))
        return found and if_closed(sentence, found)
    if not sentence.not_after(at):
        return None
    found = read_name(sentence, at, ("nomn",), trusted=False)
    if not found:
        return None
    start = sentence.skip_pauses(found.end)
    keys = sentence.keys(start, 2)
    if keys == ["а", "не"] or (keys[:1] == ["не"] and sentence[found.end].key == ","):
        start += 2 if keys[0] == "а" else 1
        wrong = read_name(sentence, start, ("nomn",), trusted=False)
        if wrong and sentence[wrong.end].is_pause and wrong.end >= len(sentence) - 1:
            return found
    return None


def _has_preposition(sentence: Sentence, at: int) -> bool:
    return at > 0 and sentence[at - 1].key in PREPOSITIONS


def _is_negated(sentence: Sentence, verb_at: int) -> bool:
    if sentence[max(0, verb_at - 1)].key in ("надо", "нужно", "стоит", "смей"):
        verb_at -= 1
    return verb_at > 0 and sentence[verb_at - 1].key in NOT_CALLED


READERS = (
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
