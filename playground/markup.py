"""Telegram's text: UTF-16 lengths, its two parse modes, and the entities that it finds itself.

The rules, and every error's wording, are those of TDLib's MessageEntity.cpp: positions in
errors are byte offsets in UTF-8, offsets of entities are UTF-16 units.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playground.errors import Json

MAX_TEXT = 4096
MAX_CAPTION = 1024


class MarkupError(ValueError):
    """The text doesn't parse; the message is Telegram's own."""


@dataclass(frozen=True, slots=True)
class FormattedText:
    """A text with its entities, as the Bot API sends them."""

    text: str
    entities: tuple[Json, ...] = ()

    def wire(self, name: str = "text") -> Json:
        """The fields of a message: `text` and `entities`, or `caption` and its own."""
        if not self.text:
            return {}
        body: Json = {name: self.text}
        if self.entities:
            body["entities" if name == "text" else f"{name}_entities"] = list(self.entities)
        return body


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


# --- Parse modes -------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """An entity that has begun: where in the source, in the result, and in UTF-16 units."""

    kind: str
    source: int
    offset: int
    part: int
    argument: str = ""


@dataclass(slots=True)
class _Result:
    """What a parser has written so far."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    open: list[_Open] = field(default_factory=list)
    entities: list[Json] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.length += utf16_length(text)

    def begin(self, kind: str, source: int, argument: str = "") -> None:
        self.open.append(_Open(kind, source, self.length, len(self.parts), argument))

    def written_since(self, begun: _Open) -> str:
        return "".join(self.parts[begun.part :])

    def add(self, kind: str, begun: _Open, **more: object) -> None:
        if self.length > begun.offset:
            length = self.length - begun.offset
            self.entities.append({"type": kind, "offset": begun.offset, "length": length, **more})

    def add_link(self, begun: _Open, url: str) -> None:
        if mention := re.fullmatch(r"tg://user/?\?id=(\d+)", url):
            self.add("text_mention", begun, user={"id": int(mention[1])})
        elif link := checked_link(url):
            self.add("text_link", begun, url=link)

    def finish(self) -> FormattedText:
        return FormattedText("".join(self.parts), tuple(sort_entities(self.entities)))


def link_problem(url: str) -> str | None:
    """What Telegram has against an address, or None."""
    if not url:
        return "URL host is empty"
    scheme, separator, _ = url.partition("://")
    if separator and scheme.lower() not in ("http", "https", "tg", "ton", "tonsite"):
        return "Unsupported URL protocol"
    if separator and scheme.lower() in ("tg", "ton"):
        return None
    try:
        host = urlsplit(url if separator else f"http://{url}").hostname
    except ValueError:
        host = None
    if not host or ("." not in host and ":" not in host) or any(map(str.isspace, url)):
        return "Wrong HTTP URL"
    return None


def checked_link(url: str) -> str | None:
    """The address as Telegram keeps it, or None where it drops the link."""
    url = url.strip()
    if link_problem(url):
        return None
    url = url if "://" in url else f"http://{url}"
    return url if urlsplit(url).path or "?" in url or "#" in url else f"{url}/"


_RESERVED = frozenset("_*[]()~`>#+-=|{}.!\n")
_MARKDOWN_KINDS = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "link": "TextUrl",
    "emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}
_MARKDOWN_ENDS = {
    "bold": "*",
    "italic": "_",
    "underline": "__",
    "strikethrough": "~",
    "spoiler": "||",
    "code": "`",
    "pre": "```",
    "link": "]",
    "emoji": "]",
}


def parse_markdown_v2(text: str) -> FormattedText:
    return _MarkdownParser(text).parse()


