"""The command line of the console chat, and what it is put together from."""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import closing
from pathlib import Path

from cli import mcp_tools
from cli.history_chat import texts
from cli.history_chat.config import MEMORY_FILE, SESSION_LIST_LIMIT, ConsoleSettings
from cli.history_chat.facts import open_facts
from cli.history_chat.logbook import Logbook
from cli.history_chat.reader import PipeReader, Reader, TerminalReader
from cli.history_chat.repl import COMMANDS, Repl
from cli.history_chat.screen import Screen
from cli.history_chat.session_file import MemoryFile, MemoryTooNew
from cli.shell import FAILED, OK, run, say, set_up_logging
from services.arguments import Parser
from services.backends import BACKENDS, Backend, open_chat_model
from services.env import read_settings
from services.web import reading_pages

EPILOG = f"""\
Команды в чате: {", ".join(COMMANDS)}

Примеры:
  python "cli/history chat/console_chat.py"
  python -m cli.history_chat --session поезд        открыть сессию, где говорили о поездах
  echo "Что такое SSE?" | python -m cli.history_chat --backend local --model embedded

Коды выхода:
  0    чат закончен
  1    ошибка: ключ, память, настройка; подробности — с --debug
  2    неверный вызов
  130  остановлено Ctrl-C"""


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="console_chat.py",
        description="Чат с GigaChat в консоли: помнит сессии и сжимает историю.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="gigachat",
        help="кто отвечает (по умолчанию gigachat; local обходится без ключей)",
    )
    parser.add_argument("--model", metavar="МОДЕЛЬ", help="модель вместо той, что в настройках")
    parser.add_argument(
        "--memory-file",
        type=Path,
        default=MEMORY_FILE,
        metavar="ФАЙЛ",
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
    parser.add_argument(
        "--session", metavar="СЕССИЯ", help="сразу открыть: номер, название или слова из неё"
    )
    mcp_tools.add_options(parser)
    parser.add_argument("--debug", action="store_true", help="показать журнал и место ошибки")
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.session_list_limit < 0:
        parser.error("--session-list-limit: нужно число от 0")
    mcp_tools.check_usage(parser, arguments)
    set_up_logging(debug=arguments.debug)
    return run(lambda: chat(arguments), debug=arguments.debug)


async def chat(arguments: argparse.Namespace) -> int:
    """Put the chat together and run it; return the exit code."""
    settings = read_settings(ConsoleSettings)
    limit = settings.session_list_limit
    model = open_chat_model(arguments.backend, arguments.model)
    screen, reader = Screen(), open_reader()
    try:
        async with (
            open_facts(on=settings.facts) as facts,
            mcp_tools.opened(arguments, arguments.backend, screen.note) as tools,
        ):
            logbook = Logbook(tools.wrap(reading_pages(model)), arguments.backend)
            with closing(logbook):
                await Repl(
                    logbook.model,
                    MemoryFile(settings.memory_file or arguments.memory_file),
                    settings,
                    screen,
                    reader,
                    api_base_url=api_base_url(arguments.backend),
                    list_limit=arguments.session_list_limit if limit is None else limit,
                    logbook=logbook,
                    session=arguments.session,
                    facts=facts,
                ).run()
    except MemoryTooNew as error:
        say(texts.TOO_NEW.format(path=error.path, version=error.version))
    except BrokenPipeError:
        raise
    except OSError as error:
        say(texts.UNREADABLE.format(reason=error))
    else:
        return OK
    finally:
        await model.aclose()
    return FAILED


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
