"""Filter of replies: leaves only the fields that are read, where they have the right type.

huggingface_hub refuses a whole reply for one malformed field, such as `usage: []`; so do
servers that write `NaN`. The filter keeps such replies readable, as their text is intact.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson

from services.chat import is_count

_REPLY = ("choices", "usage", "model", "error", "error_type")
_CHOICE = ("index", "finish_reason", "message", "delta")
_MESSAGE = ("role", "content", "tool_calls")
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class FilteredStream(httpx2.AsyncByteStream):
    """The body of a response, filtered line by line if it is a stream of events."""

    def __init__(self, body: httpx2.AsyncByteStream, *, events: bool) -> None:
        self._body = body
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: list[bytes] = []
        async for packet in self._body:
            head, newline, tail = packet.rpartition(b"\n")
            if not self._events or not newline:
                pieces.append(packet)
                continue
            lines = b"".join((*pieces, head)).split(b"\n")
            pieces = [tail]
            yield b"\n".join([*map(_filter_line, lines), b""])
        rest = b"".join(pieces)
        yield _filter_line(rest) if self._events else filter_json(rest)

    async def aclose(self) -> None:
        await self._body.aclose()


def _filter_line(line: bytes) -> bytes:
    return b"data: " + filter_json(line[5:].strip()) if line.startswith(b"data:") else line


def filter_json(body: bytes) -> bytes:
    """Return the filtered reply; the same bytes if it isn't a JSON object."""
    try:
        reply = _parse(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps(_filter_reply(reply)).encode() if isinstance(reply, dict) else body


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # NaN, half a surrogate pair, broken UTF-8
        return json.loads(body.decode(errors="replace"), parse_constant=lambda _: None)


def _filter_reply(reply: dict[str, Any]) -> dict[str, Any]:
    kept = _keep(reply, _REPLY)
    kept["usage"] = _filter_usage(reply.get("usage"))
    choices = reply.get("choices")
    if isinstance(choices, list):
        kept["choices"] = [_filter_choice(choice) for choice in choices]
    return kept


def _filter_usage(usage: Any) -> dict[str, Any] | None:
    if not isinstance(usage, dict):
        return None
    counts: dict[str, Any] = {name: usage[name] for name in _COUNTS if is_count(usage.get(name))}
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict) and is_count(details.get("cached_tokens")):
        counts["prompt_tokens_details"] = {"cached_tokens": details["cached_tokens"]}
    return counts


def _filter_choice(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    kept = _keep(choice, _CHOICE)
    for name in ("message", "delta"):
        if isinstance(message := kept.get(name), dict):
            kept[name] = _keep(message, _MESSAGE)
            kept[name]["tool_calls"] = _filter_calls(message.get("tool_calls"))
    return kept


def _filter_calls(calls: Any) -> list[dict[str, Any]]:
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return [
        _keep(call, ("index", "id", "type"))
        | {"function": _keep(call["function"], ("name", "arguments"))}
        for call in found
        if isinstance(call.get("function"), dict)
    ]


def _keep(value: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}
