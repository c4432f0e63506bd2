"""Telegram's text: UTF-16 lengths, its two parse modes, and the entities that it finds itself.

Positions in errors are byte offsets in UTF-8, as TDLib reports them; offsets of entities are
UTF-16 units.
"""

from __future__ import annotations

from collections.abc import Callable

from playground.markup.entities import (
    FormattedText,
    MarkupError,
    checked_link,
    find_entities,
    link_problem,
    trimmed,
    with_found_entities,
)
from playground.markup.html import decode_characters, parse_html
from playground.markup.markdown_v2 import parse_markdown_v2
from playground.markup.utf16 import (
    byte_offset,
    encodable,
    is_encodable,
    utf16_length,
    utf16_slice,
)

MAX_TEXT = 4096
MAX_CAPTION = 1024
PARSE_MODES: dict[str, Callable[[str], FormattedText]] = {
    "html": parse_html,
    "markdownv2": parse_markdown_v2,
}

__all__ = [
    "MAX_CAPTION",
    "MAX_TEXT",
    "PARSE_MODES",
    "FormattedText",
    "MarkupError",
    "byte_offset",
    "checked_link",
    "decode_characters",
    "encodable",
    "find_entities",
    "is_encodable",
    "link_problem",
    "parse_html",
    "parse_markdown_v2",
    "trimmed",
    "utf16_length",
    "utf16_slice",
    "with_found_entities",
]
