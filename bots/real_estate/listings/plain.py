"""Text as it is compared and as it is kept."""

from __future__ import annotations

import re

# What no database keeps and nobody reads: control characters and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str | None) -> str | None:
    """Text without case and «ё»: SQLite knows no case in Russian."""
    return text.casefold().replace("ё", "е").strip() if text else None


def printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)