class _MarkdownParser:
    """MarkdownV2, as strict as Telegram: every reserved character means something or fails."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._result = _Result()
        self._in_quote = False
        self._may_quote = True

    def parse(self) -> FormattedText:
        while self._at < len(self._text):
            self._step()
        self._close_quote_at_end()
        if self._result.open:
            raise self._unclosed()
        return self._result.finish()

    def _step(self) -> None:
        text, at = self._text, self._at
        char = text[at]
        if char == "\\" and text[at + 1 : at + 2] and ord(text[at + 1]) <= 126:
            self._write(text[at + 1], 2)
        elif char not in self._reserved():
            self._write(char, 1)
        elif self._in_quote and char == "\n" and not text.startswith(">", at + 1):
            self._end_quote_line()
        elif self._at_end_of_entity():
            self._end_entity()
        else:
            self._begin_entity(char)

    def _write(self, char: str, step: int) -> None:
        self._result.write(char)
        self._at += step
        self._may_quote = False

    def _kind(self) -> str | None:
        return self._result.open[-1].kind if self._result.open else None

    def _reserved(self) -> frozenset[str]:
        return frozenset("`") if self._kind() in ("code", "pre") else _RESERVED

    def _at_end_of_entity(self) -> bool:
        kind = self._kind()
        if kind is None or kind == "blockquote":
            return False
        if kind == "italic" and self._text.startswith("__", self._at):
            return False
        return self._text.startswith(_MARKDOWN_ENDS[kind], self._at)

    def _unclosed(self) -> MarkupError:
        begun = self._result.open[-1]
        name = "PreCode" if begun.argument and begun.kind == "pre" else _MARKDOWN_KINDS[begun.kind]
        offset = byte_offset(self._text, begun.source)
        return MarkupError(f"Can't find end of {name} entity at byte offset {offset}")

    def _begin_entity(self, char: str) -> None:
        text, at = self._text, self._at
        if char == "_":
            self._begin("underline" if text.startswith("__", at) else "italic")
        elif char == "*":
            self._begin("bold")
        elif char == "~":
            self._begin("strikethrough")
        elif char == "[":
            self._begin("link")
        elif char == "`":
            self._begin_code()
        elif text.startswith("||", at):
            self._begin("spoiler")
        elif text.startswith("![", at):
            self._result.begin("emoji", at)
            self._at += 2
        elif char == "\n":
            self._next_line()
        elif char == ">" and self._may_quote:
            self._begin_quote(at)
        else:
            raise MarkupError(
                f"Character '{char}' is reserved and must be escaped with the preceding '\\'"
            )

    def _begin(self, kind: str) -> None:
        self._result.begin(kind, self._at)
        self._at += len(_MARKDOWN_ENDS[kind])

    def _begin_code(self) -> None:
        if not self._text.startswith("```", self._at):
            self._begin("code")
            return
        begun = self._at
        header = re.compile(r"([^\s`]*)(\r\n|\n\r|\n|\r)?").match(self._text, begun + 3)
        language = header[1] if header else ""
        end = begun + 3 + len(language)
        if self._text.startswith("`", end) or end >= len(self._text):
            language, end = "", begun + 3  # it is the code itself, not a language
        line_break = re.compile(r"\r\n|\n\r|\n|\r").match(self._text, end)
        self._result.begin("pre", begun, language)
        self._at = line_break.end() if line_break else end

    def _begin_quote(self, source: int) -> None:
        if not self._in_quote:
            self._result.begin("blockquote", source)
            self._in_quote = True
        self._at += 1
        self._may_quote = False

    def _next_line(self) -> None:
        self._result.write("\n")
        self._at += 1
        self._may_quote = True

    def _end_quote_line(self) -> None:
        self._drop_expandability_mark()
        if self._kind() != "blockquote":
            raise self._unclosed()
        self._result.write("\n")
        self._end_quote(self._result.open.pop())
        self._at += 1
        self._may_quote = True

    def _drop_expandability_mark(self) -> None:
        """`||` that closes nothing, right at the end of a quote, folds it."""
        opened = self._result.open
        kinds = [begun.kind for begun in opened[-2:]]
        if kinds == ["blockquote", "spoiler"] and opened[-1].source + 2 == self._at:
            opened.pop()
            opened[-1].argument = "expandable"

    def _end_quote(self, begun: _Open) -> None:
        self._in_quote = False
        self._result.add("expandable_" * bool(begun.argument) + "blockquote", begun)

    def _close_quote_at_end(self) -> None:
        if self._in_quote:
            self._drop_expandability_mark()
            if self._kind() == "blockquote":
                self._end_quote(self._result.open.pop())

    def _end_entity(self) -> None:
        begun = self._result.open.pop()
        self._at += len(_MARKDOWN_ENDS[begun.kind])
        if begun.kind == "link":
            self._end_link(begun)
        elif begun.kind == "emoji":
            self._end_emoji(begun)
        elif begun.kind == "pre" and begun.argument:
            self._result.add("pre", begun, language=begun.argument)
        else:
            self._result.add(begun.kind, begun)

    def _end_link(self, begun: _Open) -> None:
        if self._text.startswith("(", self._at):
            self._result.add_link(begun, self._target("a URL"))
        else:
            self._result.add_link(begun, self._result.written_since(begun))

    def _end_emoji(self, begun: _Open) -> None:
        if not self._text.startswith("(", self._at):
            raise MarkupError("Custom emoji entity must contain a tg://emoji URL")
        found = re.fullmatch(r"tg://emoji\?id=(\d+)", self._target("a custom emoji URL"))
        if not found:
            raise MarkupError("Invalid custom emoji URL specified")
        self._result.add("custom_emoji", begun, custom_emoji_id=found[1])

    def _target(self, name: str) -> str:
        """Read `(address)`; backslashes escape in it."""
        begin = self._at + 1
        end = re.compile(r"(?:\\[\x01-\x7e]|[^)])*").match(self._text, begin)
        stop = end.end() if end else begin
        if not self._text.startswith(")", stop):
            offset = byte_offset(self._text, begin)
            raise MarkupError(f"Can't find end of {name} at byte offset {offset}")
        self._at = stop + 1
        return re.sub(r"\\([\x01-\x7e])", r"\1", self._text[begin:stop])


_HTML_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "link",
    "tg-emoji": "emoji",
    "blockquote": "blockquote",
}
_CHARACTER = re.compile(r"&(?:(lt|gt|amp|quot)|#(\d+)|#x([0-9a-fA-F]+));?")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>/]+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+)))?""")


