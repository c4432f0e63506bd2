"""Parsers of GigaChat's replies.

Every field is checked: a reply of another shape is BadResponse, never a KeyError. What only
accompanies an answer (counts, names) may be missing or malformed: the text is still returned.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import orjson

from services.chat import (
    AnswerBuilder,
    Chunk,
    Completion,
    FinishReason,
    FunctionCall,
    Usage,
    is_count,
    valid_text,
)
from services.errors import BadResponse, ContentRejected, ServiceError
from services.gigachat.error_mapping import SERVICE, bad, status_error

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the service offers; `kind` is "chat", "embedder" or another of its words."""

    name: str
    kind: str


def parse_json(body: bytes | str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_leniently(body)


def _parse_leniently(body: bytes | str) -> Any:
    """Read what orjson refuses: broken UTF-8, half a surrogate pair, numbers beyond a double."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise bad("the reply is not JSON") from None


def parse_completion(reply: Any, model: str) -> Completion:
    """Read the reply to a chat request; `model` names it where the reply doesn't."""
    choice = _choice(reply)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise bad("the choice has no message")
    content = message.get("content")
    call = _call_beside(content, message.get("function_call"))
    if content is None and call is not None:
        content = ""
    if not isinstance(content, str):
        raise bad("the message has no content")
    return Completion(
        valid_text(content),
        _finish_reason(choice.get("finish_reason"), content, call),
        _string(reply.get("model")) or model,
        _usage(reply.get("usage")),
        call,
        _string(message.get("functions_state_id")),
    )


class StreamedAnswer:
    """An answer put together from the events of its stream."""

    def __init__(self, model: str) -> None:
        self._builder = AnswerBuilder(model)
        self._finish_reason: Any = None
        self._usage: Usage | None = None
        self._spoke = False
        self._call_name: str | None = None
        self._call_arguments: Any = ""
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
        text, call = "".join(self._builder.parts), None
        if self._call_name is not None:
            call = _call_beside(text, {"name": self._call_name, "arguments": self._call_arguments})
        if not self._spoke and call is None:
            raise bad("the stream had no content")
        finish_reason = _finish_reason(self._finish_reason, text, call)
        return self._builder.finish(finish_reason, self._usage, call, self._state_id)

    def _take_rest(self, event: JSON, choice: JSON, delta: JSON) -> None:
        """Read the fields that only the first and the last events have."""
        self._builder.model = _string(event.get("model")) or self._builder.model
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._state_id = _string(delta.get("functions_state_id")) or self._state_id
        self._take_call(delta.get("function_call"))

    def _take_call(self, call: Any) -> None:
        """Read a function call; its arguments may come in pieces of a string."""
        if not isinstance(call, dict):
            return
        self._call_name = _string(call.get("name")) or self._call_name
        arguments = call.get("arguments")
        if isinstance(arguments, str) and isinstance(self._call_arguments, str):
            self._call_arguments += arguments
        elif arguments is not None:
            self._call_arguments = arguments


def parse_token_counts(reply: Any) -> int:
    """The sum over a reply of /tokens/count."""
    return sum(_int(item, "tokens") for item in _list(reply))


def parse_models(reply: Any) -> tuple[ModelInfo, ...]:
    return tuple(
        ModelInfo(_required(item, "id"), _string(item.get("type")) or "chat")
        for item in _list(_object(reply).get("data"))
    )


def parse_balance(reply: Any) -> dict[str, int]:
    return {
        _required(item, "usage"): _int(item, "value")
        for item in _list(_object(reply).get("balance"))
    }


def parse_embeddings(reply: Any, count: int) -> list[list[float]]:
    items = sorted(_list(_object(reply).get("data")), key=lambda item: _int(item, "index"))
    vectors = [item.get("embedding") for item in items]
    if len(vectors) != count or not all(_is_vector(vector) for vector in vectors):
        raise bad("the embeddings don't match the texts")
    return cast(list[list[float]], vectors)


def _error_inside(reply: JSON) -> ServiceError:
    """The error inside a reply with HTTP status 200."""
    status = reply.get("status", reply.get("code"))
    if isinstance(status, int) and status >= 400:
        return status_error(status, reply)
    return bad("the reply has no choices")


def _choice(reply: Any) -> JSON:
    choices = _object(reply).get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        choice: JSON = choices[0]
        return choice
    raise _error_inside(reply)


def _finish_reason(value: Any, text: str, call: FunctionCall | None) -> FinishReason:
    """Check how an answer ended; an end of an unknown kind is an end."""
    if not value:
        raise bad("the answer has no finish_reason")
    if value == "blacklist":
        raise ContentRejected("finish_reason is blacklist", service=SERVICE)
    if value == "error":
        raise bad("the answer broke off")
    if value == "function_call" and call is None:
        if not text:
            raise bad("the function call is missing")
        return "stop"
    return cast(FinishReason, value) if value in ("length", "function_call") else "stop"


def _call_beside(text: Any, value: Any) -> FunctionCall | None:
    """The function call; a malformed one beside a text doesn't cost the user the text."""
    try:
        return _function_call(value)
    except BadResponse:
        if isinstance(text, str) and text:
            return None
        raise


def _function_call(value: Any) -> FunctionCall | None:
    """Read a function call; its arguments come as an object or as a JSON string."""
    if value is None:
        return None
    call = _object(value)
    arguments = call.get("arguments")
    if isinstance(arguments, str):
        arguments = parse_json(arguments) if arguments.strip() else {}
    return FunctionCall(_required(call, "name"), _object({} if arguments is None else arguments))


def _usage(value: Any) -> Usage | None:
    """The counts; None when they make no sense, which must not cost the user the answer."""
    if not isinstance(value, dict):
        return None
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if not is_count(prompt) or not is_count(completion):
        return None
    cached = value.get("precached_prompt_tokens")
    return Usage(prompt, completion, cached if is_count(cached) else 0)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: Any) -> JSON:
    if not isinstance(value, dict):
        raise bad("an object was expected")
    return value


def _list(value: Any) -> list[JSON]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad("a list of objects was expected")
    return value


def _required(item: JSON, key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise bad(f"{key} is missing")
    return value


def _int(item: JSON, key: str) -> int:
    value = item.get(key)
    if not isinstance(value, int):
        raise bad(f"{key} is missing")
    return value


def _is_vector(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(number, (int, float)) for number in value)
    )
