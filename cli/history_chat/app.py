"""The command line of the console chat, and what it is put together from."""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import sys
import traceback
from pathlib import Path

from cli.history_chat import texts
from cli.history_chat.config import MEMORY_FILE, SESSION_LIST_LIMIT, ConsoleSettings
from cli.history_chat.memory import MemoryFile, MemoryTooNew
from cli.history_chat.reader import PipeReader, Reader, TerminalReader
from cli.history_chat.repl import COMMANDS, Repl, explain
from cli.history_chat.screen import Screen
from services.backends import BACKENDS, Backend, open_chat_model
from services.env import load_env, read_settings
from services.errors import ServiceError

INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="console_chat.py",
        description="Чат с GigaChat в консоли: помнит сессии и сжимает историю.",
        epilog="Команды в чате: " + ", ".join(COMMANDS),
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="gigachat",
        help="кто отвечает (по умолчанию gigachat; local обходится без ключей)",
    )
    parser.add_argument("--model", help="модель вместо той, что в настройках")
    parser.add_argument(
        "--memory-file",
        type=Path,
        default=MEMORY_FILE,
        metavar="PATH",
        help=f"файл памяти (по умолчанию ./{MEMORY_FILE}; CHAT_MEMORY_FILE важнее)",
    )
    parser.add_argument(
        "--session-list-limit",
        type=int,
        default=SESSION_LIST_LIMIT,
        metavar="N",
        help=f"сколько сессий показать (по умолчанию {SESSION_LIST_LIMIT}; "
        "CHAT_MEMORY_LIST_LIMIT важнее)",
    )
    parser.add_argument("--debug", action="store_true", help="показать журнал и место ошибки")
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.session_list_limit < 0:
        parser.error("--session-list-limit: нужно число от 0")
    logging.basicConfig(level=logging.DEBUG if arguments.debug else logging.CRITICAL)
    load_env()
    try:
        settings = read_settings(ConsoleSettings)
        path = settings.memory_file or arguments.memory_file
        limit = settings.session_list_limit
        limit = arguments.session_list_limit if limit is None else limit
        asyncio.run(chat(arguments.backend, arguments.model, settings, path, limit))
    except BrokenPipeError:  # the reader has what it wanted, as in `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ServiceError, MemoryTooNew, OSError) as error:
        if arguments.debug:
            traceback.print_exc()
        print(_describe(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


async def chat(
    backend: Backend, model_name: str | None, settings: ConsoleSettings, path: Path, limit: int
) -> None:
    """Put the chat together and run it."""
    model = open_chat_model(backend, model_name)
    try:
        await Repl(
            model,
            MemoryFile(path),
            settings,
            Screen(),
            open_reader(),
            api_base_url=api_base_url(backend),
            list_limit=limit,
        ).run()
    finally:
        await model.aclose()


def open_reader() -> Reader:
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if sys.stdin.isatty() and sys.stdout.isatty():
        return TerminalReader(COMMANDS)
    return PipeReader()


def api_base_url(backend: Backend) -> str:
    """The address that a session's record names; empty for a model that has none."""
    if backend != "gigachat":
        return ""
    from services.gigachat import GigaChatSettings

    return read_settings(GigaChatSettings).base_url


def _describe(error: Exception) -> str:
    if isinstance(error, ServiceError):
        return explain(error)
    if isinstance(error, MemoryTooNew):
        return texts.TOO_NEW.format(path=error.path, version=error.version)
    return texts.UNREADABLE.format(reason=error)
