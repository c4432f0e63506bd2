"""Trim a conversation to a context window."""

from __future__ import annotations

from collections.abc import Sequence

from services.chat import Message


def fit(messages: Sequence[Message], characters: int) -> list[Message]:
    """Keep the system message and the newest messages that fit; the last one always stays."""
    system, *turns = messages
    kept: list[Message] = []
    room = characters - len(system.content)
    for turn in reversed(turns):
        room -= len(turn.content)
        if kept and room < 0:
            break
        kept.insert(0, turn)
    while len(kept) > 1 and kept[0].role == "assistant":
        kept.pop(0)
    return [system, *kept]
