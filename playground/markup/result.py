"""What a parser has written so far: text, and entities that are open or complete."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playground.errors import Json
from playground.markup.entities import FormattedText, checked_link, sort_entities
from playground.markup.utf16 import utf16_length


@dataclass(slots=True)
class OpenEntity:
    """An entity without its end yet: positions in the source, the parts, and UTF-16 units."""

    kind: str
    source: int
    offset: int
    part: int
    argument: str = ""


@dataclass(slots=True)
class Result:
    """What a parser has written so far."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    open: list[OpenEntity] = field(default_factory=list)
    entities: list[Json] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.length += utf16_length(text)

    def begin(self, kind: str, source: int, argument: str = "") -> None:
        self.open.append(OpenEntity(kind, source, self.length, len(self.parts), argument))

    def written_since(self, begun: OpenEntity) -> str:
        return "".join(self.parts[begun.part :])

    def add(self, kind: str, begun: OpenEntity, **more: object) -> None:
        if self.length > begun.offset:
            length = self.length - begun.offset
            self.entities.append({"type": kind, "offset": begun.offset, "length": length, **more})

    def add_link(self, begun: OpenEntity, url: str) -> None:
        if mention := re.fullmatch(r"tg://user/?\?id=(\d+)", url):
            self.add("text_mention", begun, user={"id": int(mention[1])})
        elif link := checked_link(url):
            self.add("text_link", begun, url=link)

    def finish(self) -> FormattedText:
        return FormattedText("".join(self.parts), tuple(sort_entities(self.entities)))
