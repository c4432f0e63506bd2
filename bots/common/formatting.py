"""A model's Markdown as Telegram wants it: plain text and entities, in parts that fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from aiogram.types import MessageEntity
from telegramify_markdown import RenderConfig, convert, utf16_len

TEXT_LIMIT = 4096  # UTF-16 units in one message

# The library drops what looks like HTML: "x < y" would lose its end. A private-use
# character of the same width keeps the text and the offsets of the entities.
_LESS_THAN = "\ue000"


@dataclass(frozen=True, slots=True)
class Formatted:
    """Text with its entities; offsets and lengths are in UTF-16 units."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


@lru_cache(maxsize=1)
def _config() -> RenderConfig:
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    for level in range(1, 5):
        setattr(symbols, f"heading_level_{level}", "")
    symbols.unordered_list_item = "•"
    symbols.image = symbols.link = ""
    return config


def render(markdown: str) -> Formatted:
    """Turn Markdown into text and entities; unfinished markup stays as letters."""
    source = markdown.replace("<", _LESS_THAN)
    text, entities = convert(source, latex_escape=False, config=_config())
    kept = text.replace(_LESS_THAN, "<").rstrip()
    if not kept.strip():
        return Formatted(markdown.strip())
    width = utf16_len(kept)
    return Formatted(
        kept,
        tuple(
            MessageEntity(
                **{**entity.to_dict(), "length": min(entity.length, width - entity.offset)}
            )
            for entity in entities
            if entity.offset < width
        ),
    )


def split(message: Formatted, limit: int = TEXT_LIMIT) -> list[Formatted]:
    """Cut a message into parts of at most `limit` UTF-16 units.

    Cuts where it hurts least: between paragraphs or at the border of a code block,
    else between lines, sentences, words. All but the last part of a growing text stay
    the same, so a stream can be split again and again.
    """
    return [part for part in _parts(message, limit) if part.text.strip()]


def _parts(message: Formatted, limit: int) -> Iterator[Formatted]:
    while utf16_len(message.text) > limit:
        end = _cut(message, limit)
        yield _slice(message, 0, end)
        skipped = len(message.text[end:]) - len(message.text[end:].lstrip("\n "))
        message = _slice(message, end + skipped, len(message.text))
    yield message


def _cut(message: Formatted, limit: int) -> int:
    """The index in `text` (characters) where the first part ends."""
    room = message.text.encode("utf-16-le", "surrogatepass")[: limit * 2]
    hard = len(room.decode("utf-16-le", "ignore"))
    window, least = message.text[:hard], hard // 3
    blocks = [
        (_index(message.text, entity.offset), _index(message.text, entity.offset + entity.length))
        for entity in message.entities
        if entity.type == "pre"
    ]

    def outside_code(position: int) -> bool:
        return not any(start < position < end for start, end in blocks)

    borders = [edge for block in blocks for edge in block if least < edge <= hard]
    if paragraphs := [p for p in _after(window, "\n\n", least) if outside_code(p)]:
        borders.append(paragraphs[-1])
    if borders:
        return max(borders)
    for mark in ("\n", ". ", " "):
        if places := _after(window, mark, least):
            return places[-1]
    return hard


def _after(window: str, mark: str, least: int) -> list[int]:
    places, start = [], window.find(mark, least)
    while start != -1:
        places.append(start + len(mark))
        start = window.find(mark, start + 1)
    return places


def _index(text: str, utf16_offset: int) -> int:
    encoded = text.encode("utf-16-le", "surrogatepass")[: utf16_offset * 2]
    return len(encoded.decode("utf-16-le", "surrogatepass"))


def _slice(message: Formatted, start: int, end: int) -> Formatted:
    text = message.text[start:end]
    text = text.rstrip() if end < len(message.text) else text
    left, width = utf16_len(message.text[:start]), utf16_len(text)
    entities = []
    for entity in message.entities:
        first = max(entity.offset - left, 0)
        last = min(entity.offset + entity.length - left, width)
        if first < last:
            entities.append(entity.model_copy(update={"offset": first, "length": last - first}))
    return Formatted(text, tuple(entities))
