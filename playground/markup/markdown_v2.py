"""parse_mode=MarkdownV2, by the rules and with the errors of TDLib's MessageEntity.cpp."""

from __future__ import annotations

import re

from playground.markup.entities import FormattedText, MarkupError
from playground.markup.result import OpenEntity, Result
from playground.markup.utf16 import byte_offset

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
    """Parser of MarkdownV2; a reserved character that isn't escaped is an error, as at Telegram."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._result = Result()
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

    def _end_quote(self, begun: OpenEntity) -> None:
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

    def _end_link(self, begun: OpenEntity) -> None:
        if self._text.startswith("(", self._at):
            self._result.add_link(begun, self._target("a URL"))
        else:
            self._result.add_link(begun, self._result.written_since(begun))

    def _end_emoji(self, begun: OpenEntity) -> None:
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
