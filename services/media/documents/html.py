"""Read the text of an HTML page as a browser would show it, a line per block.

The tags are found by `str.find`, in linear time: the parsers of the standard library and of
selectolax take minutes on unclosed comments or deeply nested elements.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from services.media.documents.document import Document, Page
from services.media.documents.reading import bounded, decoded

_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]{0,20})")
_HIDDEN = frozenset(("script", "style", "template", "noscript", "svg", "iframe", "textarea"))
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in _HIDDEN}
_INLINE = frozenset((
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "img", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
_CELLS = frozenset(("td", "th"))


def read_html(content: bytes, name: str) -> Document:
    lines, omitted = bounded(_lines(_decoded(content)))
    return Document(name, "html", (Page("\n".join(lines)),), omitted=omitted)


def _decoded(content: bytes) -> str:
    said = _CHARSET.search(content[:4096])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        if said:
            return content.decode(said[1].decode(), errors="replace")
    except LookupError:
        pass
    return decoded(content)


def _lines(text: str) -> Iterator[str]:
    """The text of each block, with the cells of a table's row between bars."""
    line: list[str] = []
    for piece, tag, opens in _pieces(text):
        line.append(html.unescape(piece))
        if tag in _CELLS:
            line.append(" | " if opens and any(map(str.strip, line)) else "")
        elif tag not in _INLINE:
            if shown := " ".join("".join(line).split()).strip(" |"):
                yield shown
            line.clear()


def _pieces(text: str) -> Iterator[tuple[str, str, bool]]:
    """What is shown before each tag, the tag's name, and whether it opens; "" ends the text."""
    at = 0
    while (start := text.find("<", at)) >= 0:
        tag = _TAG.match(text, start)
        if tag is None and text[start + 1 : start + 2] not in ("!", "?"):
            yield text[at : start + 1], "b", False  # a mere sign «less than»
            at = start + 1
            continue
        name = tag[1].lower() if tag else "b"
        opens = text[start + 1 : start + 2] != "/"
        yield text[at:start], name, opens
        closing = "-->" if text.startswith("<!--", start) else ">"
        if opens and name in _HIDDEN:
            closed = _CLOSING[name].search(text, start)
            start = closed.start() if closed else -1
        end = text.find(closing, start) if start >= 0 else -1
        if end < 0:
            break
        at = end + len(closing)
    else:
        yield text[at:], "b", True
    yield "", "", False
