"""Build chat requests by version 1 of the API from messages and options."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from services.chat import FunctionSpec, GenerationOptions, JsonFormat, Message, RegexFormat

MIN_TEMPERATURE = 0.001  # zero is refused; this is documented as deterministic

JSON = dict[str, Any]


def encode(request: JSON) -> bytes:
    """The JSON body; half a surrogate pair, which UTF-8 can't hold, becomes a question mark."""
    try:
        return orjson.dumps(request)
    except orjson.JSONEncodeError:
        return json.dumps(request, ensure_ascii=False).encode(errors="replace")


def opening(
    model: str, messages: Sequence[Message], form: Callable[[Message], JSON], stream: bool
) -> JSON:
    """The fields that both versions begin with; raises ValueError when there are no messages."""
    if not messages:
        raise ValueError("messages is empty")
    request: JSON = {"model": model, "messages": [form(item) for item in merge_system(messages)]}
    if stream:
        request["stream"] = True
    return request


def chat_request(
    model: str, messages: Sequence[Message], options: GenerationOptions, stream: bool = False
) -> JSON:
    """The body of a chat request; raises ValueError when there are no messages."""
    request = opening(model, messages, _message, stream)
    if options.temperature is not None:
        request["temperature"] = max(options.temperature, MIN_TEMPERATURE)
    for name in ("top_p", "max_tokens", "repetition_penalty"):
        value = getattr(options, name)
        if value is not None:
            request[name] = value
    if options.functions:
        request["functions"] = [function_spec(spec) for spec in options.functions]
    if options.function_call is not None:
        automatic = options.function_call in ("auto", "none")
        request["function_call"] = (
            options.function_call if automatic else {"name": options.function_call}
        )
    if isinstance(options.response_format, JsonFormat):
        request["response_format"] = response_format(options.response_format)
    if options.reasoning_effort is not None:
        request["reasoning_effort"] = options.reasoning_effort
    return request


def response_format(wanted: JsonFormat | RegexFormat) -> JSON:
    """The form of an answer; version 1 knows JSON only."""
    if isinstance(wanted, RegexFormat):
        return {"type": "regex", "regex": wanted.pattern}
    return {"type": "json_schema", "schema": dict(wanted.schema), "strict": wanted.strict}


def beginning(model: str, messages: Sequence[Message]) -> int:
    """A number that all requests of one conversation share, for X-Session-ID.

    GigaChat caches prompts by their prefix, so a hash of everything up to the first question
    serves as the conversation's ID. It changes when the caller trims the conversation.
    """
    start = [model]
    for message in messages:
        start.append(message.content)
        if message.role == "user":
            break
    return hash(tuple(start))


def merge_system(messages: Sequence[Message]) -> Sequence[Message]:
    """Join system messages: GigaChat accepts one, at the start."""
    system = [message.content for message in messages if message.role == "system"]
    if not system:
        return messages
    rest = [message for message in messages if message.role != "system"]
    return [Message("system", "\n\n".join(system)), *rest]


def _message(message: Message) -> JSON:
    wire: JSON = {"role": message.role, "content": message.content}
    if message.attachments:
        wire["attachments"] = [image.file_id for image in message.attachments]
    if message.role == "function" and message.name is not None:
        wire["name"] = message.name
    if message.function_call is not None:
        call = message.function_call
        wire["function_call"] = {"name": call.name, "arguments": dict(call.arguments)}
    if message.functions_state_id is not None:
        wire["functions_state_id"] = message.functions_state_id
    return wire


def function_spec(spec: FunctionSpec) -> JSON:
    return {
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
    }
