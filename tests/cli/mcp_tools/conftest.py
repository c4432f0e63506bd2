from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.mcp_tools.config import read_servers
from cli.mcp_tools.rounds import Toolbox
from cli.mcp_tools.servers import Server, running
from services.env import PROJECT_ROOT

Entry = dict[str, Any]
Write = Callable[..., Path]


def stdio(kind: str, **more: Any) -> Entry:
    """An entry of the file: one of the real servers in tests.fakes.mcp_servers."""
    module = ["-m", "tests.fakes.mcp_servers", kind]
    return {"command": sys.executable, "args": module, "cwd": str(PROJECT_ROOT), **more}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the file of servers; return its path."""

    def write_file(**servers: Entry) -> Path:
        path = tmp_path / "mcp.json"
        path.write_text(json.dumps({"mcpServers": servers}), "utf-8")
        return path

    return write_file


class Bench:
    """Running servers, all of whose tools are allowed; `shown` is what the user sees."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.shown: list[str] = []
        tools = [tool for server in servers for tool in server.tools]
        self.toolbox = Toolbox(servers, tools, self.shown.append)

    def problem(self, name: str) -> str:
        return next(server.problem for server in self.servers if server.spec.name == name)


@asynccontextmanager
async def bench(path: Path) -> AsyncIterator[Bench]:
    async with running(read_servers(path), debug=False) as servers:
        yield Bench(servers)


@pytest.fixture
async def http_url() -> AsyncIterator[str]:
    """The address of the notebook over streamable HTTP, in a process of its own."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.mcp_servers", "http", str(port),
        cwd=PROJECT_ROOT, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.wait_for(_listening(port), 30)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
