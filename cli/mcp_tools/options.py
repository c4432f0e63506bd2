"""The options, and the toolbox that they describe."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cli.mcp_tools.config import read_servers
from cli.mcp_tools.consent import Consent
from cli.mcp_tools.rounds import Show, Toolbox
from cli.mcp_tools.servers import running
from cli.shell import Problem, say
from services.backends import Backend

FAILED = "Сервер {name}: {problem}. Продолжаю без него."


def add_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--mcp",
        type=Path,
        metavar="ФАЙЛ",
        help='дать модели инструменты серверов MCP: JSON вида {"mcpServers": {…}}',
    )
    parser.add_argument(
        "--mcp-allow",
        action="append",
        default=[],
        metavar="ИМЯ",
        help="разрешить без вопроса: сервер, инструмент или сервер.инструмент; можно несколько",
    )


def check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what can't go together; exits with 2."""
    if args.mcp_allow and not args.mcp:
        parser.error("--mcp-allow говорит об инструментах из --mcp ФАЙЛ")


@asynccontextmanager
async def opened(
    args: argparse.Namespace, backend: Backend, show: Show | None = None
) -> AsyncIterator[Toolbox]:
    """The tools that --mcp names and the user allows, until the block ends. Raises Problem."""
    if not args.mcp:
        yield Toolbox((), ())
        return
    if backend == "local":
        raise Problem("локальная модель инструменты не вызывает: для --mcp выбери другой --backend")
    specs = read_servers(args.mcp)
    import mcp  # noqa: F401  (fails here, not in a task, when the package is missing)

    async with running(specs, debug=args.debug) as servers:
        for server in servers:
            if server.problem:
                say(FAILED.format(name=server.spec.name, problem=server.problem))
        tools = [tool for server in servers for tool in server.tools if not server.problem]
        yield Toolbox(servers, Consent(args.mcp_allow).choose(tools), show)
