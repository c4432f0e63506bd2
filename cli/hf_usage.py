"""Which options of hf don't go together, and why."""

from __future__ import annotations

import argparse
from itertools import product

from cli import mcp_tools
from cli.comparison import command as comparison

# Each option on the left is refused beside each on the right.
CONFLICTS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("--web",), ("--mcp",), "--web ищет сразу, инструменты ждут просьбы модели"),
    (("--compare",), ("-n",), "сравнение спрашивает каждую модель один раз"),
    (("--web", "--mcp"), ("--compare", "-n"), "поиск и инструменты — для одного ответа"),
    (("-c", "--talk"), ("--compare", "-n"), "у нескольких ответов нет общего разговора"),
    (("--schema",), ("--compare", "-n"), "по схеме проверяется один ответ"),
    (("--schema",), ("--extract",), "по схеме и так выводится один JSON"),
    (("--attach",), ("--compare",), "файл читает одна модель"),
    (("--extract", "--save"), ("--compare",), "сравнение сохраняет --report"),
)


def check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what can't go together; exits with 2."""
    given = {
        "--web": args.web,
        "--mcp": args.mcp,
        "--compare": args.compare,
        "-n": args.samples > 1,
        "-c": args.go_on,
        "--talk": args.talk,
        "--schema": args.schema,
        "--extract": args.extract,
        "--attach": args.attach,
        "--save": args.save,
    }
    for left, right, why in CONFLICTS:
        for one, other in product(left, right):
            if given[one] and given[other]:
                parser.error(f"{why}: без {one} или без {other}")
    if args.provider and args.backend not in (None, "huggingface"):
        parser.error("--provider есть только у --backend huggingface")
    if args.list_models and args.backend == "local":
        parser.error("--list-models есть у --backend huggingface, openai и gigachat")
    mcp_tools.check_usage(parser, args)
    comparison.check_usage(parser, args)
