r"""Formulas in a model's text: `$x$`, `$$x$$`, and TeX's own `\(x\)` and `\[x\]`."""

from __future__ import annotations

import re

NEWLINE = "\ue002"  # stands in a formula for its line breaks: a line's first sign is no list mark

_TEX = re.compile(r"[\\^_={}]")
_PLAIN_FORMULA = re.compile(
    r"[A-Za-zΑ-ω]|[\w.()]{1,20}(?:\s?[-+*/<>≤≥]\s?[\w.()]{1,20}){1,8}", re.ASCII
)
_TOKENS = re.compile(
    r"(?P<fence>^[ >]*(?:`{3,}|~{3,})[^\n]*$)|(?P<code>`+)|(?P<blank>\n[ \t]*(?=\n))|(?P<line>\n)"
    r"|\\\\|(?P<open>\\[\[(])|(?P<close>\\[\])])|(?P<dollars>\$\$)",
    re.MULTILINE,
)
_PAIRS = {r"\]": r"\[", r"\)": r"\(", "$$": "$$"}


def is_formula(expression: str) -> bool:
    """Whether what stands between dollars is a formula rather than two prices."""
    text = expression.strip()
    if not text or len(text) > 4096:
        return False
    return bool(_TEX.search(text) or _PLAIN_FORMULA.fullmatch(text))


def marked(markdown: str) -> str:
    """The text with its formulas between dollars, each on one line; code stays as it is."""
    return "".join(_Marker(markdown).pieces())


class _Marker:
    """One pass over the tokens that matter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._done = 0  # what is before it has been written
        self._begun: tuple[str, int, int] | None = None  # the open formula
        self._fence = ""
        self._ticks = ""

    def pieces(self) -> list[str]:
        found: list[str] = []
        for token in _TOKENS.finditer(self._text):
            kind, mark = token.lastgroup, token[0]
            if kind == "fence":
                self._fenced(mark.strip(" >"))
            elif self._fence:
                continue
            elif kind == "code":
                self._ticks = "" if self._ticks == mark else self._ticks or mark
            elif kind in ("line", "blank"):
                self._ticks = ""
                self._begun = None if kind == "blank" else self._begun
            elif kind and not self._ticks:
                found += self._formula(mark, token.start(), token.end())
        return [*found, self._text[self._done :]]

    def _fenced(self, line: str) -> None:
        mark = re.match(r"`+|~+", line)
        ticks = mark[0] if mark else ""
        if not self._fence:
            self._fence, self._begun = ticks, None
        elif line == ticks and ticks.startswith(self._fence):
            self._fence = ""

    def _formula(self, mark: str, start: int, end: int) -> list[str]:
        """The text up to a formula and the formula, where `mark` ends one."""
        if not self._begun or _PAIRS.get(mark) != self._begun[0]:
            if mark not in (r"\]", r"\)"):
                self._begun = (mark, start, end)
            return []
        _, opened, inside = self._begun
        self._begun = None
        expression = self._text[inside:start]
        if not is_formula(expression):
            return []
        before, self._done = self._text[self._done : opened], end
        dollars = "$" if mark == r"\)" else "$$"
        return [before, dollars, expression.strip().replace("\n", NEWLINE), dollars]
