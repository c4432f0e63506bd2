"""What is said in a chat-completions request and how an answer is read.

Answers come as objects with the fields of the API's JSON; openai and huggingface_hub
have classes of their own for the same fields, so they are read as Any.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
)
from services.errors import BadResponse, ContentRejected

_FINISH: dict[str, FinishReason] = {
    "length": "length",
    "tool_calls": "function_call",
    "function_call": "function_call",
}
# By Llama 3's tokenizer on English and Russian prose; a little more than it counts.
_ASCII_PER_TOKEN = 4
_OTHERS_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 4


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
    if message.function_call is None:
        return {"role": message.role, "content": message.content}
    call = {
        "name": message.function_call.name,
        "arguments": json.dumps(dict(message.function_call.arguments), ensure_ascii=False),
    }
    tool_calls = [{"id": f"call_{number}", "type": "function", "function": call}]
    return {"role": message.role, "content": message.content or None, "tool_calls": tool_calls}


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
    return sum(approximate_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


@dataclass(slots=True)
class AnswerReader:
    """Read one answer, whole or in events, into a Completion."""

    service: str
    model: str
    messages: Sequence[Message]
    finish_reason: str | None = None
    usage: Any = None
    call_name: str = ""
    call_arguments: str = ""
    builder: AnswerBuilder = field(init=False)

    def __post_init__(self) -> None:
        self.builder = AnswerBuilder(self.model)

    def read(self, answer: Any) -> Completion:
        """Read a whole answer."""
        self._note(answer, "message")
        text = answer.choices[0].message.content or ""
        completion = self._finish(tail=text).completion
        assert completion is not None  # noqa: S101 -- `finish` always makes one
        return completion

    def feed(self, event: Any) -> Chunk | None:
        """Take one event of a stream; return the text in it, if there is some."""
        self._note(event, "delta")
        delta = event.choices[0].delta if event.choices else None
        text = delta.content if delta is not None else None
        return self.builder.add(text) if text else None

    def end(self) -> Chunk:
        """The last chunk, after the stream's end."""
        return self._finish()

    def _note(self, part: Any, field_name: str) -> None:
        """Remember what comes beside the text."""
        self.usage = getattr(part, "usage", None) or self.usage
        self.builder.model = getattr(part, "model", None) or self.builder.model
        if not part.choices:
            return
        choice = part.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        for call in getattr(getattr(choice, field_name), "tool_calls", None) or ():
            if (getattr(call, "index", 0) or 0) == 0:
                self.call_name = self.call_name or call.function.name or ""
                self.call_arguments += call.function.arguments or ""

    def _finish(self, tail: str = "") -> Chunk:
        if self.finish_reason is None:
            raise BadResponse("the answer ended without a finish_reason", service=self.service)
        if self.finish_reason == "content_filter":
            raise ContentRejected("the answer was filtered", service=self.service)
        call = self._function_call()
        reason = "function_call" if call else _FINISH.get(self.finish_reason, "stop")
        text = "".join(self.builder.parts) + tail
        return self.builder.finish(reason, self._usage(text), call, tail=tail)

    def _function_call(self) -> FunctionCall | None:
        if not self.call_name:
            return None
        try:
            arguments = json.loads(self.call_arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            raise BadResponse("the function's arguments aren't an object", service=self.service)
        return FunctionCall(self.call_name, arguments)

    def _usage(self, text: str) -> Usage:
        if self.usage is None:
            prompt = approximate_prompt_tokens(self.messages)
            return Usage(prompt, approximate_tokens(text), approximate=True)
        details = getattr(self.usage, "prompt_tokens_details", None)
        cached = getattr(details, "cached_tokens", None) or 0
        return Usage(self.usage.prompt_tokens, self.usage.completion_tokens, cached)
