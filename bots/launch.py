"""The command line that starts a bot: `main.py` and `python -m bots.<name>.bot`."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any

from bots.common.config import BotSettings
from bots.registry import BOTS, BotSpec
from services.arguments import Parser
from services.backends import BACKENDS, REQUIRED_SETTINGS
from services.env import keep_files_private, load_env, missing, read_settings
from services.errors import ConfigError
from services.extras import missing_package, require

OWN_PACKAGES = ("bots", "services", "playground", "cli")
# What `demo` as the first word stands for: the same as `make demo`.
DEMO = ["--bot", "grisha", "--backend", "local", "--model", "embedded", "--playground"]
_BY_NAME = {spec.name: spec for spec in BOTS}
_CHATTY = ("alembic", "pymorphy3", "aiogram.dispatcher")  # their INFO is for their authors
_SECRET = re.compile(r"\b\d{5,}:[\w-]{30,}\b|\bhf_\w{20,}\b|\bBearer\s+\S+|\bBasic\s+\S+")


def build_parser(bot: str | None = None) -> argparse.ArgumentParser:
    """The options of `main.py`; with `bot`, of that bot's own module."""
    parser = Parser(
        description="Запускает Telegram-бота, с --playground — в локальной странице, без токена."
    )
    if bot is None:
        parser.add_argument("--bot", choices=tuple(_BY_NAME), help="какого бота запустить")
        parser.add_argument("--list", action="store_true", help="показать ботов и их настройки")
    parser.add_argument("--backend", choices=BACKENDS, help="сервис модели вместо обычного")
    parser.add_argument("--model", help="модель этого сервиса; embedded — встроенная из PyPI")
    parser.add_argument("--playground", action="store_true", help="чат в локальной веб-странице")
    parser.add_argument(
        "--topics", action="store_true", help="на этой странице: темы в личных чатах"
    )
    parser.add_argument("--host", default="127.0.0.1", help="адрес страницы (%(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="порт страницы (%(default)s)")
    parser.add_argument(
        "--webhook", action="store_true", help="получать сообщения по WEBHOOK_URL, а не опросом"
    )
    parser.add_argument(
        "--log-format", choices=("text", "json"), help="вид журнала (обычно LOG_FORMAT или text)"
    )
    parser.add_argument(
        "--log-level",
        default="INFO",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        help="с какой важности писать в журнал (%(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None, bot: str | None = None) -> int:
    """Run the command line; 0 is a clean stop, 1 a missing setting, 2 a wrong option."""
    words = list(sys.argv[1:] if argv is None else argv)
    if bot is None and words[:1] == ["demo"]:
        words[:1] = DEMO
    parser = build_parser(bot)
    args = parser.parse_args(words)
    load_env()
    keep_files_private()
    if bot is None and args.list:
        print(list_bots())  # noqa: T201
        return 0
    name = bot or args.bot
    if name is None:
        parser.error(f"выбери бота: --bot {'|'.join(_BY_NAME)} (или --list)")
    try:
        return _run(_BY_NAME[name], args)
    except (ConfigError, OSError) as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        if problem := missing_package(error, _BY_NAME[name].extra):
            return _fail(str(problem))
        raise
    except KeyboardInterrupt:
        return 130


def _run(spec: BotSpec, args: argparse.Namespace) -> int:
    settings = read_settings(BotSettings)
    set_up_logging(args.log_level, args.log_format or settings.log_format)
    if not args.playground and spec.token is None:
        raise missing(spec.token_env[0])
    require(spec.extra)
    # Importing aiogram takes seconds: not before it is known that the bot can start.
    from aiogram.exceptions import TelegramNetworkError, TelegramUnauthorizedError
    from aiogram.utils.token import TokenValidationError

    from bots.common.app import RunOptions, run_bot

    options = RunOptions(
        args.backend,
        args.model,
        args.playground,
        args.host,
        args.port,
        args.webhook,
        args.topics,
    )
    try:
        asyncio.run(run_bot(spec, settings, options))
    except (TelegramUnauthorizedError, TokenValidationError):
        return _fail(f"Telegram не принял токен: проверь {' или '.join(spec.token_env)} в .env")
    except TelegramNetworkError:
        return _fail("Telegram недоступен: проверь сеть и TELEGRAM_API_URL")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _fail(f"Порт {args.port} занят: выбери другой, например --port {args.port + 1}")
    return 0


def list_bots() -> str:
    """The bots, what each needs, and what of that is missing."""
    lines = []
    for spec in BOTS:
        missing = [name for name in _needs(spec) if not os.environ.get(name)]
        token = " или ".join(spec.token_env)
        if not any(os.environ.get(name) for name in spec.token_env):
            missing.insert(0, token)
        state = f"не заполнено: {', '.join(missing)}" if missing else "готов к запуску"
        lines += [
            f"{spec.name:<12} {spec.summary}",
            f"{'':<12} нужно: {', '.join((token, *_needs(spec)))} · модель: {spec.backend}",
            f"{'':<12} {state}",
        ]
    hint = "Настройки — в .env (образец: .env.example). Без токена: --playground --backend local."
    return "\n".join([*lines, "", hint])


def _needs(spec: BotSpec) -> tuple[str, ...]:
    return REQUIRED_SETTINGS[spec.backend]


def set_up_logging(level: str, form: str = "text") -> None:
    """Log to stderr; anything that looks like a token is masked, whoever logs it.

    DEBUG is for our own packages: libraries print statements and payloads there, with what
    people wrote in them.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    chosen = logging.getLevelNamesMapping()[level]
    logging.basicConfig(level=max(chosen, logging.INFO), handlers=[handler])
    for package in OWN_PACKAGES:
        logging.getLogger(package).setLevel(chosen)
    if chosen == logging.INFO:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub("***", super().format(record))


class _JsonFormatter(logging.Formatter):
    """One object a line. An error's own text stays out: it may quote what people wrote."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__
            line["where"] = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(trace)]
        return _SECRET.sub("***", json.dumps(line, ensure_ascii=False))


def _fail(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 1
