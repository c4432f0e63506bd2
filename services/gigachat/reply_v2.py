"""Parsers of chat replies by version 2 of the API: messages made of parts.

What a server may leave out or add is no mistake: unknown fields, parts, events and roles are
passed over, a content may be a text instead of a list, a finish reason may stand in the message.
"""

from __future__ import annotations

from typing import Any

from services.chat import (
    AnswerBuilder,
    Chunk,
    Completion,
    FunctionCall,
    GeneratedFile,
    Source,
    Usage,
    is_count,
)
from services.errors import ContentRejected
from services.gigachat.error_mapping import SERVICE, bad
from services.gigachat.json_fields import (
    JSON,
    CallPieces,
    error_inside,
    finish_reason,
    json_object,
    parse_json,
    string,
)

# Messages beside the answer: the question's echo, the model's thoughts, what its tools said.
_BESIDE = frozenset(
    ["user", "system", "tool", "function", "reasoning", "search_result", "function_in_progress"]
)
_STATE_IDS = ("tools_state_id", "tool_state_id", "functions_state_id")


def parse_completion(reply: Any, model: str) -> Completion:
    """Read the reply to a chat request; `model` names it where the reply doesn't."""
    answer = Answer(model)
    answer.add(json_object(reply), whole=True)
    if not answer.has_content:
        raise bad("the reply has no content")
    completion = answer.finish().completion
    assert completion is not None  # noqa: S101 -- `finish` always makes one
    return completion


