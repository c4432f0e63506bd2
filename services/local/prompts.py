"""Messages to tokens, by the model's own chat template.

Whatever people write stays text: a special token spelled in a message is encoded as letters.
What doesn't fit is left out, the oldest turns first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from services.chat import Message, Role
from services.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class SafeEncoder:
    """Encodes a template's text with its special tokens, and people's text without any."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._special = tuple(str(token) for token in tokenizer.added_tokens_decoder.values())

    def encode(self, parts: Sequence[tuple[str, bool]]) -> list[int]:
        """Encode (text, written by people) parts as one text.

        The text is cut inside each special token that people spelled, so that the tokenizer
        doesn't meet it whole; without one, the result is that of the undivided text.
        """
        segments = [""]
        for text, foreign in parts:
            cuts = sorted(self._cuts(text)) if foreign else []
            for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
                if begin:
                    segments.append("")
                segments[-1] += text[begin:end]
        return [token for segment in segments for token in self._ids(segment)]

    def _cuts(self, text: str) -> set[int]:
        cuts = set()
        for special in self._special:
            at = text.find(special)
            while at >= 0:
                cuts.add(at + 1)
                at = text.find(special, at + 1)
        return cuts

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids


class ChatTemplate:
    """The template that a model's tokenizer brings along; ConfigError when it has none."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        if not tokenizer.chat_template:
            raise ConfigError(
                "у модели LOCAL_MODEL нет шаблона диалога: возьми её версию Instruct или Chat",
                service="local",
            )
        self._tokenizer = tokenizer
        self._encoder = SafeEncoder(tokenizer)

    def render(self, messages: Sequence[Message], budget: int) -> list[int]:
        """The conversation in at most `budget` tokens; never raises for its length."""
        return fit(messages, budget, self._encode)

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        from jinja2 import TemplateError

        try:
            return self._encoder.encode(self._parts(messages))
        except TemplateError:  # this template wants no system message, or strictly two by turns
            return self._encoder.encode(self._parts(alternate(messages)))

    def _parts(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        """The rendered text, with marks in place of the messages, cut at the marks."""
        turns = [
            {"role": role_of(message), "content": mark(number)}
            for number, message in enumerate(messages)
        ]
        rest: str = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        parts = []
        for number, message in enumerate(messages):
            before, found, after = rest.partition(mark(number))
            if found:
                parts += [(before, False), (message.content.strip(), True)]
                rest = after
        return [*parts, (rest, False)]


def mark(number: int) -> str:
    """A text that no template has of its own, for the place of a message."""
    return f"\ue000{number}\ue001"


def role_of(message: Message) -> str:
    """Templates know three roles; a function's result is something that the model is told."""
    return "user" if message.role == "function" else message.role


def alternate(messages: Sequence[Message]) -> list[Message]:
    """The same conversation for a strict template: user first, then by turns, no system."""
    turns: list[Message] = []
    for message in messages:
        role: Role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1].role == role:
            turns[-1] = replace(turns[-1], content=f"{turns[-1].content}\n\n{message.content}")
        else:
            turns.append(Message(role, message.content))
    return turns if turns[0].role == "user" else [Message("user", "…"), *turns]


def fit(
    messages: Sequence[Message], budget: int, encode: Callable[[Sequence[Message]], list[int]]
) -> list[int]:
    """Tokens of the system messages and of as many of the newest turns as fit."""
    tokens = encode(messages)
    if len(tokens) <= budget:
        return tokens
    system = [message for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]

    def fits(dropped: int) -> bool:
        return len(encode([*system, *turns[dropped:]])) <= budget

    dropped = bisect_left(range(len(turns)), True, key=fits)
    kept = [*system, *turns[min(dropped, max(0, len(turns) - 1)) :]]
    while len(tokens := encode(kept)) > budget and any(message.content for message in kept):
        shorten_longest(kept)
    return tokens[-budget:]


def shorten_longest(messages: list[Message]) -> None:
    """Cut a fifth off the longest message: of instructions the end, of a turn the beginning."""
    at = max(range(len(messages)), key=lambda number: len(messages[number].content))
    content = messages[at].content
    keep = len(content) * 4 // 5
    content = content[:keep] if messages[at].role == "system" else content[len(content) - keep :]
    messages[at] = replace(messages[at], content=content)
