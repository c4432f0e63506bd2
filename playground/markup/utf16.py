"""Lengths and offsets in UTF-16 units, as Telegram counts them."""

from __future__ import annotations


def utf16_length(text: str) -> int:
    """The length as Telegram counts it: letters outside the first plane count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def utf16_slice(text: str, offset: int, length: int) -> str:
    """The part of a text that an entity covers."""
    units = text.encode("utf-16-le")
    return units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "replace")


def is_encodable(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which JSON can carry and UTF-8 can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encodable(text: str) -> str:
    """The text with U+FFFD in place of halves of surrogate pairs."""
    if is_encodable(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def byte_offset(text: str, position: int) -> int:
    return len(text[:position].encode())