def parse_html(text: str) -> FormattedText:
    return _HtmlParser(text).parse()


class _HtmlParser:
    """Telegram's subset of HTML."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._result = _Result()

    def parse(self) -> FormattedText:
        text = self._text
        while self._at < len(text):
            if text[self._at] != "<":
                self._plain()
            elif text.startswith("/", self._at + 1):
                self._end_tag()
            else:
                self._start_tag()
        if self._result.open:
            name = self._result.open[-1].argument.partition(" ")[0]
            raise MarkupError(f'Can\'t find end tag corresponding to start tag "{name}"')
        return self._result.finish()

    def _plain(self) -> None:
        end = self._text.find("<", self._at)
        end = len(self._text) if end < 0 else end
        self._result.write(decode_characters(self._text[self._at : end]))
        self._at = end

    def _error(self, text: str) -> MarkupError:
        return MarkupError(f"{text} at byte offset {byte_offset(self._text, self._at)}")

    def _start_tag(self) -> None:
        begun = self._at
        named = re.compile(r"<([^\s>]*)").match(self._text, begun)
        name = named[1].lower() if named else ""
        position = begun + 1 + len(name)
        if position >= len(self._text):
            raise self._error("Unclosed start tag")
        if name not in _HTML_KINDS:
            raise self._error(f'Unsupported start tag "{name}"')
        attributes, position = self._attributes(name, position)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise self._error('Tag "span" must have class "tg-spoiler"')
        # The tag's name is needed to match its end; what it carries stands behind a space.
        self._result.begin(_HTML_KINDS[name], begun, f"{name} {self._carried(name, attributes)}")
        self._at = position

    def _attributes(self, tag: str, position: int) -> tuple[dict[str, str], int]:
        found: dict[str, str] = {}
        while True:
            while position < len(self._text) and self._text[position].isspace():
                position += 1
            if position >= len(self._text):
                raise self._error("Unclosed start tag")
            if self._text[position] == ">":
                return found, position + 1
            attribute = _ATTRIBUTE.match(self._text, position)
            if not attribute:
                raise self._error(f'Empty attribute name in the tag "{tag}"')
            name, *values = attribute.groups()
            if all(value is None for value in values) and name.lower() != "expandable":
                raise self._error(
                    f'Expected equal sign in declaration of an attribute of the tag "{tag}"'
                )
            found[name.lower()] = decode_characters(next((v for v in values if v is not None), ""))
            position = attribute.end()

    @staticmethod
    def _carried(tag: str, attributes: dict[str, str]) -> str:
        if tag == "a":
            return attributes.get("href", "")
        if tag == "code":
            return attributes.get("class", "").partition("language-")[2]
        if tag == "tg-emoji":
            return attributes.get("emoji-id", "")
        return "expandable" if tag == "blockquote" and "expandable" in attributes else ""

    def _end_tag(self) -> None:
        if not self._result.open:
            raise self._error("Unexpected end tag")
        tag = re.compile(r"</([^\s>]*)\s*(>?)").match(self._text, self._at)
        if not tag or not tag[2]:
            raise self._error("Unclosed end tag")
        begun = self._result.open[-1]
        name, _, carried = begun.argument.partition(" ")
        found = tag[1].lower()
        if found and found != name:
            offset = byte_offset(self._text, self._at)
            raise MarkupError(
                f"Unmatched end tag at byte offset {offset}, "
                f'expected "</{name}>", found "</{found}>"'
            )
        self._result.open.pop()
        self._close(begun, carried)
        self._at = tag.end()

    def _close(self, begun: _Open, carried: str) -> None:
        if begun.kind == "link":
            self._result.add_link(begun, carried or self._result.written_since(begun))
        elif begun.kind == "emoji":
            if not carried.isdecimal() or not 0 < int(carried) < 2**63:
                raise MarkupError("Invalid custom emoji identifier specified")
            self._result.add("custom_emoji", begun, custom_emoji_id=carried)
        elif begun.kind == "blockquote":
            self._result.add("expandable_" * bool(carried) + "blockquote", begun)
        elif begun.kind in ("code", "pre"):
            self._close_code(begun, carried)
        else:
            self._result.add(begun.kind, begun)

    def _close_code(self, begun: _Open, language: str) -> None:
        """`<pre><code class="language-x">` is one entity, not two."""
        inner = self._result.entities[-1] if self._result.entities else {}
        length = self._result.length - begun.offset
        same = (inner.get("offset"), inner.get("length")) == (begun.offset, length)
        if begun.kind == "pre" and same and inner["type"] == "code":
            inner["type"] = "pre"
        elif begun.kind == "code" and language and self._inside_pre(begun):
            self._result.add("code", begun, language=language)
        else:
            self._result.add(begun.kind, begun)

    def _inside_pre(self, begun: _Open) -> bool:
        outer = self._result.open[-1] if self._result.open else None
        return outer is not None and outer.kind == "pre" and outer.offset == begun.offset


def decode_characters(text: str) -> str:
    """Resolve the character references that Telegram knows, and leave the others alone."""
    if "&" not in text:
        return text
    return _CHARACTER.sub(lambda found: html.unescape(found[0].rstrip(";") + ";"), text)


PARSE_MODES: dict[str, Callable[[str], FormattedText]] = {
    "html": parse_html,
    "markdownv2": parse_markdown_v2,
}


# --- Entities that nobody marked ---------------------------------------------

_TLDS = (
    "com|org|net|info|ru|su|рф|by|kz|ua|uz|io|ai|me|dev|app|co|eu|de|fr|uk|us|tv|cc|gg|to|ly|"
    "xyz|site|online|shop|club|pro|biz|edu|gov|tech|blog|moscow|москва|онлайн|сайт"
)
_HOST = rf"(?:[\w-]+\.)+(?:{_TLDS})(?![\w-])"
# What an entity can't do without, so that most texts are looked through only for that.
_FINDERS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("url", r"[^\s.]\.[^\s.]|://", re.compile(
        rf"(?<![\w@.-])(?:(?:https?|ftp)://(?:[\w-]+\.)*[\w-]+(?::\d+)?|tg://[\w-]+|{_HOST}(?::\d+)?)"
        r"(?:[/?#][^\s<>\"«»]*[^\s<>\"«».,;:!?')\]])?/?",
        re.IGNORECASE,
    )),
    ("email", "@", re.compile(
        r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Zа-я]{2,}(?!\w)"
    )),
    ("mention", "@", re.compile(r"(?<![\w/@])@[A-Za-z][A-Za-z0-9_]{2,31}(?![A-Za-z0-9_])")),
    ("bot_command", "/", re.compile(
        r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z][A-Za-z0-9_]{2,31})?(?![\w/@])"
    )),
    ("hashtag", "#", re.compile(r"(?<![\w#])#(?=\w*[^\W\d])\w{1,256}(?![\w#])")),
    ("cashtag", r"\$[A-Z]", re.compile(r"(?<![\w$])\$[A-Z]{1,8}(?![\w$])")),
    ("phone_number", r"\+\d", re.compile(r"(?<![\w+])\+\d(?:[ ()-]{0,2}\d){9,14}(?!\w)")),
)  # fmt: skip
_PRIORITY = {name: rank for rank, (name, _, _) in enumerate(_FINDERS)}


def find_entities(text: str) -> list[Json]:
    """Mentions, commands, links and the like that Telegram's servers mark in any text."""
    spans = [
        (found.start(), _PRIORITY[name], found.end(), name)
        for name, hint, pattern in _FINDERS
        if re.search(hint, text)
        for found in pattern.finditer(text)
    ]
    entities: list[Json] = []
    end_of_last = 0
    for start, _, end, name in sorted(spans):
        if start >= end_of_last:
            end_of_last = end
            entities.append(
                {
                    "type": name,
                    "offset": utf16_length(text[:start]),
                    "length": utf16_length(text[start:end]),
                }
            )
    return entities


