"""parse_mode=HTML, by the rules and with the errors of TDLib's MessageEntity.cpp."""

from __future__ import annotations

import html
import re

from playground.markup.entities import FormattedText, MarkupError
from playground.markup.result import OpenEntity, Result
from playground.markup.utf16 import byte_offset

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
        self._result = Result()

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

    def _close(self, begun: OpenEntity, carried: str) -> None:
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

    def _close_code(self, begun: OpenEntity, language: str) -> None:
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

    def _inside_pre(self, begun: OpenEntity) -> bool:
        outer = self._result.open[-1] if self._result.open else None
        return outer is not None and outer.kind == "pre" and outer.offset == begun.offset


def decode_characters(text: str) -> str:
    """Resolve the character references that Telegram knows, and leave the others alone."""
    if "&" not in text:
        return text
    return _CHARACTER.sub(lambda found: html.unescape(found[0].rstrip(";") + ";"), text)
