"""Messages to tokens for llama.cpp: by the model's own template, people's text as mere text.

The template is rendered with a mark in place of each message. The text between the marks is
tokenised with special tokens, people's text without: «<|im_end|>» in a message is letters.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.chat import Message, Role
from services.errors import BadRequest
from services.local.prompts import alternate, mark, role_of

MAX_TOKEN_CHARACTERS = 32  # of text that no longer fits, more is not even tokenised
MAX_CACHED_TEXTS = 512
MAX_CACHED_LENGTH = 8192

Post = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens of a prompt; `role` is that of the message, None for the template's own text."""

    tokens: list[int]
    role: Role | None = None


class LlamaPrompts:
    """Renders prompts through the server's endpoints, called by `post`."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._cache: OrderedDict[tuple[str, bool, bool], list[int]] = OrderedDict()

    async def render(self, messages: Sequence[Message], budget: int) -> list[int]:
        """The conversation in at most `budget` tokens; never raises for its length.

        The oldest turns are left out first, then the longest messages are cut: of instructions
        the end, of a turn the beginning.
        """
        messages = [_shortened(message, budget) for message in messages]
        pieces = await self.pieces(messages)
        if _total(pieces) <= budget:
            return _joined(pieces)
        system = [message for message in messages if message.role == "system"]
        turns = [message for message in messages if message.role != "system"]
        low, high = 1, max(1, len(turns) - 1)
        while low < high:  # the least number of turns that have to go
            middle = (low + high) // 2
            if _total(await self.pieces([*system, *turns[middle:]])) <= budget:
                high = middle
            else:
                low = middle + 1
        kept = [*system, *turns[min(low, max(0, len(turns) - 1)) :]]
        return _joined(_cut(await self.pieces(kept), budget))[-budget:]

    async def count(self, messages: Sequence[Message]) -> int:
        return _total(await self.pieces(messages))

    async def prefix(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """What every prompt begins with that goes on from these messages with a user's.

        It reaches to the first token of the user's own words.
        """
        pieces = await self.pieces([*messages, Message("user", "")])
        last = max(number for number, piece in enumerate(pieces) if piece.role is not None)
        return tuple(_joined(pieces[: last + 1]))

    async def pieces(self, messages: Sequence[Message]) -> list[Piece]:
        try:
            rest = await self._template(messages)
        except BadRequest:  # this template wants no system message, or strictly two by turns
            messages = alternate(messages)
            rest = await self._template(messages)
        texts: list[tuple[str, Role | None]] = []
        for number in range(len(messages)):
            before, found, after = rest.partition(mark(number))
            if found:
                message = messages[number]
                texts += [(before, None), (message.content.strip(), message.role)]
                rest = after
        texts.append((rest, None))
        tokens = await asyncio.gather(
            *(
                self._tokens(text, special=role is None, opening=not at)
                for at, (text, role) in enumerate(texts)
            )
        )
        return [Piece(ids, role) for ids, (_, role) in zip(tokens, texts, strict=True)]

    async def _template(self, messages: Sequence[Message]) -> str:
        turns = [
            {"role": role_of(message), "content": mark(number)}
            for number, message in enumerate(messages)
        ]
        prompt: str = (await self._post("/apply-template", {"messages": turns}))["prompt"]
        return prompt

    async def _tokens(self, text: str, *, special: bool, opening: bool) -> list[int]:
        """`opening`: the text opens the prompt, so a model that wants a BOS token gets it."""
        key = (text, special, opening)
        if (known := self._cache.get(key)) is not None:
            self._cache.move_to_end(key)
            return known
        body = {
            # A lone surrogate is no character, and would make the body no JSON.
            "content": text.encode("utf-8", "replace").decode("utf-8"),
            "add_special": opening,
            "parse_special": special,
        }
        tokens: list[int] = (await self._post("/tokenize", body))["tokens"]
        if len(text) <= MAX_CACHED_LENGTH:
            self._cache[key] = tokens
            if len(self._cache) > MAX_CACHED_TEXTS:
                self._cache.popitem(last=False)
        return tokens


def _total(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.tokens) for piece in pieces)


def _joined(pieces: Sequence[Piece]) -> list[int]:
    return [token for piece in pieces for token in piece.tokens]


def _shortened(message: Message, budget: int) -> Message:
    """The message without what can't fit in any case."""
    most = budget * MAX_TOKEN_CHARACTERS
    if len(message.content) <= most:
        return message
    content = message.content[:most] if message.role == "system" else message.content[-most:]
    return replace(message, content=content)


def _cut(pieces: list[Piece], budget: int) -> list[Piece]:
    """Cut the longest messages, a fifth at a time, till all fits or nothing of them is left."""
    excess = _total(pieces) - budget
    while excess > 0:
        at = max(
            (number for number, piece in enumerate(pieces) if piece.role is not None),
            key=lambda number: len(pieces[number].tokens),
            default=None,
        )
        if at is None or not pieces[at].tokens:
            break
        piece = pieces[at]
        gone = min(excess, max(1, len(piece.tokens) // 5))
        tokens = piece.tokens[:-gone] if piece.role == "system" else piece.tokens[gone:]
        pieces[at] = Piece(tokens, piece.role)
        excess -= gone
    return pieces
