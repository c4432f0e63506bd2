"""A model that calls tools: ask, call, return the result, ask again, at most ten times."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from cli.mcp_tools.servers import Server, ServerTool, ToolResult
from cli.plain import clean
from services.chat import (
    DEFAULT_OPTIONS,
    ChatModel,
    Chunk,
    Completion,
    FunctionCall,
    FunctionSpec,
    GenerationOptions,
    Message,
    Usage,
    complete_stream,
)
from services.errors import BadResponse
from services.wrapping import ModelWrapper

MAX_ROUNDS = 10
MAX_NAME = 64  # characters of a function's name that services take
_SHOWN = 200  # characters of the arguments
_GAP = "\n\n"  # between what is said before a call and after it

Show = Callable[[str], None]


class Toolbox:
    """The tools that may be called, by the names that the model calls them."""

    def __init__(
        self, servers: Sequence[Server], tools: Sequence[ServerTool], show: Show | None = None
    ) -> None:
        self._servers = {server.spec.name: server for server in servers}
        self._tools: dict[str, ServerTool] = {}
        self._show = show or (lambda _: None)
        for tool in tools:
            self._tools[_function_name(tool, self._tools)] = tool

    @property
    def specs(self) -> tuple[FunctionSpec, ...]:
        return tuple(
            FunctionSpec(name, tool.description or tool.name, tool.parameters)
            for name, tool in self._tools.items()
        )

    def wrap(self, model: ChatModel) -> ChatModel:
        """The model with these tools; without any as it is."""
        return ToolModel(model, self) if self._tools else model

    async def call(self, call: FunctionCall) -> ToolResult:
        """Call a tool, and show that; one that isn't allowed is an error for the model."""
        tool = self._tools.get(call.name)
        if tool is None:
            self._show(f"→ {clean(call.name)[:MAX_NAME]}: такого инструмента нет")
            return ToolResult("there is no such tool", failed=True)
        arguments = clean(json.dumps(dict(call.arguments), ensure_ascii=False, default=str))
        self._show(f"→ {clean(tool.server.name)}.{clean(tool.name)} {arguments[:_SHOWN]}")
        started = time.monotonic()
        result = await self._servers[tool.server.name].call(tool.name, call.arguments)
        outcome = f"ошибка: {clean(result.text)[:_SHOWN]}" if result.failed else (
            f"символов: {len(result.text)}"
        )  # fmt: skip
        self._show(f"← {outcome}, {time.monotonic() - started:.1f} с")
        return result


class ToolModel(ModelWrapper):
    """Passes everything on to `model`, and does the calls that it asks for.

    What a tool returns goes back to the model as a function's result, and nowhere else.
    """

    def __init__(self, model: ChatModel, toolbox: Toolbox) -> None:
        super().__init__(model)
        self._toolbox = toolbox

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)  # price, ready: what only some models have

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        return await complete_stream(self._answer(messages, options, streamed=False))

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self._answer(messages, options, streamed=True)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _answer(
        self, messages: Sequence[Message], options: GenerationOptions, *, streamed: bool
    ) -> AsyncGenerator[Chunk, None]:
        history = list(messages)
        said: list[str] = []
        usage: Usage | None = None
        for number in range(MAX_ROUNDS + 1):
            asked = replace(options, functions=self._toolbox.specs)
            if number == MAX_ROUNDS:
                asked = replace(asked, function_call="none")
            completion: Completion | None = None
            async with aclosing(self._round(history, asked, streamed)) as chunks:
                async for chunk in chunks:
                    completion = chunk.completion
                    if chunk.text:
                        said.append(chunk.text)
                        yield Chunk(chunk.text)
            if completion is None:
                raise BadResponse("the stream ended without a final chunk")
            usage = _sum(usage, completion.usage)
            call = completion.function_call
            if call is None or number == MAX_ROUNDS:
                yield Chunk("", _whole(completion, "".join(said), usage))
                return
            if said and said[-1] != _GAP:
                said.append(_GAP)
                yield Chunk(_GAP)
            result = await self._toolbox.call(call)
            history += _call_and_result(completion, call, result)

    async def _round(
        self, history: Sequence[Message], options: GenerationOptions, streamed: bool
    ) -> AsyncGenerator[Chunk, None]:
        if not streamed:
            completion = await self._model.complete(history, options)
            yield Chunk(completion.text, completion)
            return
        async with aclosing(self._model.stream(history, options)) as chunks:
            async for chunk in chunks:
                yield chunk


def _whole(last: Completion, said: str, usage: Usage | None) -> Completion:
    """The answer of all rounds as one."""
    if last.function_call is None:
        return replace(last, text=said, usage=usage)
    if not said.strip():
        raise BadResponse(f"the model still calls tools after {MAX_ROUNDS} rounds")
    return replace(last, text=said, usage=usage, function_call=None, finish_reason="stop")


def _call_and_result(
    completion: Completion, call: FunctionCall, result: ToolResult
) -> tuple[Message, Message]:
    asked = Message(
        "assistant",
        completion.text,
        function_call=call,
        functions_state_id=completion.functions_state_id,
    )
    return asked, Message("function", result.as_json(), name=call.name)


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    """The tokens of all rounds."""
    if first is None or second is None:
        return first or second
    return Usage(
        first.prompt_tokens + second.prompt_tokens,
        first.completion_tokens + second.completion_tokens,
        first.cached_tokens + second.cached_tokens,
        first.approximate or second.approximate,
    )


def _function_name(tool: ServerTool, taken: Mapping[str, ServerTool]) -> str:
    """server__tool, in the letters that all services take."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{tool.server.name}__{tool.name}")[:MAX_NAME]
    number = 2
    while name in taken:
        ending = f"_{number}"
        name, number = f"{name[: MAX_NAME - len(ending)]}{ending}", number + 1
    return name
