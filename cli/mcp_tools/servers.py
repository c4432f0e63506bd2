"""Connections to MCP servers. Whatever a server does, it costs an answer no more than a time limit.

Each connection lives in a task of its own: the package ties it to the task that opened it, and
a connection that breaks cancels that task.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.mcp_tools.config import ServerSpec

if TYPE_CHECKING:
    from mcp import Client

START_TIMEOUT = 30.0  # seconds; `npx` and `uvx` may fetch the server first
CALL_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
MAX_TOOLS = 100  # of one server
MAX_RESULT = 20_000  # characters of a result that the model reads
MAX_DESCRIPTION = 1000


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool as its server describes it."""

    server: ServerSpec
    name: str
    description: str
    parameters: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """A hash of all that the user agreed to: the server, the tool, its description."""
        agreed = [self.server.place, self.name, self.description, self.parameters]
        text = json.dumps(agreed, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered; `failed` when it says so itself, or didn't answer."""

    text: str
    failed: bool = False

    def as_json(self) -> str:
        """The content of a function's message: data, whatever it says."""
        return json.dumps({"error" if self.failed else "result": self.text}, ensure_ascii=False)


class Server:
    """One server: `start` it, `call` its tools, `stop` it."""

    def __init__(self, spec: ServerSpec, *, debug: bool = False) -> None:
        self.spec = spec
        self.tools: tuple[ServerTool, ...] = ()
        self.problem = ""
        self._debug = debug
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._over = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and list the tools; `problem` says why that failed."""
        self._life = asyncio.create_task(self._live())
        try:
            await asyncio.wait_for(self._ready.wait(), START_TIMEOUT)
        except TimeoutError:
            self.problem = f"не ответил за {START_TIMEOUT:.0f} с"
            self._life.cancel()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool; an error is a result, too."""
        if self._client is None:
            return ToolResult("the server is gone", failed=True)
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                result = await self._client.call_tool(name, dict(arguments))
        except TimeoutError:
            return ToolResult(f"no answer in {CALL_TIMEOUT:.0f} s", failed=True)
        except Exception as error:  # noqa: BLE001  (a server can cause anything)
            return ToolResult(f"the call failed: {_reason(error)}", failed=True)
        return ToolResult(text_of(result), result.is_error)

    async def stop(self) -> None:
        """Close the connection; end the server's process."""
        if self._life is None:
            return
        self._over.set()
        _, pending = await asyncio.wait({self._life}, timeout=STOP_TIMEOUT)
        if pending:
            self._life.cancel()
            await asyncio.wait({self._life}, timeout=STOP_TIMEOUT)

    async def _live(self) -> None:
        try:
            async with self._connected() as client:
                self.tools = await self._list_tools(client)
                self._client = client
                self._ready.set()
                await self._over.wait()
        except Exception as error:  # noqa: BLE001  (a server can cause anything)
            self.problem = self.problem or _start_problem(error)
        finally:
            self._client = None
            self._ready.set()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        import httpx2
        from mcp import Client, StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client

        spec = self.spec
        async with AsyncExitStack() as stack:
            if spec.command:
                parameters = StdioServerParameters(
                    command=spec.command,
                    args=list(spec.args),
                    env=dict(spec.env) or None,
                    cwd=spec.cwd,
                    encoding_error_handler="replace",
                )
                # What servers write to stderr is for their authors.
                target = "/dev/stderr" if self._debug and os.name == "posix" else os.devnull
                noise = stack.enter_context(open(target, "w"))  # noqa: ASYNC230, SIM115
                transport = stdio_client(parameters, errlog=noise)
            else:
                web = await stack.enter_async_context(
                    httpx2.AsyncClient(headers=dict(spec.headers), timeout=CALL_TIMEOUT)
                )
                transport = streamable_http_client(spec.url, http_client=web)
            yield await stack.enter_async_context(Client(transport))

    async def _list_tools(self, client: Client) -> tuple[ServerTool, ...]:
        found: list[ServerTool] = []
        cursor: str | None = None
        for _ in range(MAX_TOOLS):  # pages
            page = await client.list_tools(cursor=cursor)
            found += [
                ServerTool(
                    self.spec,
                    tool.name,
                    (tool.description or "")[:MAX_DESCRIPTION],
                    _parameters(tool.input_schema),
                )
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if not cursor or len(found) >= MAX_TOOLS:
                break
        return tuple(found[:MAX_TOOLS])


@asynccontextmanager
async def running(specs: Sequence[ServerSpec], *, debug: bool) -> AsyncIterator[list[Server]]:
    """The servers, started all at once; those that failed have a `problem`."""
    servers = [Server(spec, debug=debug) for spec in specs]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


def text_of(result: Any) -> str:
    """A result as text; content of other kinds is named."""
    parts = [_part(item) for item in result.content]
    if not parts and result.structured_content is not None:
        with suppress(TypeError, ValueError):
            parts = [json.dumps(result.structured_content, ensure_ascii=False)]
    text = "\n".join(parts)
    if len(text) <= MAX_RESULT:
        return text
    return f"{text[:MAX_RESULT]}\n[cut: {len(text)} characters in all]"


def _part(item: Any) -> str:
    if isinstance(text := getattr(item, "text", None), str):
        return text
    resource = getattr(item, "resource", None)
    if isinstance(text := getattr(resource, "text", None), str):
        return text
    uri = getattr(item, "uri", None) or getattr(resource, "uri", None)
    mime = getattr(item, "mime_type", None) or getattr(resource, "mime_type", None)
    return f"[{item.type}{f' {mime}' if mime else ''}{f' {uri}' if uri else ''}: not shown]"


def _parameters(schema: Any) -> Mapping[str, Any]:
    """A schema of arguments that every service takes."""
    schema = schema if isinstance(schema, dict) else {}
    return {**schema, "type": "object", "properties": schema.get("properties") or {}}


def _start_problem(error: BaseException) -> str:
    """Why a server didn't start, for the user."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError, PermissionError)):
        return f"не запустить {error.filename}"
    return f"не вышло соединиться ({_reason(error)})"


def _reason(error: BaseException) -> str:
    """What went wrong, in the words of the innermost error."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
