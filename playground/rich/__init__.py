"""Rich messages: blocks with headings, tables, lists, formulas and folded parts.

A bot sends blocks, HTML or Markdown; a message carries blocks. The limits are Telegram's;
where the words of its refusals aren't known, ours name the limit.
"""

from __future__ import annotations

from playground.rich.blocks import checked_blocks
from playground.rich.html import parse_rich_html
from playground.rich.limits import (
    MAX_BLOCKS,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_DEPTH,
    check_limits,
)
from playground.rich.markdown import parse_rich_markdown
from playground.rich.message import plain_text, rich_message

__all__ = [
    "MAX_BLOCKS",
    "MAX_CHARACTERS",
    "MAX_COLUMNS",
    "MAX_DEPTH",
    "check_limits",
    "checked_blocks",
    "parse_rich_html",
    "parse_rich_markdown",
    "plain_text",
    "rich_message",
]
