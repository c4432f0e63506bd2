"""InputRichMessage, in each of its three forms, to a RichMessage."""

from __future__ import annotations

from typing import Any

from playground.errors import Json, bad_request
from playground.rich.blocks import checked_blocks
from playground.rich.html import parse_rich_html
from playground.rich.limits import check_limits, walk
from playground.rich.markdown import parse_rich_markdown

_FORMS = ("html", "markdown", "blocks")


def rich_message(given: Any, *, in_draft: bool = False) -> Json:
    """Check and convert; a draft may be empty and may hold a "thinking" block."""
    if not isinstance(given, dict):
        raise bad_request("can't parse InputRichMessage: expected an Object")
    used = [form for form in _FORMS if given.get(form) is not None]
    if len(used) != 1:
        raise bad_request("exactly one of html, markdown and blocks must be used")
    if given.get("media"):
        raise bad_request("the playground takes no media in rich messages")
    blocks = _blocks(used[0], given[used[0]])
    if not in_draft and any(block["type"] == "thinking" for block in blocks):
        raise bad_request("thinking blocks are allowed in drafts only")
    if blocks or not in_draft:
        check_limits(blocks)
    found: Json = {"blocks": blocks}
    return {**found, "is_rtl": True} if given.get("is_rtl") else found


def _blocks(form: str, value: Any) -> list[Json]:
    if form == "blocks":
        return checked_blocks(value)
    if not isinstance(value, str):
        raise bad_request(f'field "{form}" must be of type String')
    parse = parse_rich_html if form == "html" else parse_rich_markdown
    return checked_blocks(parse(value.replace("\r", "").replace("\0", " ")))


def plain_text(message: Json) -> str:
    """The text of a RichMessage, a line a block."""
    lines: list[str] = []
    for _, node in walk(message.get("blocks", [])):
        if isinstance(node, dict):
            lines.append("")
        elif lines:
            lines[-1] += node if not node or not lines[-1] else f" {node}"
    return "\n".join(line for line in lines if line)
