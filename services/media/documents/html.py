"""Read the text of an HTML page as a browser would show it, a line per block."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from services.media.documents.document import Document, Page
from services.media.documents.reading import UNKNOWN_ENCODING, bounded
from services.spreadsheet import decode

_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_HIDDEN = frozenset(("script", "style", "template", "noscript", "svg", "iframe"))
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_CELLS = frozenset(("td", "th"))


def read_html(content: bytes, name: str) -> Document:
    reader = _Reader()
    reader.feed(_decoded(content))
    reader.close()
    reader.end_line()
    lines, omitted = bounded(reader.lines)
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
    return decode(content, UNKNOWN_ENCODING)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line: list[str] = []
        self._hidden = ""  # the element whose content isn't shown

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            return
        if tag in _HIDDEN:
            self._hidden = tag
        elif tag in _CELLS:
            if self._line:
                self._line.append(" | ")
        elif tag not in _INLINE:
            self.end_line()

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""
        elif not self._hidden and tag not in _INLINE and tag not in _CELLS:
            self.end_line()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._line.append(data)

    def end_line(self) -> None:
        line = " ".join("".join(self._line).split()).strip(" |")
        self._line.clear()
        if line:
            self.lines.append(line)
