"""Word patterns over tokens, instead of regular expressions over letters.

A pattern is words with spaces between: «сколько ~ стоить». Each word is matched with a
token's spelling or dictionary form; `a|b` is either, `оцен*` any word that begins so, `#` a
number, `~` up to two words of any kind, and `?` after a word makes it optional.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bots.real_estate.understanding.tokens import Token, Tokens

_MAX_GAP = 2
_PREFIX_KEY = 3  # letters by which patterns that begin with a `word*` are found


@dataclass(frozen=True, slots=True)
class _Item:
    words: frozenset[str]
    prefixes: tuple[str, ...]
    number: bool = False
    optional: bool = False

    def fits(self, token: Token) -> bool:
        if token.value is not None:
            return self.number
        if token.low in self.words or not self.words.isdisjoint(token.lemmas):
            return True
        return bool(self.prefixes) and token.low.startswith(self.prefixes)


_GAP = _Item(frozenset(), ())


class Phrases:
    """A set of patterns; the longest that matches at a place wins."""

    def __init__(self, *patterns: str) -> None:
        self._by_word: dict[str, list[tuple[_Item, ...]]] = defaultdict(list)
        self._by_prefix: dict[str, list[tuple[_Item, ...]]] = defaultdict(list)
        self._by_number: list[tuple[_Item, ...]] = []
        for pattern in patterns:
            items = tuple(_parse(item) for item in pattern.split())
            for word in items[0].words:
                self._by_word[word].append(items)
            if items[0].number:
                self._by_number.append(items)
            for prefix in items[0].prefixes:
                self._by_prefix[prefix[:_PREFIX_KEY]].append(items)

    def end_at(self, tokens: Tokens, start: int, *, used: bool = False) -> int | None:
        """Where the longest phrase that begins at `start` ends, None when none does."""
        token = tokens[start]
        if token.used and not used:
            return None
        longest = None
        for items in self._candidates(token):
            end = _match(tokens, start, items, used)
            if end is not None and (longest is None or end > longest):
                longest = end
        return longest

    def _candidates(self, token: Token) -> Iterator[tuple[_Item, ...]]:
        """The patterns whose first word may be this token; for most tokens there are none."""
        if token.value is not None:
            yield from self._by_number
            return
        by_word = self._by_word
        if token.low in by_word:
            yield from by_word[token.low]
        for lemma in token.lemmas:
            if lemma != token.low and lemma in by_word:
                yield from by_word[lemma]
        prefix = token.low[:_PREFIX_KEY]
        if prefix in self._by_prefix:
            yield from self._by_prefix[prefix]

    def find(
        self, tokens: Tokens, start: int = 0, end: int | None = None, *, used: bool = False
    ) -> Iterator[tuple[int, int]]:
        """The places of all phrases, from left to right without overlaps."""
        position, last = start, len(tokens) if end is None else min(end, len(tokens))
        while position < last:
            found = self.end_at(tokens, position, used=used)
            if found is None:
                position += 1
                continue
            yield position, found
            position = found

    def first(
        self, tokens: Tokens, start: int = 0, end: int | None = None, *, used: bool = False
    ) -> tuple[int, int] | None:
        return next(self.find(tokens, start, end, used=used), None)

    def within(
        self, tokens: Tokens, start: int = 0, end: int | None = None, *, used: bool = True
    ) -> bool:
        """Whether any phrase stands there, also in words that a reader has used."""
        return self.first(tokens, start, end, used=used) is not None


def words(text: str) -> frozenset[str]:
    """A word list written as a sentence."""
    return frozenset(text.split())


def phrases(text: str) -> Phrases:
    """Patterns separated by commas or lines."""
    return Phrases(*_split(text))


def _split(text: str) -> Iterable[str]:
    return filter(None, (part.strip() for line in text.splitlines() for part in line.split(",")))


def _parse(item: str) -> _Item:
    optional = len(item) > 1 and item.endswith("?")
    item = item.removesuffix("?") if optional else item
    if item == "~":
        return _GAP
    names = item.split("|")
    exact = frozenset(name for name in names if not name.endswith("*"))
    prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
    return _Item(exact - {"#"}, prefixes, number="#" in exact, optional=optional)


def _match(tokens: Tokens, start: int, items: tuple[_Item, ...], used: bool) -> int | None:
    if not items:
        return start
    item, rest = items[0], items[1:]
    if item is _GAP:
        for skipped in range(_MAX_GAP + 1):
            end = _match(tokens, start + skipped, rest, used)
            if end is not None:
                return end
            if start + skipped >= len(tokens) or tokens.ends_clause(start + skipped):
                return None
        return None
    if start < len(tokens) and (used or not tokens[start].used) and item.fits(tokens[start]):
        end = _match(tokens, start + 1, rest, used)
        if end is not None:
            return end
    return _match(tokens, start, rest, used) if item.optional else None