class Answer:
    """An answer put together from a whole reply, or from the events of a stream."""

    __slots__ = (
        "_builder", "_call", "_censored", "_files", "_finish_reason", "_role", "_sources",
        "_spoke", "_state_id", "_usage",
    )  # fmt: skip

    def __init__(self, model: str) -> None:
        self._builder = AnswerBuilder(model)
        self._call = CallPieces()
        self._finish_reason: Any = None
        self._usage: Usage | None = None
        self._state_id: str | None = None
        self._files: dict[str, GeneratedFile] = {}
        self._sources: dict[str, Source] = {}
        self._role: str | None = None  # of the message that the next deltas belong to
        self._spoke = False
        self._censored = False

    @property
    def ended(self) -> bool:
        """Whether a finish reason came; counts, or another message, may still follow."""
        return bool(self._finish_reason)

    @property
    def has_content(self) -> bool:
        return self._spoke or self._call.begun or bool(self._files)

    def feed(self, data: bytes) -> Chunk | None:
        """Take one event; return its text as a chunk, None when it has none."""
        event = parse_json(data)
        if not isinstance(event, dict):
            raise bad("an event is not an object")
        text = self.add(event)
        return self._builder.add(text) if text else None

    def finish(self) -> Chunk:
        """The last chunk, once the stream is over."""
        text = "".join(self._builder.parts)
        call = self._own_call(text)
        if not self.has_content:
            if self._censored:
                raise ContentRejected("a tool's result was censored", service=SERVICE)
            raise bad("the stream had no content")
        return self._builder.finish(
            finish_reason(self._finish_reason, text, call),
            self._usage,
            call,
            self._state_id,
            files=tuple(self._files.values()),
            sources=tuple(self._sources.values()),
        )

    def add(self, event: JSON, *, whole: bool = False) -> str:
        """Read a reply or an event; return its text (of a whole reply, kept already)."""
        messages, went_on = event.get("messages"), not self.ended
        if messages is None:
            self._read_without_messages(event, whole)
            return ""
        if not isinstance(messages, list):
            raise bad("the messages are not a list")
        if len(event) > 1:
            self._read_envelope(event)
        text = "".join([self._read_message(message, whole) for message in messages])
        if whole and text:
            self._builder.add(text)
        elif text and went_on and self.ended and text == "".join(self._builder.parts):
            return ""  # the last event brings the whole text once more
        return text

    def _own_call(self, text: str) -> FunctionCall | None:
        """The call that the caller is asked for; those of the service's tools are its own."""
        if self._finish_reason != "function_call" and (text or self._files):
            return None
        return self._call.beside(text)

    def _read_without_messages(self, event: JSON, whole: bool) -> None:
        """Read an event of a tool or of the end; raise the error that the event tells."""
        if whole or event.get("error") or _is_failure(event):
            raise error_inside(event)
        self._read_envelope(event)

    def _read_envelope(self, event: JSON) -> None:
        """Read the fields beside the messages."""
        self._builder.model = string(event.get("model")) or self._builder.model
        if "usage" in event:
            self._usage = _usage(event["usage"]) or self._usage
        self._read_end(event)

    def _read_end(self, item: JSON) -> None:
        """Read the fields that may stand in the reply or in a message of it."""
        self._finish_reason = item.get("finish_reason") or self._finish_reason
        for name in _STATE_IDS:
            if name in item:
                self._state_id = string(item[name]) or self._state_id
        if "inline_data" in item:
            self._read_sources(item["inline_data"])
        execution = item.get("tool_execution")
        if isinstance(execution, dict) and execution.get("censored") is True:
            self._censored = True

    def _read_message(self, message: Any, whole: bool) -> str:
        if not isinstance(message, dict):
            raise bad("a message is not an object")
        role = message.get("role")
        if whole or isinstance(role, str):
            self._role = string(role)
        if len(message) > 2 or role is None:  # there is more than a role and a content
            self._read_end(message)
            self._call.add(message.get("function_call"))
        content = message.get("content")
        text = "".join(self._read_parts(content)) if content is not None else ""
        return "" if self._role in _BESIDE else text

    def _read_parts(self, content: Any) -> list[str]:
        """The texts of a content; its other parts are kept."""
        texts: list[str] = []
        if isinstance(content, (str, dict)):
            content = [content]
        elif not isinstance(content, list):
            raise bad("the content is not a list of parts")
        for item in content:
            part = {"text": item} if isinstance(item, str) else item
            if not isinstance(part, dict):
                continue
            text = part.get("text")
            if isinstance(text, str):
                self._spoke = self._spoke or self._role not in _BESIDE
                texts.append(text)
            elif text is not None:
                raise bad("the text of a part is not a string")
            if len(part) > 1 or text is None:
                self._read_part(part)
        return texts

    def _read_part(self, part: JSON) -> None:
        self._call.add(part.get("function_call"))
        self._read_sources(part.get("inline_data"))
        files = part.get("files")
        for file in files if isinstance(files, list) else ():
            file_id = string(file.get("id")) if isinstance(file, dict) else None
            if file_id:
                mime, target = string(file.get("mime")), string(file.get("target"))
                self._files[file_id] = GeneratedFile(file_id, mime or "", target or "")

    def _read_sources(self, inline_data: Any) -> None:
        """Read the pages by the numbers that the text cites them with."""
        sources = inline_data.get("sources") if isinstance(inline_data, dict) else None
        if isinstance(sources, list):
            sources = {str(number): item for number, item in enumerate(sources, start=1)}
        for number, item in sources.items() if isinstance(sources, dict) else ():
            url = string(item.get("url")) if isinstance(item, dict) else None
            if url:
                self._sources[number] = Source(number, url, string(item.get("title")) or "")


def _is_failure(event: JSON) -> bool:
    status = event.get("status", event.get("code"))
    return isinstance(status, int) and status >= 400


def _usage(value: Any) -> Usage | None:
    """The counts; None when they make no sense, which must not cost the user the answer."""
    if not isinstance(value, dict):
        return None
    details = value.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    prompt, answer = value.get("input_tokens"), value.get("output_tokens")
    if not is_count(prompt) or not is_count(answer):
        prompt, answer = _worked_out(prompt, answer, details, value.get("total_tokens"))
    if not is_count(prompt) or not is_count(answer):
        return None
    cached = details.get("cached_tokens")
    return Usage(prompt, answer, cached if is_count(cached) else 0)


def _worked_out(prompt: Any, answer: Any, details: JSON, total: Any) -> tuple[Any, Any]:
    """Fill in a count that was left out: from the details, or from the total and the other."""
    if not is_count(prompt):
        prompt = details.get("prompt_tokens")
    if is_count(total):
        prompt = total - answer if not is_count(prompt) and is_count(answer) else prompt
        answer = total - prompt if not is_count(answer) and is_count(prompt) else answer
    return prompt, answer
