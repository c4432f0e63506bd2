"""Whether the user wants a log: `LLM_LOG`, else the answer to a question asked once."""

from __future__ import annotations

import sys

from cli import shell
from cli.log.config import Choice, LogSettings
from cli.log.store import ExchangeLog
from cli.shell import Problem
from services.env import read_settings

QUESTION = (
    "Вести журнал: запросы, ответы, токены и цену — на этом компьютере, только для тебя?\n"
    "Файл: {path}. Смотреть: hf log, передумать: hf log off.\nВести? [д/Н] "
)
_YES = ("д", "да", "y", "yes")
OFF = "журнал выключен, а {what}. Включи его: hf log on (или LLM_LOG=on) — и повтори"


def open_log(*, may_ask: bool = True) -> ExchangeLog | None:
    """The log, when the user wants one; asks once, and only at a terminal."""
    settings = read_settings(LogSettings)
    choice = chosen(settings)
    if choice is None and may_ask and at_terminal():
        choice = ask(settings)
    return ExchangeLog(settings.database) if choice == "on" else None


def need_log(what: str) -> ExchangeLog:
    """The log, for what can't be done without one. Raises Problem."""
    log = open_log()
    if log is None:
        raise Problem(OFF.format(what=what))
    return log


def chosen(settings: LogSettings) -> Choice | None:
    """What was decided; None when nothing was."""
    if settings.mode:
        return settings.mode
    try:
        text = settings.choice_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return "on" if text == "on" else "off"


def choose(settings: LogSettings, choice: Choice) -> None:
    """Remember what the user wants."""
    try:
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.choice_file.write_text(f"{choice}\n", "utf-8")
    except OSError as error:
        raise Problem(f"выбор не записать ({error}): задай LLM_LOG={choice}") from error


def ask(settings: LogSettings) -> Choice:
    """Ask the user; only a yes is a yes."""
    print(QUESTION.format(path=settings.database), end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:  # the terminal was closed: that is no answer
        return "off"
    choice: Choice = "on" if answer.strip().lower() in _YES else "off"
    choose(settings, choice)
    shell.say("Журнал ведётся." if choice == "on" else "Журнала не будет. Включить: hf log on.")
    return choice


def at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
