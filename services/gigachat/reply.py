"""Parsers of GigaChat's replies: chat by version 1 of the API, and all that has one version.

Every field is checked: a reply of another shape is BadResponse, never a KeyError. What only
accompanies an answer (counts, names) may be missing or malformed: the text is still returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from services.chat import AnswerBuilder, Chunk, Completion, Usage, is_count, valid_text
from services.gigachat.error_mapping import bad
from services.gigachat.json_fields import (
    JSON,
    CallPieces,
    call_beside,
    error_inside,
    finish_reason,
    integer,
    json_object,
    objects,
    parse_json,
    required,
    string,
)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the service offers; `kind` is "chat", "embedder" or another of its words."""

    name: str
    kind: str


def parse_completion(reply: Any, model: str) -> Completion:
    """Read the reply to a chat request; `model` names it where the reply doesn't."""
    choice = _choice(reply)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise bad("the choice has no message")
    content = message.get("content")
    call = call_beside(content, message.get("function_call"))
    if content is None and call is not None:
        content = ""
    if not isinstance(content, str):
        raise bad("the message has no content")
    return Completion(
        valid_text(content),
        finish_reason(choice.get("finish_reason"), content, call),
        string(reply.get("model")) or model,
        _usage(reply.get("usage")),
        call,
        string(message.get("functions_state_id")),
    )


class StreamedAnswer:
    """An answer put together from the events of its stream, which only [DONE] ends."""

    ended = False

    def __init__(self, model: str) -> None:
        self._builder = AnswerBuilder(model)
        self._finish_reason: Any = None
        self._usage: Usage | None = None
        self._spoke = False
        self._call = CallPieces()
        self._state_id: str | None = None

    def feed(self, data: bytes) -> Chunk | None:
        """Take one event; return its text as a chunk, None when it has none."""
        event = parse_json(data)
        if not isinstance(event, dict):
            raise bad("an event is not an object")
        self._usage = _usage(event.get("usage")) or self._usage
        if self._usage is not None and not event.get("choices"):
            return None  # an event with the counts alone
        choice = _choice(event)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            raise bad("the choice has no delta")
        if len(delta) > 1 or choice.get("finish_reason"):
            self._take_rest(event, choice, delta)
        content = delta.get("content")
        if content is None:
            return None
        if not isinstance(content, str):
            raise bad("the content is not a string")
        self._spoke = True
        return self._builder.add(content) if content else None

    def finish(self) -> Chunk:
        """The last chunk, at [DONE]."""
        text = "".join(self._builder.parts)
        call = self._call.beside(text)
        if not self._spoke and call is None:
            raise bad("the stream had no content")
        ended = finish_reason(self._finish_reason, text, call)
        return self._builder.finish(ended, self._usage, call, self._state_id)

    def _take_rest(self, event: JSON, choice: JSON, delta: JSON) -> None:
        """Read the fields that only the first and the last events have."""
        self._builder.model = string(event.get("model")) or self._builder.model
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._state_id = string(delta.get("functions_state_id")) or self._state_id
        self._call.add(delta.get("function_call"))


def parse_token_counts(reply: Any) -> int:
    """The sum over a reply of /tokens/count."""
    return sum(integer(item, "tokens") for item in objects(reply))


def parse_models(reply: Any) -> tuple[ModelInfo, ...]:
    return tuple(
        ModelInfo(required(item, "id"), string(item.get("type")) or "chat")
        for item in objects(json_object(reply).get("data"))
    )


def parse_balance(reply: Any) -> dict[str, int]:
    return {
        required(item, "usage"): integer(item, "value")
        for item in objects(json_object(reply).get("balance"))
    }


def parse_embeddings(reply: Any, count: int) -> list[list[float]]:
    items = sorted(objects(json_object(reply).get("data")), key=lambda item: integer(item, "index"))
    vectors = [item.get("embedding") for item in items]
    if len(vectors) != count or not all(_is_vector(vector) for vector in vectors):
        raise bad("the embeddings don't match the texts")
    return cast(list[list[float]], vectors)


def _choice(reply: Any) -> JSON:
    choices = json_object(reply).get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        choice: JSON = choices[0]
        return choice
    raise error_inside(reply)


def _usage(value: Any) -> Usage | None:
    """The counts; None when they make no sense, which must not cost the user the answer."""
    if not isinstance(value, dict):
        return None
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if not is_count(prompt) or not is_count(completion):
        return None
    cached = value.get("precached_prompt_tokens")
    return Usage(prompt, completion, cached if is_count(cached) else 0)


def _is_vector(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(number, (int, float)) for number in value)
    )
