"""Build GigaChat's requests from messages and options."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.chat import FunctionSpec, GenerationOptions, Message

MIN_TEMPERATURE = 0.001  # zero is refused; this is documented as deterministic

JSON = dict[str, Any]


def encode(request: JSON) -> bytes:
    """The JSON body; half a surrogate pair, which UTF-8 can't hold, becomes a question mark."""
    try:
        return orjson.dumps(request)
    except orjson.JSONEncodeError:
        return json.dumps(request, ensure_ascii=False).encode(errors="replace")


def chat_request(
    model: str,
    messages: Sequence[Message],
    options: GenerationOptions,
    stream: bool = False,
    file_ids: Mapping[int, Sequence[str]] | None = None,
) -> JSON:
    """The body of a chat request; raises ValueError when there are no messages.

    `file_ids` are of the pictures of messages, by the message's place.
    """
    if not messages:
        raise ValueError("messages is empty")
    request: JSON = {"model": model, "messages": _merge_system(messages, file_ids or {})}
    if stream:
        request["stream"] = True
    if options.temperature is not None:
        request["temperature"] = max(options.temperature, MIN_TEMPERATURE)
    for name in ("top_p", "max_tokens", "repetition_penalty"):
        value = getattr(options, name)
        if value is not None:
            request[name] = value
    if options.functions:
        request["functions"] = [_function(spec) for spec in options.functions]
    if options.function_call is not None:
        automatic = options.function_call in ("auto", "none")
        request["function_call"] = (
            options.function_call if automatic else {"name": options.function_call}
        )
    return request


def beginning(request: JSON) -> int:
    """A number that all requests of one conversation share, for X-Session-ID.

    GigaChat caches prompts by their prefix, so a hash of everything up to the first question
    serves as the conversation's ID. It changes when the caller trims the conversation.
    """
    start = [request["model"]]
    for message in request["messages"]:
        start.append(message["content"])
        if message["role"] == "user":
            break
    return hash(tuple(start))


def _merge_system(messages: Sequence[Message], file_ids: Mapping[int, Sequence[str]]) -> list[JSON]:
    """Join system messages: GigaChat accepts one, at the start."""
    system = [message.content for message in messages if message.role == "system"]
    rest = [
        _message(message, file_ids.get(number, ()))
        for number, message in enumerate(messages)
        if message.role != "system"
    ]
    return [{"role": "system", "content": "\n\n".join(system)}, *rest] if system else rest


def _message(message: Message, file_ids: Sequence[str] = ()) -> JSON:
    wire: JSON = {"role": message.role, "content": message.content}
    if file_ids:
        wire["attachments"] = list(file_ids)
    if message.role == "function" and message.name is not None:
        wire["name"] = message.name
    if message.function_call is not None:
        call = message.function_call
        wire["function_call"] = {"name": call.name, "arguments": dict(call.arguments)}
    if message.functions_state_id is not None:
        wire["functions_state_id"] = message.functions_state_id
    return wire


def _function(spec: FunctionSpec) -> JSON:
    return {
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
    }
