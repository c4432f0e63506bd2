"""InputRichBlock objects, checked and completed to RichBlock objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.errors import Json, bad_request
from playground.markup import link_problem

_MAX_RAW_DEPTH = 40  # against recursion; the limit of the message is checked afterwards
_STYLES = frozenset(
    ("bold", "italic", "underline", "strikethrough", "spoiler", "code", "marked", "subscript",
     "superscript")
)  # fmt: skip
# What a text with more than a style must carry beside its own text.
_REQUIRED = {
    "url": "url",
    "email_address": "email_address",
    "phone_number": "phone_number",
    "bank_card_number": "bank_card_number",
    "mention": "username",
    "text_mention": "user",
    "hashtag": "hashtag",
    "cashtag": "cashtag",
    "bot_command": "bot_command",
    "anchor_link": "anchor_name",
    "reference": "name",
    "reference_link": "reference_name",
    "date_time": "unix_time",
}
_WITHOUT_TEXT = {
    "anchor": "name",
    "custom_emoji": "alternative_text",
    "mathematical_expression": "expression",
}
_ALIGNS = {"align": ("left", "center", "right"), "valign": ("top", "middle", "bottom")}


def checked_blocks(value: Any, depth: int = 1) -> list[Json]:
    """Check an array of InputRichBlock."""
    if not isinstance(value, list):
        raise bad_request("can't parse blocks: expected an Array of InputRichBlock")
    if depth > _MAX_RAW_DEPTH:
        raise bad_request("rich message nesting is too deep")
    return [_checked_block(block, depth) for block in value]


def _checked_block(block: Any, depth: int) -> Json:
    if not isinstance(block, dict):
        raise bad_request("can't parse InputRichBlock: expected an Object")
    kind = str(block.get("type"))
    if kind not in _CHECKS:
        raise bad_request("can't parse InputRichBlock: Unsupported type specified")
    return {"type": kind, **_CHECKS[kind](block, depth)}


def checked_text(value: Any, depth: int = 1) -> Any:
    """Check a RichText: a string, an array of them, or an object with a type."""
    if isinstance(value, str):
        return value
    if depth > _MAX_RAW_DEPTH:
        raise bad_request("rich message nesting is too deep")
    if isinstance(value, list):
        return [checked_text(part, depth + 1) for part in value]
    if not isinstance(value, dict):
        raise bad_request("can't parse RichText: expected a String, an Array or an Object")
    kind = value.get("type")
    if kind in _WITHOUT_TEXT:
        return {**value, _WITHOUT_TEXT[kind]: _string(value, _WITHOUT_TEXT[kind])}
    if kind not in _STYLES and kind not in _REQUIRED:
        raise bad_request("can't parse RichText: Unsupported type specified")
    needed = _REQUIRED.get(kind)
    if needed and needed not in value:
        raise bad_request(f"can't parse RichText: Can't find field \"{needed}\"")
    if kind == "url" and (problem := link_problem(str(value["url"]))):
        raise bad_request(f"entity URL '{value['url']}' is invalid: {problem}")
    found = {name: item for name, item in value.items() if item is not None}
    return {**found, "text": checked_text(value.get("text"), depth + 1)}


def _string(block: Json, name: str) -> str:
    value = block.get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"can't parse rich message: Can't find field \"{name}\"")
    return value


def _text(block: Json, depth: int) -> Json:
    credit = block.get("credit")
    found: Json = {"text": checked_text(block.get("text"))}
    return {**found, "credit": checked_text(credit)} if credit else found


def _heading(block: Json, depth: int) -> Json:
    size = block.get("size")
    if not isinstance(size, int) or not 1 <= size <= 6:
        raise bad_request("can't parse InputRichBlock: heading size must be from 1 to 6")
    return {**_text(block, depth), "size": size}


def _pre(block: Json, depth: int) -> Json:
    language = block.get("language")
    return {**_text(block, depth), **({"language": str(language)} if language else {})}


def _quotation(block: Json, depth: int) -> Json:
    credit = block.get("credit")
    found: Json = {"blocks": checked_blocks(block.get("blocks"), depth + 1)}
    return {**found, "credit": checked_text(credit)} if credit else found


def _details(block: Json, depth: int) -> Json:
    found = {
        "summary": checked_text(block.get("summary")),
        "blocks": checked_blocks(block.get("blocks"), depth + 1),
    }
    return {**found, **({"is_open": True} if block.get("is_open") else {})}


def _list(block: Json, depth: int) -> Json:
    items = block.get("items")
    if not isinstance(items, list) or not items:
        raise bad_request("can't parse InputRichBlock: list must have items")
    return {"items": [_item(item, depth) for item in items]}


def _item(item: Any, depth: int) -> Json:
    if not isinstance(item, dict):
        raise bad_request("can't parse InputRichBlockListItem: expected an Object")
    value = item.get("value")
    found: Json = {
        "label": f"{value}." if isinstance(value, int) else "•",
        "blocks": checked_blocks(item.get("blocks"), depth + 1),
    }
    for name in ("has_checkbox", "is_checked", "value", "type"):
        if item.get(name) not in (None, False):
            found[name] = item[name]
    return found


def _table(block: Json, depth: int) -> Json:
    rows = block.get("cells")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse InputRichBlock: cells must be an Array of Arrays")
    found: Json = {"cells": [[_cell(cell) for cell in row] for row in rows]}
    for name in ("is_bordered", "is_striped", "is_compact"):
        if block.get(name):
            found[name] = True
    if block.get("caption"):
        found["caption"] = checked_text(block["caption"])
    return found


def _cell(cell: Any) -> Json:
    if not isinstance(cell, dict):
        raise bad_request("can't parse RichBlockTableCell: expected an Object")
    found: Json = {"align": cell.get("align", "left"), "valign": cell.get("valign", "top")}
    for name, allowed in _ALIGNS.items():
        if found[name] not in allowed:
            raise bad_request(f"can't parse RichBlockTableCell: wrong {name}")
    for name in ("colspan", "rowspan"):
        span = cell.get(name)
        if span is not None and (not isinstance(span, int) or span < 1):
            raise bad_request(f"can't parse RichBlockTableCell: wrong {name}")
        if span and span > 1:
            found[name] = span
    if cell.get("is_header"):
        found["is_header"] = True
    if cell.get("text"):
        found["text"] = checked_text(cell["text"])
    return found


_CHECKS: dict[str, Callable[[Json, int], Json]] = {
    "paragraph": _text,
    "heading": _heading,
    "pre": _pre,
    "footer": _text,
    "divider": lambda block, depth: {},
    "mathematical_expression": lambda block, depth: {"expression": _string(block, "expression")},
    "anchor": lambda block, depth: {"name": _string(block, "name")},
    "list": _list,
    "blockquote": _quotation,
    "expandable_blockquote": _text,
    "pullquote": _text,
    "table": _table,
    "details": _details,
    "thinking": _text,
}
