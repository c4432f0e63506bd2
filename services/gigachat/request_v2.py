"""Build chat requests by version 2 of the API: contents are lists of parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from services.chat import BuiltinTool, GenerationOptions, Image, Message
from services.errors import BadResponse
from services.gigachat.json_fields import parse_json
from services.gigachat.request import (
    JSON,
    MIN_TEMPERATURE,
    function_spec,
    opening,
    response_format,
)

BUILTIN_TOOLS: frozenset[BuiltinTool] = frozenset(get_args(BuiltinTool))
_TOOL_OPTIONS: dict[str, JSON] = {"web_search": {"type": "actual_info_web_search"}}


def chat_request(
    model: str, messages: Sequence[Message], options: GenerationOptions, stream: bool = False
) -> JSON:
    """The body of a chat request; raises ValueError when there are no messages."""
    request = opening(model, messages, _message, stream)
    if model_options := _model_options(options):
        request["model_options"] = model_options
    tools: list[JSON] = [{name: _TOOL_OPTIONS.get(name, {})} for name in options.tools]
    if options.functions:
        specifications = [function_spec(spec) for spec in options.functions]
        tools.append({"functions": {"specifications": specifications}})
    if tools:
        request["tools"] = tools
    if options.function_call is not None:
        request["tool_config"] = _tool_config(options)
    return request


def _model_options(options: GenerationOptions) -> JSON:
    chosen: JSON = {}
    if options.temperature is not None:
        chosen["temperature"] = max(options.temperature, MIN_TEMPERATURE)
    for name in ("top_p", "max_tokens", "repetition_penalty"):
        value = getattr(options, name)
        if value is not None:
            chosen[name] = value
    if options.response_format is not None:
        chosen["response_format"] = response_format(options.response_format)
    if options.reasoning_effort is not None:
        chosen["reasoning"] = {"effort": options.reasoning_effort}
    return chosen


def _tool_config(options: GenerationOptions) -> JSON:
    call = options.function_call
    if call in ("auto", "none"):
        return {"mode": call}
    return {"mode": "forced", "tool_name" if call in options.tools else "function_name": call}


def _message(message: Message) -> JSON:
    if message.role == "function":
        return {"role": "tool", "content": [_function_result(message)]}
    parts: list[JSON] = [{"text": message.content}]
    if message.attachments:
        parts.append({"files": [_picture(image) for image in message.attachments]})
    if call := message.function_call:
        arguments = dict(call.arguments)
        parts = parts if message.content else []
        parts.append({"function_call": {"name": call.name, "arguments": arguments}})
    wire: JSON = {"role": message.role, "content": parts}
    if message.functions_state_id is not None:
        wire["tools_state_id"] = message.functions_state_id
    return wire


def _picture(image: Image) -> JSON:
    return {"id": image.file_id, "mime": image.media_type, "target": "image"}


def _function_result(message: Message) -> JSON:
    """A function's result as an object, which is what the service takes."""
    try:
        result: Any = parse_json(message.content)
    except BadResponse:
        result = message.content
    if not isinstance(result, dict):
        result = {"result": result}
    return {"function_result": {"name": message.name, "result": result}}
