"""The protocol of language models: GigaChat, Hugging Face, local, OpenAI-compatible.

A conversation is a sequence of `Message`; a model answers it whole (`complete`) or piece by
piece (`stream`) and raises only the errors of `services.errors`. Every implementation
passes the tests in `tests/services/chat_model_contract.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeGuard, cast, runtime_checkable

from services.errors import BadResponse

Role = Literal["system", "user", "assistant", "function"]
FinishReason = Literal["stop", "length", "function_call"]
ReasoningEffort = Literal["low", "medium", "high"]
# Tools that a service runs itself, where it has them.
BuiltinTool = Literal["web_search", "code_interpreter", "url_content_extraction", "image_generate"]


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that a model may ask us to call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A model's request to call a function; `arguments` are parsed, not validated."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture beside a message's text, already of a size that models take.

    `file_id` names it where a service wants pictures uploaded first.
    """

    content: bytes = field(repr=False)
    media_type: str = "image/jpeg"
    width: int = 0
    height: int = 0
    file_id: str = ""


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """Ask for an answer that is JSON by this schema."""

    schema: Mapping[str, Any]
    strict: bool = True


@dataclass(frozen=True, slots=True)
class RegexFormat:
    """Ask for an answer that the pattern matches."""

    pattern: str


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file that the service made; `target` is "image", "audio" or another of its words."""

    id: str
    mime: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A page that an answer cites as `[sources=[id]]`."""

    id: str
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    `name` is the speaker's name where a model can use it (a base model writes
    its dialogue with names), and the function's name when `role` is "function".
    A function's result is a JSON string in `content`, right after the assistant's
    message that holds the `function_call`. `attachments` are pictures that a user's
    message is about; a model that takes none raises CannotSee.
    """

    role: Role
    content: str
    name: str | None = None
    function_call: FunctionCall | None = None
    functions_state_id: str | None = None
    attachments: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to generate; None leaves a value to the model's own default.

    `temperature` 0 means greedy. `max_tokens` bounds the answer alone.
    `function_call` is "auto", "none" or the name of the one function, or tool, to force.
    `tools` are those of the service's own that it may use. A model ignores options that its
    service doesn't have; `builtin_tools` tells of the tools.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    repetition_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    functions: tuple[FunctionSpec, ...] = ()
    function_call: str | None = None
    tools: tuple[BuiltinTool, ...] = ()
    response_format: JsonFormat | RegexFormat | None = None
    reasoning_effort: ReasoningEffort | None = None


DEFAULT_OPTIONS = GenerationOptions()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange; `approximate` when they were counted here, not by the service."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    approximate: bool = False

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer. `text` is empty when the model asks for a function call."""

    text: str
    finish_reason: FinishReason
    model: str
    usage: Usage | None = None
    function_call: FunctionCall | None = None
    functions_state_id: str | None = None
    files: tuple[GeneratedFile, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer.

    The last chunk, and only it, carries the `completion` with the whole text;
    a stream that ends without one was cut, and raises BadResponse instead.
    """

    text: str
    completion: Completion | None = None


@runtime_checkable
class ChatModel(Protocol):
    """A language model. Safe for concurrent calls within one event loop."""

    @property
    def name(self) -> str:
        """The model's own name, for people: "GigaChat-2-Pro", "Qwen/Qwen2-1.5B-Instruct"."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may take together."""
        ...

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        """Answer the conversation.

        Raises ServiceError; ValueError when `messages` is empty.
        """
        ...

    def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        """Answer piece by piece; closing the generator frees the model at once.

        Consume it under `contextlib.aclosing`: a generator that is merely dropped
        is closed at some later time. Raises as `complete` does, before or between chunks.
        """
        ...

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens that `messages` take in a prompt, with the template where it is known."""
        ...

    async def aclose(self) -> None:
        """Free connections, threads and memory; a second call does nothing."""
        ...


@dataclass(slots=True)
class AnswerBuilder:
    """Collect the pieces of a streamed answer; every streaming client ends with `finish`."""

    model: str
    parts: list[str] = field(default_factory=list)

    def add(self, text: str) -> Chunk:
        text = valid_text(text)
        self.parts.append(text)
        return Chunk(text)

    def finish(
        self,
        finish_reason: FinishReason,
        usage: Usage | None = None,
        function_call: FunctionCall | None = None,
        functions_state_id: str | None = None,
        tail: str = "",
        files: tuple[GeneratedFile, ...] = (),
        sources: tuple[Source, ...] = (),
    ) -> Chunk:
        """The last chunk; `tail` is text that came together with the end."""
        if tail:
            tail = valid_text(tail)
            self.parts.append(tail)
        return Chunk(
            tail,
            Completion(
                "".join(self.parts),
                finish_reason,
                self.model,
                usage,
                function_call,
                functions_state_id,
                files,
                sources,
            ),
        )


def valid_text(text: str) -> str:
    """Replace halves of surrogate pairs: JSON may hold them, UTF-8 and databases may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def is_count(value: object) -> TypeGuard[int]:
    """Whether a field of a reply is a number of tokens that can be kept."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def builtin_tools(model: ChatModel) -> frozenset[BuiltinTool]:
    """The tools that the model's service runs itself; none for most."""
    tools: frozenset[BuiltinTool] = getattr(model, "builtin_tools", frozenset())
    return tools


async def file_content(model: ChatModel, file: GeneratedFile) -> bytes:
    """The content of a file that an answer of this model brought. Raises ServiceError."""
    content: bytes = await cast(Any, model).file_content(file.id)
    return content


async def warm_up(model: ChatModel, messages: Sequence[Message]) -> None:
    """Let the model read ahead what many prompts begin with, where it can."""
    read_ahead = getattr(model, "warm_up", None)
    if read_ahead is not None:
        await read_ahead(messages)


async def complete_stream(stream: AsyncGenerator[Chunk, None]) -> Completion:
    """Read a stream to its end and return the whole answer."""
    completion: Completion | None = None
    try:
        async for chunk in stream:
            completion = chunk.completion
    finally:
        await stream.aclose()
    if completion is None:
        raise BadResponse("the stream ended without a final chunk")
    return completion
