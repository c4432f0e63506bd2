"""Prompts, exit codes, errors and logs of the command-line tools."""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import pydoc
import shutil
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from cli.plain import clean
from services import errors
from services.chat import ChatModel
from services.decoding import decode
from services.env import keep_files_private, load_env
from services.extras import missing_package
from services.texts import describe_error

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
LOADING_POLL = 1.0  # seconds between two words about a model that loads

EXIT_CODES = """Коды выхода:
  0    ответ есть
  1    ошибка: ключ, сеть, модель, настройка; подробности — с --debug
  2    неверный вызов
  130  остановлено Ctrl-C"""


class Problem(errors.ServiceError):
    """What went wrong here, not at a service: said to the user in its own words."""


# Texts that differ from those in `services.texts`, which are for users of a chat.
_TEXTS: dict[type[errors.ServiceError], str] = {
    Problem: "{error}.",
    errors.ConfigError: "Проверь настройки: {error}",
    errors.AuthError: "Сервис модели не принял ключ: проверь его в .env.",
    errors.ModelLoading: "Модель ещё загружается. Повтори через минуту или возьми другую.",
    errors.ContentRejected: "Фильтр модели не пропустил запрос. Скажи иначе.",
    errors.ContextTooLong: "Запрос не помещается в память модели. Сократи его.",
    errors.BadRequest: "Сервис не понял запрос. Подробности: --debug.",
    errors.BadResponse: "Модель ответила непонятно. Повтори, подробности: --debug.",
}


def add_prompt(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "prompt", nargs="*", metavar="запрос", help="без него читается стандартный ввод"
    )


def add_file_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--file",
        type=Path,
        metavar="ФАЙЛ",
        help="взять запрос из файла: UTF-8, UTF-16, cp1251, cp866, KOI8-R",
    )


def add_common_options(parser: argparse._ActionsContainer) -> None:
    """Add --quiet and --debug."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="в stderr — только ошибки: ни времени, ни хода"
    )
    parser.add_argument("--debug", action="store_true", help="при ошибке показать всё о ней")


def read_prompt(
    parser: argparse.ArgumentParser, words: list[str], file: Path | None, *, needed: bool = True
) -> str:
    """Read the prompt from arguments, a file or stdin; wrong usage exits with 2.

    One that isn't `needed` may be empty, and isn't waited for on stdin.
    """
    if words and file:
        parser.error("запрос нужен один: или в аргументах, или в --file")
    text = " ".join(words)
    try:
        if file:
            text = decode(file.read_bytes())
        elif not text and needed:
            text = read_stdin(parser)
    except OSError as error:
        parser.error(f"файл {file} не прочитать: {error.strerror or error}")
    except UnicodeDecodeError:
        parser.error("запрос — не текст в известной кодировке: сохрани его в UTF-8")
    if needed and not text.strip():
        parser.error("запрос пуст: напиши его в аргументах, в --file или на стандартном вводе")
    return text.strip()


def read_stdin(parser: argparse.ArgumentParser) -> str:
    if sys.stdin.isatty():
        parser.error("нужен запрос: в аргументах, в --file или на стандартном вводе")
    return decode(sys.stdin.buffer.read())


def run(command: Callable[[], Coroutine[Any, Any, int] | int], *, debug: bool) -> int:
    """Run a command; turn its errors into a line on stderr and an exit code.

    What it does before it returns its coroutine may wait for the user: Ctrl-C ends that. In
    the coroutine the first Ctrl-C cancels, so that it may end in order, a second one breaks off.
    """
    prepare()
    try:
        work = command()
        return work if isinstance(work, int) else asyncio.run(work)
    except errors.ServiceError as error:
        if debug:
            traceback.print_exc()
        say(describe(error))
        return FAILED
    except ModuleNotFoundError as error:
        if debug or not (problem := missing_package(error)):
            raise
        say(str(problem))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has left, as in `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def prepare() -> None:
    """What every tool does first: private files, `.env`, streams that no letter breaks."""
    keep_files_private()
    load_env()
    for stream in (sys.stdout, sys.stderr):  # a code page of Windows lacks most letters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def set_up_logging(*, debug: bool) -> None:
    """Log to stderr: warnings, with `debug` also the steps of this project's own code.

    Other packages log what users write at DEBUG: aiosqlite its parameters, openai its requests.
    """
    logging.basicConfig(level=logging.WARNING if debug else logging.CRITICAL)
    if debug:
        for package in ("bots", "cli", "services"):
            logging.getLogger(package).setLevel(logging.DEBUG)


def describe(error: errors.ServiceError) -> str:
    """Say in Russian what happened and what to do."""
    text = _TEXTS.get(type(error))
    if text is None:
        return describe_error(error)
    line = text.format(error=error)
    return line[:1].upper() + line[1:].replace("..", ".")


async def wait_until_loaded(model: ChatModel, *, quiet: bool = False) -> None:
    """Wait while a local model loads, showing the progress on stderr; raise what it fails with."""
    ready = getattr(model, "ready", None)
    if ready is None:
        return
    loading = asyncio.ensure_future(ready())
    with Progress(quiet=quiet) as progress:
        while not (await asyncio.wait([loading], timeout=LOADING_POLL))[0]:
            share = getattr(model, "loading_progress", None) or 0.0
            progress.show(f"Модель загружается: {share:.0%}")
    await loading


class Progress:
    """A line on stderr that changes as work goes on; lines of their own where that is a file."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._shown = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, line: str) -> None:
        if self._quiet or line == self._shown:
            return
        before, after = ("\r\033[K", "") if self._live else ("", "\n")
        print(f"{before}{line}", end=after, file=sys.stderr, flush=True)
        self._shown = line

    def clear(self) -> None:
        """Take the line away, so that something else can be printed there."""
        if self._shown and self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        self._shown = ""


def cut_to_terminal(table: str) -> str:
    """A table whose lines don't wrap on a terminal; elsewhere they are left whole."""
    if not sys.stdout.isatty():
        return table
    width = shutil.get_terminal_size().columns
    return "\n".join(
        line if len(line) <= width else f"{line[: width - 1]}…" for line in table.split("\n")
    )


def printable(text: str) -> str:
    """A model's text for stdout: on a terminal without what would command it."""
    return clean(text) if sys.stdout.isatty() else text


def page(text: str) -> None:
    """Print a text; on a terminal that is lower than it, through the user's pager."""
    text = printable(text)
    if sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines - 1:
        pydoc.pager(text)
    else:
        print(text)


def say(line: str) -> None:
    """Print a message to stderr; stdout is for answers only."""
    print(line, file=sys.stderr, flush=True)
