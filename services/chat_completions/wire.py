"""Build chat-completions requests and read the answers.

Answers come as objects of openai or huggingface_hub with the fields of the API's JSON.
Neither package validates them, so they are read as Any.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from services.chat import (
    AnswerBuilder,
    Chunk,
    Completion,
    FinishReason,
    FunctionCall,
    GenerationOptions,
    Message,
    Usage,
    is_count,
)
from services.errors import BadResponse, ContentRejected

# By Llama 3's tokenizer on English and Russian prose; a little more than it counts.
_ASCII_PER_TOKEN = 4
_OTHERS_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 4
_TOKENS_PER_PICTURE = 1000  # of 1280 x 960; the models' own ways of counting differ widely


def request_body(
    model: str, messages: Sequence[Message], options: GenerationOptions
) -> dict[str, Any]:
    """The JSON of a request, with only what every compatible server understands."""
    if not messages:
        raise ValueError("messages is empty")
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(number, message) for number, message in enumerate(messages)],
    }
    given = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "max_tokens": options.max_tokens,
        "seed": options.seed,
        "stop": list(options.stop) or None,
    }
    body.update({key: value for key, value in given.items() if value is not None})
    if options.functions:
        body["tools"] = [_tool(spec) for spec in options.functions]
        body["tool_choice"] = _tool_choice(options.function_call or "auto")
    return body


def _message(number: int, message: Message) -> dict[str, Any]:
    # A call and its result stand side by side, so the call's place names them both.
    if message.role == "function":
        call_id = f"call_{number - 1}"
        return {"role": "tool", "tool_call_id": call_id, "content": message.content}
    if message.attachments:
        return {"role": message.role, "content": _parts(message)}
    if message.function_call is None:
        return {"role": message.role, "content": message.content}
    call = {
        "name": message.function_call.name,
        "arguments": json.dumps(dict(message.function_call.arguments), ensure_ascii=False),
    }
    tool_calls = [{"id": f"call_{number}", "type": "function", "function": call}]
    return {"role": message.role, "content": message.content or None, "tool_calls": tool_calls}


def _parts(message: Message) -> list[dict[str, Any]]:
    """The text and the pictures, those as data URLs: the server has nowhere to fetch them."""
    pictures = [
        f"data:{image.media_type};base64,{b64encode(image.content).decode('ascii')}"
        for image in message.attachments
    ]
    return [
        {"type": "text", "text": message.content},
        *({"type": "image_url", "image_url": {"url": url}} for url in pictures),
    ]


def _tool(spec: Any) -> dict[str, Any]:
    function = {
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
    }
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> Any:
    if choice in ("auto", "none"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def approximate_tokens(text: str) -> int:
    """Tokens of a text, estimated for a model whose tokenizer isn't at hand."""
    others = sum(not letter.isascii() for letter in text)
    return ceil((len(text) - others) / _ASCII_PER_TOKEN + others / _OTHERS_PER_TOKEN)


def approximate_prompt_tokens(messages: Sequence[Message]) -> int:
    """Tokens of a conversation by the same estimate, with its template."""
    pictures = sum(len(message.attachments) for message in messages) * _TOKENS_PER_PICTURE
    texts = sum(approximate_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)
    return texts + pictures


