"""A model's Markdown as Telegram wants it, in parts that fit: text with entities, or blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiogram.types import InputRichMessage, Message, MessageEntity
from telegramify_markdown import utf16_len

from bots.common.rich import Block, blocks_of, classic, cut, is_rich, text_of

TEXT_LIMIT = 4096  # UTF-16 units in one message


@dataclass(frozen=True, slots=True)
class Formatted:
    """Text with its entities; offsets and lengths are in UTF-16 units."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


@dataclass(frozen=True, slots=True)
class RichPart:
    """The blocks of one rich message."""

    blocks: list[Block]

    def content(self) -> InputRichMessage:
        return InputRichMessage.model_validate({"blocks": self.blocks})


Part = Formatted | RichPart
# A text without any of these needs no rich message: most texts aren't read twice.
_RICH_MARK = re.compile(
    r"[|#$]|\\[\[(]|`{3} ?math|^[ \t]*[-=]+[ \t]*$|^[ \t]+(?:[-*+]|\d+[.)])\s", re.MULTILINE
)


def classic_parts(markdown: str) -> list[Formatted]:
    """Text with entities, in as many messages as it takes."""
    return split(render(markdown))


def rich_parts(markdown: str, rich: Sequence[Block] = (), *, long: bool = False) -> list[RichPart]:
    """Rich messages for what a classic one can't show; none where a classic one does.

    `rich` is a version of the text that was made for them, `long` says that the text takes
    several classic messages.
    """
    if rich:
        return [RichPart(blocks) for blocks in cut(rich)]
    if not long and not _RICH_MARK.search(markdown):
        return []
    blocks = blocks_of(markdown)
    return [RichPart(part) for part in cut(blocks)] if long or is_rich(blocks) else []


def shown_text(message: Message) -> str:
    """What a message says, be it plain, a caption or rich."""
    if message.rich_message:
        blocks = message.rich_message.model_dump(mode="json", exclude_none=True)["blocks"]
        return text_of(blocks)
    return message.text or message.caption or ""


def render(markdown: str) -> Formatted:
    """Turn Markdown into text and entities; unfinished markup stays as letters."""
    text, entities = classic(blocks_of(markdown))
    if not text.strip():
        return Formatted(markdown.strip())
    return Formatted(text, tuple(MessageEntity(**entity) for entity in entities))


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
