"""A message as a list of words, numbers and marks; readers mark what they have used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from bots.real_estate.understanding.morphology import lemmas

# Nobody's request for a flat is longer.
MAX_READ = 2_000  # characters
MAX_TOKENS = 200
Kind = Literal["word", "number", "mark"]
_TOKEN = re.compile(
    r"(?P<number>\d+)"
    r"|(?P<word>(?:[мm](?:²|\^?2)(?!\d))|[^\W\d_]+)"
    r"|(?P<mark>\n|\.{2,}|[^\s\w]|_)"
)
_DASHES = str.maketrans(
    dict.fromkeys("‐‑‒–—−", "-") | {"\u00a0": " ", "\u202f": " ", "\u2009": " "}
)
# Links, nicknames, telephones, dates and times say nothing of a flat, and their digits would be read.
_NOT_SPEECH = re.compile(
    r"https?://\S{1,300}|@\w{1,64}"
    r"|(?<![\d:])\d{1,2}:\d{2}(?![\d:])"
    r"|(?<![\d.])\d{1,2}\.\d{1,2}\.(?:19|20)\d{2}(?!\d)"
    r"|(?<![\d-])\d{2,3}-\d{2}-\d{2}(?![\d-])"
    r"|(?<!\d)(?:\+7|8|7)[ (-]{0,3}\d{3}[ )-]{0,3}\d{3}[ -]?\d{2}[ -]?\d{2}(?!\d)"
)
_ABBREVIATIONS = frozenset(
    "кв м т р руб млн тыс млрд эт этаж комн ком ул г гор ст мкр мкрн макс мин пр просп д обл пос п "
    "наб пер бул стр корп общ пл ок прибл".split()
)
_BEFORE_NAMES = frozenset("г гор ул ст м мкр мкрн р п пос пр просп н в д наб пер ж обл".split())
_CLAUSE_ENDS = frozenset(",.;!?\n()…/") | {"..", "..."}


@dataclass(slots=True)
class Token:
    """A word, a number or a mark.

    `low` is in lower case without ё. `value` is a number's; `ordinal` tells «третий» from
    «три», `in_words` a number that was spelt out. `gap` is whether a space stands before.
    """

    kind: Kind
    text: str
    low: str
    gap: bool = True
    value: float | None = None
    ordinal: bool = False
    in_words: bool = False
    used: bool = False
    lemmas: frozenset[str] = field(default_factory=frozenset)


class Tokens(list[Token]):
    """The tokens of one message."""

    def is_word(self, index: int) -> bool:
        return 0 <= index < len(self) and self[index].kind == "word" and not self[index].used

    def is_number(self, index: int) -> bool:
        return 0 <= index < len(self) and self[index].value is not None and not self[index].used

    def low(self, index: int) -> str:
        """The word or mark at `index`, empty outside the message."""
        return self[index].low if 0 <= index < len(self) else ""

    def kind(self, index: int) -> Kind | None:
        return self[index].kind if 0 <= index < len(self) else None

    def has_lemma(self, index: int, wanted: frozenset[str]) -> bool:
        return 0 <= index < len(self) and not wanted.isdisjoint(self[index].lemmas)

    def use(self, start: int, end: int) -> None:
        """Keep later readers from reading these tokens again."""
        for token in self[start:end]:
            token.used = True

    def ends_clause(self, index: int) -> bool:
        """Whether a clause ends at this token; a dash with spaces ends one, a hyphen doesn't."""
        token = self[index]
        if token.kind != "mark":
            return False
        if token.low == "-":
            return token.gap and index + 1 < len(self) and self[index + 1].gap
        return token.low in _CLAUSE_ENDS

    def clause_start(self, index: int, furthest: int = 12) -> int:
        """The first token of the clause that holds `index`, at most `furthest` tokens back."""
        start = index
        while start > max(0, index - furthest) and not self.ends_clause(start - 1):
            start -= 1
        return start

    def clause_end(self, index: int, furthest: int = 12) -> int:
        """The end of the clause that holds `index`, at most `furthest` tokens on."""
        end = index
        while end < min(len(self), index + furthest) and not self.ends_clause(end):
            end += 1
        return end


def tokenize(text: str, limit: int | None = MAX_READ) -> Tokens:
    """Split a message, or its beginning; the work grows with its length only."""
    text = _NOT_SPEECH.sub(" . ", text[:limit].translate(_DASHES))
    tokens = _without_abbreviation_dots(Tokens(_tokens(text)))
    return tokens if limit is None else Tokens(tokens[:MAX_TOKENS])


def _without_abbreviation_dots(tokens: Tokens) -> Tokens:
    """«3-х к.кв.», «т.р.», «г. Пенза» without the dots, which would end a clause."""
    kept = Tokens()
    for index, token in enumerate(tokens):
        if token.low == "." and not token.gap and kept and _is_abbreviation(tokens, index):
            continue
        kept.append(token)
    return kept


def _is_abbreviation(tokens: Tokens, dot: int) -> bool:
    word = tokens[dot - 1]
    if word.kind != "word" or not (len(word.low) == 1 or word.low in _ABBREVIATIONS):
        return False
    if dot + 1 >= len(tokens) or not tokens[dot + 1].gap or not tokens[dot + 1].text[0].isupper():
        return True
    after_number = dot > 1 and tokens[dot - 2].kind == "number"
    return word.low in _BEFORE_NAMES and not after_number


def _tokens(text: str) -> Iterator[Token]:
    end = 0
    for match in _TOKEN.finditer(text):
        kind: Kind = match.lastgroup  # type: ignore[assignment]
        low = match[0].lower().replace("ё", "е")
        token = Token(kind, match[0], low, gap=match.start() > end or match.start() == 0)
        if kind == "number":
            token.value = float(match[0]) if len(match[0]) < 13 else float("inf")
        if kind == "word":
            token.lemmas = lemmas(low)
        yield token
        end = match.end()
