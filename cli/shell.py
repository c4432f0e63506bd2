"""Prompts, exit codes, errors and logs of the command-line tools."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from cli.attachments import AttachmentError
from services import errors
from services.chat import ChatModel
from services.env import load_env
from services.extras import missing_package
from services.texts import describe_error

INTERRUPTED = 130
LOADING_POLL = 1.0  # seconds between two words about a model that loads

# Texts that differ from those in `services.texts`, which are for users of a chat.
_TEXTS: dict[type[errors.ServiceError], str] = {
    errors.ConfigError: "Проверь настройки: {error}",
    errors.AuthError: "Сервис модели не принял ключ: проверь его в .env.",
    errors.ModelLoading: "Модель ещё загружается. Повтори через минуту или возьми другую.",
    errors.ContentRejected: "Фильтр модели не пропустил запрос. Скажи иначе.",
    errors.ContextTooLong: "Запрос не помещается в память модели. Сократи его.",
    errors.BadRequest: "Сервис не понял запрос. Подробности: --debug.",
    errors.BadResponse: "Модель ответила непонятно. Повтори, подробности: --debug.",
}


def add_prompt_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that give a prompt, and --debug."""
    parser.add_argument("prompt", nargs="*", help="запрос; без него читается стандартный ввод")
    parser.add_argument("--file", type=Path, help="взять запрос из файла (UTF-8)")
    parser.add_argument("--debug", action="store_true", help="при ошибке показать всё о ней")


def read_prompt(parser: argparse.ArgumentParser, words: list[str], file: Path | None) -> str:
    """Read the prompt from arguments, a file or stdin; wrong usage exits with 2."""
    if words and file:
        parser.error("запрос нужен один: или в аргументах, или в --file")
    try:
        prompt = _read(parser, " ".join(words), file).strip()
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"запрос не прочитать: {error}")
    if not prompt:
        parser.error("запрос пуст")
    return prompt


def _read(parser: argparse.ArgumentParser, text: str, file: Path | None) -> str:
    if text:
        return text
    if file:
        return file.read_text(encoding="utf-8")
    if sys.stdin.isatty():
        parser.error("нужен запрос: в аргументах, в --file или на стандартном вводе")
    return sys.stdin.buffer.read().decode("utf-8")


def run(command: Callable[[], Coroutine[Any, Any, int]], *, debug: bool) -> int:
    """Run a command; turn its errors into a line on stderr and an exit code."""
    load_env()
    try:
        return asyncio.run(command())
    except errors.ServiceError as error:
        if debug:
            traceback.print_exc()
        say(describe(error))
        return 1
    except ModuleNotFoundError as error:
        if debug or not (problem := missing_package(error)):
            raise
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has left, as in `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
    if isinstance(error, AttachmentError):
        return str(error)
    text = _TEXTS.get(type(error))
    return text.format(error=error) if text else describe_error(error)


async def wait_until_loaded(model: ChatModel) -> None:
    """Wait while a local model loads, showing the progress on stderr; raise what it fails with."""
    ready = getattr(model, "ready", None)
    if ready is None:
        return
    loading = asyncio.ensure_future(ready())
    shown = ""
    while not (await asyncio.wait([loading], timeout=LOADING_POLL))[0]:
        share = getattr(model, "loading_progress", None) or 0.0
        line = f"Модель загружается: {share:.0%}"
        if line != shown:
            before, after = ("\r", "") if sys.stderr.isatty() else ("", "\n")
            print(f"{before}{line}", end=after, file=sys.stderr, flush=True)
            shown = line
    if shown and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    await loading


def say(line: str) -> None:
    """Print a message to stderr; stdout is for answers only."""
    print(line, file=sys.stderr, flush=True)
