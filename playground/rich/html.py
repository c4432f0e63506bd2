"""Rich messages from HTML: a tree of known tags, turned into blocks and texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from playground.errors import Json, bad_request
from playground.markup import checked_link

_STYLES = {
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
    "mark": "marked",
    "sub": "subscript",
    "sup": "superscript",
}
_INLINE = frozenset((*_STYLES, "a", "br", "tg-math", "tg-emoji", "tg-reference", "input"))
_BLOCKS = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "ul", "ol", "li", "blockquote", "aside",
     "cite", "footer", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "details",
     "summary", "tg-math-block")
)  # fmt: skip
_VOID = frozenset(("br", "hr", "input"))
_ALIGNS = ("left", "center", "right")


@dataclass(slots=True)
class _Node:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Node | str] = field(default_factory=list)

    def inner(self, *tags: str) -> list[_Node]:
        return [node for node in self.children if isinstance(node, _Node) and node.tag in tags]


class _TreeBuilder(HTMLParser):
    """Strict where Telegram is: unknown tags and wrong ends are refused."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _INLINE and tag not in _BLOCKS:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}"')
        node = _Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self._open[-1].tag != tag:
            raise bad_request(f'can\'t parse entities: Unexpected end tag "{tag}"')
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def finish(self) -> _Node:
        self.close()
        if len(self._open) > 1:
            tag = self._open[-1].tag
            raise bad_request(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{tag}\""
            )
        return self.root


def parse_rich_html(text: str) -> list[Json]:
    """The blocks of an HTML text."""
    builder = _TreeBuilder()
    builder.feed(text)
    root = builder.finish()
    if _depth(root) > 40:
        raise bad_request("rich message nesting is too deep")
    return _blocks(root)


def _depth(root: _Node) -> int:
    """How deep the tree is, without recursion: it may be very deep."""
    level, depth = [root], 0
    while level:
        depth += 1
        level = [child for node in level for child in node.children if isinstance(child, _Node)]
    return depth


def _blocks(node: _Node) -> list[Json]:
    """The children as blocks; text between blocks makes paragraphs."""
    blocks: list[Json] = []
    loose: list[_Node | str] = []

    def flush() -> None:
        text = _trimmed(_texts(loose))
        if text:
            blocks.append({"type": "paragraph", "text": text})
        loose.clear()

    for child in node.children:
        if isinstance(child, str) or child.tag in _INLINE:
            loose.append(child)
        elif child.tag not in ("summary", "cite", "caption"):
            flush()
            blocks.append(_block(child))
    flush()
    return blocks


def _block(node: _Node) -> Json:
    tag = node.tag
    if tag in ("ul", "ol"):
        return _list(node)
    if tag == "table":
        return _table(node)
    if tag == "pre":
        return _pre(node)
    if tag == "hr":
        return {"type": "divider"}
    if tag == "tg-math-block":
        return {"type": "mathematical_expression", "expression": _raw(node).strip()}
    if tag == "details":
        summary = node.inner("summary")
        title = _trimmed(_texts(summary[0].children)) if summary else ""
        found = {"type": "details", "summary": title, "blocks": _blocks(node)}
        return {**found, "is_open": True} if "open" in node.attributes else found
    return _text_block(node)


def _text_block(node: _Node) -> Json:
    tag = node.tag
    credit = [_trimmed(_texts(cite.children)) for cite in node.inner("cite")]
    extra: Json = {"credit": credit[0]} if credit else {}
    text = _trimmed(_texts([child for child in node.children if not _is_cite(child)]))
    if tag[0] == "h" and tag[1:].isdigit():
        return {"type": "heading", "text": text, "size": int(tag[1:])}
    if tag == "blockquote" and "expandable" not in node.attributes:
        return {"type": "blockquote", "blocks": _blocks(node), **extra}
    kinds = {"blockquote": "expandable_blockquote", "aside": "pullquote", "footer": "footer"}
    return {"type": kinds.get(tag, "paragraph"), "text": text, **extra}


def _is_cite(child: _Node | str) -> bool:
    return isinstance(child, _Node) and child.tag == "cite"


def _pre(node: _Node) -> Json:
    code = node.inner("code")
    language = code[0].attributes.get("class", "") if code else ""
    text = _raw(node).strip("\n")
    found = {"type": "pre", "text": text}
    return {**found, "language": language.removeprefix("language-")} if language else found


def _list(node: _Node) -> Json:
    start = _number(node.attributes.get("start"), 1) if node.tag == "ol" else None
    items = []
    for index, item in enumerate(node.inner("li")):
        found: Json = {"blocks": _blocks(item)}
        if start is not None:
            found["value"] = start + index
        boxes = [box for box in item.inner("input") if box.attributes.get("type") == "checkbox"]
        if boxes:
            found.update(has_checkbox=True, is_checked="checked" in boxes[0].attributes)
        items.append(found)
    return {"type": "list", "items": items}


def _table(node: _Node) -> Json:
    rows = [row for part in (node, *node.inner("thead", "tbody", "tfoot"))
            for row in part.inner("tr")]  # fmt: skip
    found: Json = {
        "type": "table",
        "cells": [[_cell(cell) for cell in row.inner("td", "th")] for row in rows],
    }
    for attribute, name in (("bordered", "is_bordered"), ("striped", "is_striped"),
                            ("compact", "is_compact")):  # fmt: skip
        if attribute in node.attributes:
            found[name] = True
    captions = node.inner("caption")
    return {**found, "caption": _trimmed(_texts(captions[0].children))} if captions else found


def _cell(node: _Node) -> Json:
    align = node.attributes.get("align", "")
    found: Json = {"text": _trimmed(_texts(node.children)), "is_header": node.tag == "th"}
    found["align"] = align if align in _ALIGNS else "left"
    for name in ("colspan", "rowspan"):
        if name in node.attributes:
            found[name] = _number(node.attributes[name], 1)
    return found


def _number(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,9}", text) else default


def _texts(children: list[_Node | str]) -> Any:
    """Inline children as a RichText: a string where that is enough."""
    found: list[Any] = []
    for child in children:
        part = re.sub(r"\s+", " ", child) if isinstance(child, str) else _inline(child)
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part:
            found.append(part)
    return found[0] if len(found) == 1 else found or ""


def _inline(node: _Node) -> Any:
    if node.tag == "br":
        return "\n"
    if node.tag == "tg-math":
        return {"type": "mathematical_expression", "expression": _raw(node)}
    if node.tag in _STYLES:
        text = _raw(node) if node.tag == "code" else _texts(node.children)
        return {"type": _STYLES[node.tag], "text": text} if text else ""
    text = _texts(node.children)
    link = checked_link(node.attributes.get("href", "")) if node.tag == "a" else None
    return {"type": "url", "text": text, "url": link} if link else text


def _raw(node: _Node) -> str:
    return "".join(child if isinstance(child, str) else _raw(child) for child in node.children)


def _trimmed(text: Any) -> Any:
    """A RichText without the white space around it."""
    if isinstance(text, str):
        return text.strip()
    if isinstance(text, list):
        first, *middle, last = text
        first = first.lstrip() if isinstance(first, str) else first
        last = last.rstrip() if isinstance(last, str) else last
        return [part for part in (first, *middle, last) if part]
    return text
