"""The options of a comparison, and its run."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

from cli import report, shell
from cli.answers import save
from cli.comparison import summary
from cli.comparison.cells import Cell, Models, Settings, answer_all
from cli.comparison.judge import Verdicts, judge_all
from cli.comparison.page import html_page
from cli.comparison.prompts import Prompt, read_prompts
from cli.comparison.results import Answer, Results
from cli.log.store import ExchangeLog
from cli.targets import Target, backend_of, parse_target
from services.arguments import count
from services.chat import GenerationOptions

REPORTS = (".html", ".csv", ".json")
CONCURRENCY = 4


def add_models(parser: argparse._ActionsContainer, three: Sequence[str]) -> None:
    parser.add_argument(
        "--compare_three",
        "--compare-three",
        dest="compare",
        action="store_const",
        const=three,
        help=f"сравнить {', '.join(three)}",
    )
    parser.add_argument(
        "--compare",
        nargs="+",
        metavar="МОДЕЛЬ",
        help="сравнить эти модели; запрос отделяется двумя дефисами: --compare a b -- запрос",
    )


def add_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--prompts",
        type=Path,
        metavar="ФАЙЛ",
        help='файл запросов JSONL: строки {"prompt": "…", "id": "…", "system": "…"}',
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="ФАЙЛ",
        help="где копить ответы, чтобы продолжить после остановки (ФАЙЛ_ЗАПРОСОВ.results.jsonl)",
    )
    parser.add_argument(
        "--concurrency",
        type=count,
        default=CONCURRENCY,
        metavar="N",
        help="запросов одновременно (%(default)s)",
    )
    parser.add_argument(
        "--judge",
        metavar="МОДЕЛЬ",
        help="судья: сравнит ответы попарно, каждую пару — в обоих порядках",
    )
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="ФАЙЛ",
        help="отчёт .html, .csv или .json; можно несколько раз",
    )


def check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what can't go together; exits with 2."""
    for given, name in (
        (args.prompts, "--prompts"),
        (args.results, "--results"),
        (args.judge, "--judge"),
        (args.report, "--report"),
    ):
        if given and not args.compare:
            parser.error(f"{name} — для сравнения: добавь --compare и модели")
    if args.prompts and (args.prompt or args.file or args.template or args.params):
        parser.error("запросы нужны одни: или из --prompts, или из аргументов")
    for path in args.report:
        if path.suffix.lower() not in REPORTS:
            parser.error(f"--report {path}: нужен файл {', '.join(REPORTS)}")


async def run(args: argparse.Namespace, log: ExchangeLog | None) -> int:
    """Ask, judge, report; 1 when no model answered anything."""
    prompts = _prompts(args)
    targets = _targets(args)
    cells = [(prompt, target) for prompt in prompts for target in targets]
    results = Results(_results_path(args))
    models = Models(log)
    answers: dict[Cell, Answer] = {}
    try:
        await _ask(args, cells, models, results, answers)
        answers = {cell: answers[cell] for cell in cells}
        verdicts = await _judge(args, answers, models, results) if args.judge else None
    except asyncio.CancelledError:
        if results.path and not args.quiet:
            shell.say(
                f"Остановлено: ответов {len(answers)} из {len(cells)}, они в {results.path}. "
                "Чтобы продолжить, повтори ту же команду."
            )
        raise
    finally:
        await models.aclose()
    _report(args, answers, verdicts)
    return shell.OK if any(not answer.error for answer in answers.values()) else shell.FAILED


def _prompts(args: argparse.Namespace) -> list[Prompt]:
    if args.prompts:
        return read_prompts(args.prompts, args.system)
    return [Prompt("1", args.prompt, args.system)]


def _targets(args: argparse.Namespace) -> list[Target]:
    backend = backend_of(args)
    return [parse_target(name, backend, args.provider) for name in dict.fromkeys(args.compare)]


def _results_path(args: argparse.Namespace) -> Path | None:
    if args.results or not args.prompts:
        path: Path | None = args.results
        return path
    return Path(args.prompts.with_name(f"{args.prompts.stem}.results.jsonl"))


async def _ask(
    args: argparse.Namespace,
    cells: Sequence[Cell],
    models: Models,
    results: Results,
    answers: dict[Cell, Answer],
) -> None:
    settings = Settings(
        GenerationOptions(temperature=args.temperature, max_tokens=args.max_tokens),
        stream=args.stream,
        timeout=args.timeout,
        debug=args.debug,
    )
    several = args.prompts is not None
    finished = answer_all(cells, models, results, settings, args.concurrency)
    failed = 0
    with shell.Progress(quiet=args.quiet or not (several and sys.stderr.isatty())) as progress:
        async with aclosing(finished):
            async for cell, answer in finished:
                answers[cell] = answer
                failed += bool(answer.error)
                progress.show(f"Ответов {len(answers)} из {len(cells)}, ошибок {failed}")
                if not several:
                    show(args, cell[1], answer)


def show(args: argparse.Namespace, target: Target, answer: Answer) -> None:
    """One model's answer under its name; why there is none goes to stderr."""
    if answer.error:
        if not args.json:
            shell.say(f"{target.name}: {answer.error}")
    elif not args.json:
        text = shell.printable(answer.text)
        print(f"=== {target.name} ({answer.answered_by}) ===\n{text}\n", flush=True)


async def _judge(
    args: argparse.Namespace, answers: Mapping[Cell, Answer], models: Models, results: Results
) -> Verdicts:
    judge = parse_target(args.judge, backend_of(args), args.provider)
    with shell.Progress(quiet=args.quiet or not sys.stderr.isatty()) as progress:
        return await judge_all(
            answers,
            judge,
            models,
            results,
            args.concurrency,
            lambda done, of: progress.show(f"Судья: {done} из {of}"),
        )


def _report(
    args: argparse.Namespace, answers: Mapping[Cell, Answer], verdicts: Verdicts | None
) -> None:
    rows = summary.rows_of(answers, verdicts)
    whole = summary.as_json(answers, rows, verdicts)
    for path in args.report:
        kind = path.suffix.lower()
        if kind == ".csv":
            save(path, summary.as_csv(answers), encoding="utf-8-sig")
        elif kind == ".json":
            save(path, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
        else:
            save(path, html_page(answers, rows, verdicts, datetime.now().astimezone()))
        if not args.quiet:
            shell.say(f"Отчёт: {path}")
    one_prompt = [(target.name, answer.outcome()) for (_, target), answer in answers.items()]
    if args.json:
        if not args.prompts:
            results = [report.row_as_json(*row) for row in one_prompt]
            whole = {"prompt": args.prompt, "results": results, "judge": whole["judge"]}
        print(json.dumps(whole, ensure_ascii=False, indent=2))
    elif args.prompts:
        print(summary.table(rows, verdicts))
        for line in sorted(
            {f"{cell[1].name}: {a.error}" for cell, a in answers.items() if a.error}
        ):
            shell.say(line)
    elif not args.quiet:
        shell.say(report.comparison(one_prompt))
        if verdicts:
            shell.say(summary.judged(verdicts))
