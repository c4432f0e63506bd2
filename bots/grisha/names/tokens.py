"""Split a message into sentences of words and marks, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from bots.grisha.names.words import CALLED, FILLER_PHRASES, FILLERS, GREETINGS, OWN_WORDS, UNREAL

MAX_CHARACTERS = 2048  # people introduce themselves where a message begins or ends

_WORD = r"[^\W\d_]+(?:['’`-][^\W\d_]+)*"
_TOKEN = re.compile(rf"{_WORD}|\d+|[.!?…\n;]+|[,:()—–-]|\S")
_END = re.compile(r"[.!?…\n;]")
DASHES = frozenset("—–-:")
PAUSES = DASHES | frozenset(",()")
_CLOSING = {"«": "»", '"': '"', "“": "”", "„": "“"}
_OPENING_QUOTE = re.compile('[«"“„]')
_SPACE = re.compile(r"\s")
_QUOTES = re.compile(r"[«»\"“”„*_]")


class Token(NamedTuple):
    """A word or a mark; `key` is the word in lower case with «е» for «ё»."""

    text: str
    key: str

    @property
    def is_word(self) -> bool:
        return self.key[0].isalpha()

    @property
    def is_pause(self) -> bool:
        """Whether it is a punctuation mark."""
        return not self.is_word and not self.key[0].isdigit()


END = Token("\n", "\n")


class Sentence(Sequence[Token]):
    """The tokens of a sentence, and what stands before each of them.

    The `*_before` facts are computed once, so that asking for one at every word stays linear.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._greetings = self._count_greetings()
        self._unreal = list(self._unreal_prefixes())
        self._called_at = next(self._positions(CALLED), len(tokens))
        self._after_greeting = list(self._greeting_prefixes())
        negations = list(self._positions(frozenset(["не"])))
        self._not_at, self._last_not = (
            (negations[0], negations[-1]) if negations else (len(tokens), -1)
        )

    def __len__(self) -> int:
        return len(self._tokens)

    @overload
    def __getitem__(self, at: int) -> Token: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Token]: ...
    def __getitem__(self, at: int | slice) -> Token | Sequence[Token]:
        return self._tokens[at]

    def keys(self, at: int, count: int) -> list[str]:
        """The keys of up to `count` tokens from `at` on."""
        return [token.key for token in self._tokens[at : at + count]]

    def only_greetings_before(self, at: int) -> bool:
        return at <= self._greetings

    def greeting_ends_before(self, at: int) -> bool:
        """Whether the word before, marks apart, greets; also when there is none."""
        return self._after_greeting[at]

    def called_before(self, at: int) -> bool:
        return self._called_at < at

    def not_before(self, at: int) -> bool:
        return self._not_at < at

    def not_after(self, at: int) -> bool:
        return self._last_not > at

    def is_unreal(self, at: int) -> bool:
        """Whether what comes before says that this isn't so: «если бы меня звали …»."""
        return self._unreal[at] and self.keys(max(0, at - 2), min(2, at)) != ["если", "что"]

    def skip_pauses(self, at: int) -> int:
        while at < len(self) - 1 and self[at].key in PAUSES:
            at += 1
        return at

    def skip_fillers(self, at: int) -> int:
        """Skip words that add nothing: «я на самом деле Петя»."""
        while at < len(self) - 1:
            length = self._filler_length(at)
            if not length:
                break
            at += length
        return at

    def _filler_length(self, at: int) -> int:
        key = self[at].key
        for words in FILLER_PHRASES.get(key, ()):
            if self.keys(at, len(words)) == words:
                return len(words)
        return int(key in FILLERS)

    def _positions(self, keys: frozenset[str]) -> Iterator[int]:
        return (at for at, token in enumerate(self._tokens) if token.key in keys)

    def _count_greetings(self) -> int:
        """How many tokens at the beginning greet or pause."""
        for at, token in enumerate(self._tokens):
            if token.key not in GREETINGS and not token.is_pause:
                return at
        return len(self._tokens)

    def _greeting_prefixes(self) -> Iterator[bool]:
        greets = True
        for token in self._tokens:
            yield greets
            if token.is_word:
                greets = token.key in GREETINGS

    def _unreal_prefixes(self) -> Iterator[bool]:
        """For each token, whether the words before it make it unreal."""
        unreal = conditional = passing = said_i = False
        before = ""
        for token in self._tokens:
            yield unreal or (conditional and not passing)
            key = token.key
            if said_i and key in OWN_WORDS:
                continue  # «я же говорил, меня зовут Антон» is so
            said_i = said_i or key == "я"
            conditional = conditional or key == "если"
            passing = passing or (before == "если" and key == "что")  # «если что» is no condition
            unreal = unreal or (key in UNREAL and key != "если")
            before = key
        yield unreal or (conditional and not passing)


def sentences(text: str) -> Iterator[Sentence]:
    """Split into sentences; each ends with its mark, or with a newline."""
    text = _QUOTES.sub("", _without_speech(_excerpt(text)))
    if text.isupper():
        text = text.lower()
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        raw = match.group()
        for part in _unglue(raw):
            tokens.append(Token(part, part.lower().replace("ё", "е")))
        if _END.match(raw):
            yield Sentence(tokens)
            tokens = []
    if tokens:
        yield Sentence([*tokens, END])


def _excerpt(text: str) -> str:
    """The beginning and the end of a long text."""
    if len(text) <= MAX_CHARACTERS:
        return text
    half = MAX_CHARACTERS // 2
    return f"{text[:half]}\n{text[-half:]}"


def _without_speech(text: str) -> str:
    """Leave out what somebody else says: «он сказал: "Я Вася"».

    A quotation of one word stays: «меня зовут "Вася"».
    """
    kept: list[str] = []
    end = 0
    closing = {mark: text.find(mark) for mark in _CLOSING.values()}
    space = _SPACE.search(text)
    for match in _OPENING_QUOTE.finditer(text):
        at = match.start()
        if at < end:
            continue
        mark = _CLOSING[match.group()]
        if 0 <= closing[mark] <= at:
            closing[mark] = text.find(mark, at + 1)
        while space and space.start() < at:
            space = _SPACE.search(text, space.end())
        if space and at < space.start() < closing[mark]:
            kept += text[end:at], " … "
            end = closing[mark] + 1
    return "".join([*kept, text[end:]])


def _unglue(word: str) -> Sequence[str]:
    """Part «я-Маша» and «это-Юля»: a hyphen stands there for a dash."""
    head, dash, tail = word.partition("-")
    if dash and head.lower() in ("я", "это", "зовут", "имя") and tail:
        return (head, "—", tail) if tail[:1].isupper() else (word,)
    return (word,)
