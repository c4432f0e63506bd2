"""The text of a request as the rules use it up: what one rule took, the next can't see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bots.real_estate.understanding.numerals import digits_for_words

TAKEN = "¤"
_DASHES = re.compile(r"[‐‑‒–—−]")
_SPACES = re.compile(r"[ \t\u00a0\u202f\u2009\n\r]+")
# «лямов за 10», «метров 50» say the same as «10 лямов», «50 метров».
_INVERTED = re.compile(
    r"(?i)(?<![\d.,] )(?<![\d.,])\b(миллионов|миллиона|лямов|ляма|млн|метров|квадратов|тысяч)"
    r"((?: (?:за|до|от|в|на|где-то))?) (\d+(?:[.,]\d+)?)(?! ?(?:м|кв|лям|млн|мил|тыс|к|эт|комн|мин)|[\d-])"
)


class ConsumableText:
    """`text` keeps the user's capitals, `low` is it in lower case; both lose what is taken."""

    def __init__(self, text: str) -> None:
        text = _SPACES.sub(" ", _DASHES.sub("-", text)).strip()
        text = digits_for_words(text.replace("ё", "е").replace("Ё", "Е"))
        text = re.sub(r"(?<=\d) ?- ?(?=\d)", "-", text)
        self.text = _INVERTED.sub(r"\2 \3 \1", text)
        self.low = self.text.lower()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match of `pattern`, taken out of the text."""
        match = pattern.search(self.low)
        if match:
            self.erase(*match.span())
        return match

    def take_all(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        while match := self.take(pattern):
            yield match

    def erase(self, start: int, end: int) -> None:
        """Replace a span so that words on its two sides don't become neighbours."""
        mark = TAKEN * (end - start)
        self.text = self.text[:start] + mark + self.text[end:]
        self.low = self.low[:start] + mark + self.low[end:]

    def has(self, pattern: re.Pattern[str]) -> bool:
        return pattern.search(self.low) is not None
