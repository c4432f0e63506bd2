"""`hf log` and `hf usage`: search, show and export the log, and sum up what it cost."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from cli import shell
from cli.answers import save
from cli.log.config import LogSettings
from cli.log.consent import choose, chosen
from cli.log.show import as_json, as_markdown, entry, listing, usage_table
from cli.log.store import Exchange, ExchangeLog, Filter
from cli.shell import Problem
from services.arguments import Parser, count
from services.env import read_settings

LIMIT = 20
_EPILOG = """\
Примеры:
  hf log                             последние записи
  hf log search кот -m llama3        где в запросе или ответе есть эти слова
  hf log show 12                     запись целиком
  hf log export --since 2026-02-01 --save февраль.md
  hf log export --format json > журнал.json
  hf log on | off | where            вести, не вести, где лежит
  hf log delete 12 13                удалить записи; --all — все
Код 1 — ничего не найдено. Запрос модели, который сам — слово log, отделяй дефисами: hf -- log"""
_USAGE_EPILOG = """\
Примеры:
  hf usage                           по дням
  hf usage --by model --since 2026-02-01
  hf usage --by tool --json"""


def build_parser() -> argparse.ArgumentParser:
    """Both commands; the first word chooses."""
    parser = Parser(prog="hf", description="Журнал запросов и их цена.")
    add_commands(parser.add_subparsers(dest="command", required=True, metavar="КОМАНДА"))
    return parser


def add_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    _add_log(commands)
    usage = commands.add_parser(
        "usage", help="токены, рубли и доллары", description=_USAGE, epilog=_USAGE_EPILOG
    )
    usage.add_argument(
        "--by", choices=("day", "model", "tool"), default="day", help="по чему (%(default)s)"
    )
    usage.add_argument("--json", action="store_true", help="в JSON")
    _add_filter(usage)
    _add_debug(usage)
    usage.set_defaults(run=_usage)


_HINT = "Если это запрос модели, отдели его дефисами: hf -- log …"
_USAGE = "Складывает токены и деньги из журнала; ~ — часть токенов подсчитана здесь, не сервисом."
_LOG = "Журнал: что спрашивали, что отвечено, сколько стоило. Без действия — последние записи."


def _add_log(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser(
        "log", help="список, поиск, показ, экспорт", description=_LOG, epilog=_EPILOG
    )
    actions = parser.add_subparsers(dest="action", metavar="ДЕЙСТВИЕ")
    parser.hint = _HINT
    parser.set_defaults(run=_list)
    _add_listing(parser)
    _add_debug(parser)

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Parser:
        action = actions.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
        action.set_defaults(run=run)
        _add_debug(action)
        return action

    listed = add("list", _list, "последние записи, новые первыми")
    found = add("search", _list, "записи с этими словами в любой форме, «в кавычках» — дословно")
    found.add_argument("words", nargs="+", metavar="СЛОВО")
    for action in (listed, found):
        _add_listing(action)
    shown = add("show", _show, "записи целиком; без номера — последняя")
    shown.add_argument("numbers", nargs="*", type=count, metavar="НОМЕР")
    exported = add("export", _export, "записи в Markdown или JSON, старые первыми")
    exported.add_argument("numbers", nargs="*", type=count, metavar="НОМЕР")
    exported.add_argument("--format", choices=("md", "json"), help="вид (по имени файла, иначе md)")
    exported.add_argument("--save", type=Path, metavar="ФАЙЛ", help="в файл, а не в stdout")
    _add_filter(exported)
    deleted = add("delete", _delete, "удалить записи из журнала насовсем")
    deleted.add_argument("numbers", nargs="*", type=count, metavar="НОМЕР")
    deleted.add_argument("--all", action="store_true", help="все записи")
    add("on", _on, "вести журнал")
    add("off", _off, "не вести журнал; записанное остаётся")
    add("where", _where, "где журнал и ведётся ли он")


def _add_listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-n", dest="limit", type=count, default=LIMIT, metavar="N", help="сколько (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="в JSON")
    _add_filter(parser)


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="при ошибке показать всё о ней")


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", metavar="ЧАСТЬ", help="модели с этим в имени")
    parser.add_argument("--tool", choices=("hf", "llama3", "chat"), help="только этот инструмент")
    parser.add_argument("--talk", metavar="ИМЯ", help="только этот разговор")
    parser.add_argument("--since", type=_day, metavar="ГГГГ-ММ-ДД", help="с этого дня")
    parser.add_argument("--until", type=_day, metavar="ГГГГ-ММ-ДД", help="по этот день")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"нужен день вида 2026-02-01, а не {text!r}") from None


def main(argv: Sequence[str]) -> int:
    """Run `hf log ...` or `hf usage ...`."""
    args = build_parser().parse_args(argv)
    return shell.run(lambda: int(args.run(args)), debug=args.debug)


def open_existing() -> ExchangeLog:
    """The existing log, also when logging is off by now. Raises Problem when there is none."""
    settings = read_settings(LogSettings)
    if not settings.database.exists():
        raise Problem(
            "журнала ещё нет"
            + (": он ведётся, но записей не было" if chosen(settings) == "on" else _TURN_ON)
        )
    return ExchangeLog(settings.database)


_TURN_ON = ", и он выключен. Включи его: hf log on (или LLM_LOG=on)"


def _filter(args: argparse.Namespace) -> Filter:
    words = " ".join(args.words) if getattr(args, "words", None) else None
    return Filter(words, args.model, args.tool, args.talk, args.since, args.until)


def _list(args: argparse.Namespace) -> int:
    with closing(open_existing()) as log:
        found = log.find(_filter(args), args.limit)
    if args.json:
        print(as_json(found))
    elif found:
        shell.page(shell.cut_to_terminal(listing(found)))
    else:
        shell.say("Ничего не найдено.")
    return shell.OK if found or args.json else shell.FAILED


def _show(args: argparse.Namespace) -> int:
    with closing(open_existing()) as log:
        found = _numbered(log, args.numbers) if args.numbers else log.find(Filter(), 1)
    if not found:
        raise Problem("в журнале пока нет записей")
    shell.page("\n\n".join(map(entry, found)))
    return shell.OK


def _export(args: argparse.Namespace) -> int:
    with closing(open_existing()) as log:
        found = _numbered(log, args.numbers) if args.numbers else log.find(_filter(args))[::-1]
    suffix = args.save.suffix.lower() if args.save else ""
    kind = args.format or ("json" if suffix == ".json" else "md")
    text = as_json(found) if kind == "json" else as_markdown(found)
    if args.save:
        save(args.save, f"{text}\n")
        shell.say(f"Записей: {len(found)}, файл: {args.save}")
    else:
        print(text)
    return shell.OK


def _numbered(log: ExchangeLog, numbers: Sequence[int]) -> list[Exchange]:
    found = [log.get(number) if number < 2**63 else None for number in numbers]
    if None in found:
        raise Problem(f"в журнале нет записи {numbers[found.index(None)]}: номера покажет hf log")
    return [exchange for exchange in found if exchange]


def _delete(args: argparse.Namespace) -> int:
    if bool(args.numbers) == args.all:
        raise Problem("назови номера записей (их покажет hf log) или --all")
    with closing(open_existing()) as log:
        found = log.find(Filter()) if args.all else _numbered(log, args.numbers)
        erased = log.erase(exchange.id for exchange in found)
    shell.say(f"Удалено записей: {erased}.")
    return shell.OK


def _on(args: argparse.Namespace) -> int:
    settings = read_settings(LogSettings)
    choose(settings, "on")
    shell.say(f"Журнал ведётся: {settings.database}.")
    _warn(settings, "on")
    return shell.OK


def _off(args: argparse.Namespace) -> int:
    settings = read_settings(LogSettings)
    choose(settings, "off")
    shell.say("Журнал больше не ведётся. Записанное осталось, удалить его: hf log delete --all.")
    _warn(settings, "off")
    return shell.OK


def _warn(settings: LogSettings, choice: str) -> None:
    if settings.mode not in (None, choice):
        shell.say(f"Но LLM_LOG={settings.mode} важнее: убери её из окружения и .env.")


def _where(args: argparse.Namespace) -> int:
    settings = read_settings(LogSettings)
    print(settings.database)
    state = "ведётся" if chosen(settings) == "on" else "не ведётся"
    shell.say(f"Журнал {state}. SQLite {sqlite3.sqlite_version}.")
    return shell.OK


def _usage(args: argparse.Namespace) -> int:
    with closing(open_existing()) as log:
        rows = log.usage(args.by, _filter(args))
    print(usage_table(args.by, rows, json_wanted=args.json))
    return shell.OK
