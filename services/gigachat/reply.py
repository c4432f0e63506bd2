"""GigaChat's replies, checked field by field.

Nothing that it answers is believed: a reply of another shape is BadResponse, never a KeyError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import orjson

from services.chat import AnswerBuilder, Chunk, Completion, FinishReason, FunctionCall, Usage
from services.errors import ContentRejected, ServiceError
from services.gigachat.error_mapping import SERVICE, bad, status_error

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the service offers; `kind` is "chat", "embedder" or another word of it."""

    name: str
    kind: str


def parse_json(body: bytes | str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad("the reply is not JSON") from None


def parse_completion(reply: Any, model: str) -> Completion:
    """Read the reply to a chat request; `model` names it where the reply doesn't."""
    choice = _choice(reply)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise bad("the choice has no message")
    content, call = message.get("content"), _function_call(message.get("function_call"))
    if content is None and call is not None:
        content = ""
    if not isinstance(content, str):
        raise bad("the message has no content")
    return Completion(
        content,
        _finish_reason(choice.get("finish_reason")),
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
        if "usage" in event and self._take_usage(event):
            return None
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
        finish_reason = _finish_reason(self._finish_reason)
        call = None
        if self._call_name is not None:
            call = _function_call({"name": self._call_name, "arguments": self._call_arguments})
        if not self._spoke and call is None:
            raise bad("the stream had no content")
        return self._builder.finish(finish_reason, self._usage, call, self._state_id)

    def _take_rest(self, event: JSON, choice: JSON, delta: JSON) -> None:
        """What only the first events and the last have; the others are text alone."""
        self._builder.model = _string(event.get("model")) or self._builder.model
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._state_id = _string(delta.get("functions_state_id")) or self._state_id
        self._take_call(delta.get("function_call"))

    def _take_usage(self, event: JSON) -> bool:
        """Keep the counts; True when the event is about nothing else."""
        self._usage = _usage(event["usage"]) or self._usage
        return self._usage is not None and not event.get("choices")

    def _take_call(self, call: Any) -> None:
        """A call comes whole, or its arguments in pieces of a string."""
        if call is None:
            return
        if not isinstance(call, dict):
            raise bad("the function call is not an object")
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
    """The error inside a reply that came with status 200."""
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


def _finish_reason(value: Any) -> FinishReason:
    if value in ("stop", "length", "function_call"):
        return cast(FinishReason, value)
    if value == "blacklist":
        raise ContentRejected("finish_reason is blacklist", service=SERVICE)
    raise bad("the answer broke off" if value == "error" else "the answer has no finish_reason")


def _function_call(value: Any) -> FunctionCall | None:
    """A call; its arguments come as an object or as a JSON string."""
    if value is None:
        return None
    call = _object(value)
    arguments = call.get("arguments")
    if isinstance(arguments, str):
        arguments = parse_json(arguments) if arguments.strip() else {}
    return FunctionCall(_required(call, "name"), _object({} if arguments is None else arguments))


def _usage(value: Any) -> Usage | None:
    if value is None:
        return None
    usage = _object(value)
    cached = usage.get("precached_prompt_tokens")
    return Usage(
        _int(usage, "prompt_tokens"),
        _int(usage, "completion_tokens"),
        cached if isinstance(cached, int) else 0,
    )


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
