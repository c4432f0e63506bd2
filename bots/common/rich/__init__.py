"""Rich messages: headings, tables, formulas and folded parts as blocks of the Bot API.

Blocks are plain objects in the Bot API's form (`InputRichBlock`): text in them is text, so
nothing that a model writes can become markup of its own. Knows no aiogram.
"""

from __future__ import annotations

from bots.common.rich.blocks import (
    Block,
    details,
    heading,
    is_rich,
    letters_of,
    paragraph,
    table,
    text_of,
)
from bots.common.rich.classic import classic
from bots.common.rich.cutting import (
    MAX_BLOCKS,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_DEPTH,
    cut,
)
from bots.common.rich.markdown import blocks_of

__all__ = [
    "MAX_BLOCKS",
    "MAX_CHARACTERS",
    "MAX_COLUMNS",
    "MAX_DEPTH",
    "Block",
    "blocks_of",
    "classic",
    "cut",
    "details",
    "heading",
    "is_rich",
    "letters_of",
    "paragraph",
    "table",
    "text_of",
]