@dataclass(slots=True)
class AnswerReader:
    """Read one answer, whole or from the events of a stream, into a Completion.

    Fields of any type may come. What only accompanies the text (counts, the model's name)
    is ignored when it is malformed: the text is still returned.
    """

    service: str
    model: str
    messages: Sequence[Message]
    finish_reason: Any = None
    usage: Usage | None = None
    call_name: str = ""
    call_arguments: str = ""
    builder: AnswerBuilder = field(init=False)

    def __post_init__(self) -> None:
        self.builder = AnswerBuilder(self.model)

    def read(self, answer: Any) -> Completion:
        """Read a whole answer."""
        self._read_envelope(answer)
        message = self._read_choice(answer, "message")
        if message is None:
            raise self._bad("the answer isn't a chat completion")
        completion = self._finish(tail=self._text(message)).completion
        assert completion is not None  # noqa: S101 -- `finish` always makes one
        return completion

    def feed(self, event: Any) -> Chunk | None:
        """Take one event of a stream; return the text in it, if there is some."""
        if not hasattr(event, "choices") and not hasattr(event, "usage"):
            raise self._bad("the event isn't a chat completion chunk")
        self._read_envelope(event)
        delta = self._read_choice(event, "delta")
        text = "" if delta is None else self._text(delta)
        return self.builder.add(text) if text else None

    def end(self) -> Chunk:
        """The last chunk, after the stream's end."""
        return self._finish()

    def _read_envelope(self, part: Any) -> None:
        self.usage = _usage(getattr(part, "usage", None)) or self.usage
        model = getattr(part, "model", None)
        if isinstance(model, str) and model:
            self.builder.model = model

    def _read_choice(self, part: Any, field_name: str) -> Any:
        """Take the first choice's finish reason and calls; return its message, None if absent."""
        choices = getattr(part, "choices", None)
        if not isinstance(choices, list):
            if choices is None and field_name == "delta":
                return None  # an event with the counts alone
            raise self._bad("the answer has no choices")
        if not choices:
            return None
        self.finish_reason = getattr(choices[0], "finish_reason", None) or self.finish_reason
        message = getattr(choices[0], field_name, None)
        calls = getattr(message, "tool_calls", None)
        for call in calls if isinstance(calls, list) else ():
            if not getattr(call, "index", 0):  # one call is all that is asked for
                function = getattr(call, "function", None)
                self.call_name = self.call_name or _string(getattr(function, "name", None))
                self.call_arguments += _string(getattr(function, "arguments", None))
        return message

    def _text(self, message: Any) -> str:
        """The text of a message or delta; some servers send it as a list of parts."""
        content = getattr(message, "content", None)
        if content is None:
            return ""
        if isinstance(content, list):
            texts = [part if isinstance(part, str) else _field(part, "text") for part in content]
            content = "".join(text for text in texts if isinstance(text, str))
        if not isinstance(content, str):
            raise self._bad("the content isn't a text")
        return content

    def _finish(self, tail: str = "") -> Chunk:
        if not self.finish_reason:
            raise self._bad("the answer ended without a finish_reason")
        if self.finish_reason == "content_filter":
            raise ContentRejected("the answer was filtered", service=self.service)
        text = "".join(self.builder.parts) + tail
        call = self._function_call(text)
        reason: FinishReason = "length" if self.finish_reason == "length" else "stop"
        if call:
            reason = "function_call"
        return self.builder.finish(reason, self._counts(text), call, tail=tail)

    def _function_call(self, text: str) -> FunctionCall | None:
        """The function call; a malformed one beside a text doesn't cost the user the text."""
        asked = self.finish_reason in ("tool_calls", "function_call")
        if not self.call_name and not (asked and not text):
            return None
        try:
            arguments = json.loads(self.call_arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if self.call_name and isinstance(arguments, dict):
            return FunctionCall(self.call_name, arguments)
        if text:
            return None
        raise self._bad("the function call is malformed")

    def _counts(self, text: str) -> Usage:
        if self.usage is not None:
            return self.usage
        prompt = approximate_prompt_tokens(self.messages)
        return Usage(prompt, approximate_tokens(text), approximate=True)

    def _bad(self, message: str) -> BadResponse:
        return BadResponse(message, service=self.service)


def _usage(value: Any) -> Usage | None:
    """The server's counts; None when there are none or they make no sense."""
    prompt = getattr(value, "prompt_tokens", None)
    completion = getattr(value, "completion_tokens", None)
    if not is_count(prompt) or not is_count(completion):
        return None
    details = getattr(value, "prompt_tokens_details", None)
    cached = _field(details, "cached_tokens")
    return Usage(prompt, completion, cached if is_count(cached) else 0)


def _field(value: Any, name: str) -> Any:
    """A field of an object that the packages leave as a dict or make a class of."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
