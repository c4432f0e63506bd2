"""Answers from the web, by tools that a model's service runs itself.

`searching(model)` looks every question up; `reading_pages(model)` lets the service read the
pages whose addresses the question names, where it can. The sources that a text cites as
`[sources=[2]]` are numbered in order of appearance and listed as links at its end.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from services.chat import (
    DEFAULT_OPTIONS,
    BuiltinTool,
    ChatModel,
    Chunk,
    Completion,
    GenerationOptions,
    Message,
    Source,
    builtin_tools,
)
from services.errors import ToolMissing
from services.wrapping import ModelWrapper

MAX_MARK = 200  # characters of a citation
MAX_TITLE = 120
SOURCES = "Источники:"
UNNAMED_SOURCES = "(Адресов источников сервис не назвал.)"
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"]{3,2000}", re.IGNORECASE)
_MARK = re.compile(r" ?\[sources=\[([^\[\]]{0,150})\]\]")
_MARK_BEGINS = re.compile(r" ?(\[(s(o(u(r(c(e(s(=(\[[^\[\]]{0,150}\]?)?)?)?)?)?)?)?)?)?)?$")
_ID = re.compile(r"[\w-]+")


def require_tool(model: ChatModel, tool: BuiltinTool) -> None:
    """Raise ToolMissing, which says what is missing, when the model has no such tool."""
    if tool not in builtin_tools(model):
        raise ToolMissing(tool, model.name)


def searching(model: ChatModel) -> ChatModel:
    """The model, with each answer from a search of the web. Raises ToolMissing."""
    require_tool(model, "web_search")
    return WebModel(model, search=True)


def reading_pages(model: ChatModel) -> ChatModel:
    """The model, with the pages read that a question names; a model without the tool as it is."""
    can_read = "url_content_extraction" in builtin_tools(model)
    return WebModel(model) if can_read else model


def names_page(text: str) -> bool:
    return _ADDRESS.search(text) is not None


class WebModel(ModelWrapper):
    """Passes everything on to `model`, with tools of the web and links to the sources."""

    def __init__(self, model: ChatModel, *, search: bool = False) -> None:
        super().__init__(model)
        self._search = search

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)  # price, builtin_tools: what only some models have

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        options = self._with_tools(messages, options)
        completion = await self._model.complete(messages, options)
        if not options.tools:
            return completion
        citations = Citations()
        text = citations.feed(completion.text) + citations.finish()
        # The sources are in the text now, and would be listed again by another of these.
        text += citations.listed(completion.sources)
        return replace(completion, text=text, sources=())

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        options = self._with_tools(messages, options)
        stream = self._model.stream(messages, options)
        async with aclosing(cited(stream) if options.tools else stream) as chunks:
            async for chunk in chunks:
                yield chunk

    def _with_tools(
        self, messages: Sequence[Message], options: GenerationOptions
    ) -> GenerationOptions:
        tools = builtin_tools(self._model)
        chosen = set(options.tools)
        asked = messages[-1] if messages else None
        reads = asked is not None and asked.role == "user" and names_page(asked.content)
        if reads and "url_content_extraction" in tools:
            chosen.add("url_content_extraction")
        if not self._search:
            return replace(options, tools=tuple(sorted(chosen)))
        chosen.add("web_search")
        return replace(options, tools=tuple(sorted(chosen)), function_call="web_search")


async def cited(stream: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
    """The stream with its citations numbered, and the sources listed at the end."""
    citations, said = Citations(), []
    async with aclosing(stream):
        async for chunk in stream:
            text = citations.feed(chunk.text)
            if chunk.completion:
                text += citations.finish() + citations.listed(chunk.completion.sources)
            said.append(text)
            if chunk.completion:
                yield Chunk(text, replace(chunk.completion, text="".join(said), sources=()))
            elif text:
                yield Chunk(text)


class Citations:
    """Number the citations of a text that comes in pieces."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece; return the text up to a citation that may be cut in two."""
        text = _MARK.sub(self._number, self._held + text)
        begun = _MARK_BEGINS.search(text, max(0, len(text) - MAX_MARK))
        cut = begun.start() if begun else len(text)
        self._held = text[cut:]
        return text[:cut]

    def finish(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return held

    def listed(self, sources: Sequence[Source]) -> str:
        """The sources as a numbered list of links: the cited ones, all when none was cited."""
        if not self._numbers:
            self._numbers = {source.id: number for number, source in enumerate(sources, start=1)}
        known = {source.id: source for source in sources if _is_address(source.url)}
        lines = [
            f"{number}. {link(known[key])}" for key, number in self._numbers.items() if key in known
        ]
        if lines:
            return "\n\n" + "\n".join([SOURCES, *lines])
        return f"\n\n{UNNAMED_SOURCES}" if self._numbers else ""

    def _number(self, mark: re.Match[str]) -> str:
        keys = dict.fromkeys(_ID.findall(mark[1]))
        numbers = [self._numbers.setdefault(key, len(self._numbers) + 1) for key in keys]
        return "".join(f" [{number}]" for number in numbers)


def link(source: Source) -> str:
    """A source as a Markdown link; nothing in it can leave the link."""
    url = source.url.replace("(", "%28").replace(")", "%29")
    title = " ".join(re.sub(r"[\[\]()<>*_`\\]", " ", source.title).split())[:MAX_TITLE]
    return f"[{title or _host(url)}]({url})"


def _host(url: str) -> str:
    return url.split("/", 3)[2]


def _is_address(url: str) -> bool:
    return bool(_ADDRESS.fullmatch(url))
