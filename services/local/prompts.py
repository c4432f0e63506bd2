"""Messages to tokens: by the model's own chat template, or as a plain dialogue.

Whatever people write stays text: a special token spelled in a message is encoded as
letters, and a new line in a dialogue can't begin another speaker's turn.
What doesn't fit is left out, the oldest turns first.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from services.chat import GenerationOptions, Message, Role

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ASSISTANT = "Ассистент"
PERSON = "Собеседник"
NAMED = re.compile(r"\s*Ты\s*[—–-]\s*([А-ЯЁ]\w+)")  # «Ты — Гриша, …»


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads, and the strings that end its answer."""

    tokens: list[int]
    stop: tuple[str, ...] = ()


class PromptForm(Protocol):
    """A way to write a conversation down for a model."""

    @property
    def defaults(self) -> GenerationOptions:
        """How this kind of model is best asked."""
        ...

    def render(self, messages: Sequence[Message], budget: int) -> Prompt:
        """The conversation in at most `budget` tokens; never raises for its length."""
        ...


def prompt_form(tokenizer: PreTrainedTokenizerFast) -> PromptForm:
    """The form that the model of this tokenizer understands."""
    return ChatTemplate(tokenizer) if tokenizer.chat_template else Dialogue(tokenizer)


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
    """The template that a model's tokenizer brings along."""

    defaults = GenerationOptions()

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._encoder = SafeEncoder(tokenizer)

    def render(self, messages: Sequence[Message], budget: int) -> Prompt:
        return Prompt(fit(messages, budget, self._encode))

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


class Dialogue:
    """A page of a play: for base models, that only know how to go on with a text.

    The system message opens the page; then each turn is one line, "Name: text".
    """

    defaults = GenerationOptions(temperature=0.0, repetition_penalty=1.1)

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._encoder = SafeEncoder(tokenizer)
        self._bos = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []

    def render(self, messages: Sequence[Message], budget: int) -> Prompt:
        answering = answering_name(messages)
        tokens = fit(messages, budget, lambda some: self._encode(some, answering))
        return Prompt(tokens, ("\n",))

    def _encode(self, messages: Sequence[Message], answering: str) -> list[int]:
        parts: list[tuple[str, bool]] = []
        for message in messages:
            if message.role == "system":
                parts += [(message.content.strip(), True), ("\n\n", False)]
            else:
                line = f"{speaker(message, answering)}: {one_line(message.content)}\n"
                parts.append((line, True))
        parts.append((f"{answering}:", True))
        return self._bos + self._encoder.encode(parts)


def answering_name(messages: Sequence[Message]) -> str:
    """Whose turn is next: the name it last spoke under, or that the system message gives it."""
    names = (message.name for message in reversed(messages) if message.role == "assistant")
    named = next((name for name in names if name), None)
    given = NAMED.match(messages[0].content)
    return as_name(named or (given.group(1) if given else ASSISTANT))


def speaker(message: Message, answering: str) -> str:
    if message.role == "assistant":
        return answering
    return as_name(message.name or PERSON)


def as_name(text: str) -> str:
    return one_line(text.replace(":", " "))


def one_line(text: str) -> str:
    return " ".join(text.split())


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