_WHOLE = frozenset(("code", "pre", "text_link", "text_mention", "mention", "url", "email"))


def with_found_entities(formatted: FormattedText) -> FormattedText:
    """Add what the servers find, where nothing that is whole stands already."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in formatted.entities
        if entity["type"] in _WHOLE or entity["type"] in _PRIORITY
    ]
    found = [
        entity
        for entity in find_entities(formatted.text)
        if not any(
            start < entity["offset"] + entity["length"] and entity["offset"] < end
            for start, end in taken
        )
    ]
    if not found:
        return formatted
    return FormattedText(formatted.text, tuple(sort_entities([*formatted.entities, *found])))


def sort_entities(entities: Iterable[Json]) -> list[Json]:
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def trimmed(formatted: FormattedText) -> FormattedText:
    """Drop the white space around a text, as Telegram does, and move the entities along."""
    text = formatted.text
    stripped = text.strip()
    if stripped == text:
        return formatted
    before = utf16_length(text[: len(text) - len(text.lstrip())])
    end = utf16_length(stripped)
    entities = []
    for entity in formatted.entities:
        first = max(0, entity["offset"] - before)
        last = min(end, entity["offset"] + entity["length"] - before)
        if last > first:
            entities.append({**entity, "offset": first, "length": last - first})
    return FormattedText(stripped, tuple(entities))
