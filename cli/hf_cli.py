"""Ask a model of Hugging Face, or of another service; compare several.

python cli/hf_cli.py --model llama3 "Объясни разницу между этими моделями"
python cli/hf_cli.py --compare_three "Один и тот же запрос для трёх моделей"
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for `python cli/hf_cli.py`

from cli import (
    answers,
    asking,
    attachments,
    completion,
    hf_usage,
    mcp_tools,
    report,
    shell,
    structured,
    talks,
    templates,
    web,
)
from cli.answers import extract, save
from cli.asking import conversation
from cli.comparison import command as comparison
from cli.log.consent import open_log
from cli.log.store import ExchangeLog
from cli.model_list import list_models
from cli.prices import price_of
from cli.report import Failure
from cli.talks import OpenTalk
from cli.targets import Target, backend_of, parse_target
from services.arguments import Parser, count, number
from services.backends import BACKENDS
from services.chat import ChatModel, GenerationOptions, JsonFormat, Message
from services.env import read_settings
from services.errors import ServiceError
from services.huggingface.config import MODELS, HuggingFaceSettings
from services.timing import Measurement, as_they_finish

THREE = tuple(MODELS)
SAMPLES_AT_ONCE = 4
TOOL = "hf"
COMMANDS = ("log", "usage")
DESCRIPTION = """\
Спрашивает модель Hugging Face или другого сервиса, сравнивает модели на одном запросе
или на файле запросов, ведёт журнал.

  hf log    журнал: список, поиск, показ, экспорт (hf log --help)
  hf usage  сколько потрачено токенов, рублей и долларов (hf usage --help)
Запрос, который сам — такое слово, отделяй дефисами: hf -- log"""
EPILOG = f"""\
Ответ выводится в stdout, время, токены и цена — в stderr (или всё в --json).

Примеры:
  hf "Объясни, что такое SSE"
  cat письмо.txt | hf --system "Перескажи в трёх словах" > ответ.txt
  hf -c "А короче?"                                 продолжить последний разговор
  hf --schema "name: str, rooms: int" "Двушка Анны" > flat.json
  hf -n 3 "Придумай название для кофейни"
  hf -t перевод -p lang=немецкий "Доброе утро"
  hf --compare llama3:groq gigachat:GigaChat-2-Max -- "Кто ты?"
  hf --compare llama3 local:embedded --prompts вопросы.jsonl --report отчёт.html

{shell.EXIT_CODES}
В сравнении 1 — это когда не ответил никто."""


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(description=DESCRIPTION, epilog=EPILOG)
    shell.add_prompt(parser)
    add_options(parser)
    return parser


def completion_parser() -> argparse.ArgumentParser:
    """What Tab completes: the options, and `log` and `usage` in place of a prompt."""
    from cli.log.commands import add_commands

    parser = Parser(prog="hf")
    add_options(parser)
    add_commands(parser.add_subparsers())
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    shell.add_file_option(parser)
    which = parser.add_argument_group("кто отвечает")
    what = which.add_mutually_exclusive_group()
    what.add_argument(
        "--model",
        metavar="МОДЕЛЬ",
        help=f"{', '.join(MODELS)}, полный id org/name[:provider] или сервис:модель, "
        "например gigachat:GigaChat-2-Max",
    )
    comparison.add_models(what, THREE)
    what.add_argument(
        "--list-models", action="store_true", help="показать модели и проверить, что их обслуживают"
    )
    which.add_argument(
        "--backend",
        choices=BACKENDS,
        help="сервис модели (обычно huggingface); openai — любой совместимый сервер",
    )
    which.add_argument(
        "--provider",
        metavar="ИМЯ",
        help="провайдер Hugging Face или правило: fastest, cheapest, novita, ...",
    )
    how = parser.add_argument_group("как спросить")
    how.add_argument("--system", metavar="ТЕКСТ", help="системная инструкция")
    attachments.add_option(how)
    how.add_argument(
        "--temperature", type=number, metavar="ЧИСЛО", help="от 0 (строго) до 2 (свободно)"
    )
    how.add_argument("--max-tokens", type=count, metavar="N", help="предел длины ответа")
    how.add_argument("--timeout", type=number, metavar="СЕКУНДЫ", help="предел времени на ответ")
    web.add_option(how)
    mcp_tools.add_options(how)
    talks.add_talk_options(how)
    templates.add_options(how)
    output = parser.add_argument_group("что вывести")
    output.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        help="показывать ответ по мере написания (в терминале — да)",
    )
    output.add_argument("--json", action="store_true", help="ответ и измерения в JSON")
    output.add_argument(
        "--schema",
        metavar="СХЕМА",
        help='ответ — проверенный JSON: файл JSON Schema или "name: str, rooms: int"',
    )
    output.add_argument(
        "-n", dest="samples", type=count, default=1, metavar="N", help="столько разных ответов"
    )
    answers.add_options(output)
    shell.add_common_options(output)
    completion.add_option(output)
    comparison.add_options(parser.add_argument_group("сравнение"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 is an answer, 1 a failure, 2 wrong usage, 130 Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] and words[0] in COMMANDS:
        from cli.log.commands import main as log_or_usage

        return log_or_usage(words)
    parser = build_parser()
    args = parser.parse_args(words)
    return shell.run(lambda: command(parser, args), debug=args.debug)


def command(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> Coroutine[Any, Any, int] | int:
    """Read what is to be asked, then return the work; wrong usage exits with 2."""
    if args.completion:
        print(completion.script(completion_parser(), args.completion))
        return shell.OK
    if args.templates:
        print(templates.list_templates())
        return shell.OK
    if args.compare and not args.prompt and not args.file and " " in args.compare[-1]:
        args.prompt = [args.compare.pop()]  # no model has a space in its name
    hf_usage.check_usage(parser, args)
    if args.list_models:
        return list_models(args)
    if not args.prompts:
        templates.read_prompt(parser, args)
        hf_usage.check_usage(parser, args)  # a template sets options, too
    if args.stream is None:  # a comparison streams unseen, to time the first token
        args.stream = sys.stdout.isatty() or bool(args.compare)
    schema = structured.read_schema(args.schema) if args.schema else None
    if args.compare or args.samples > 1:
        log = open_log(may_ask=may_ask(args))
        return closing_log(log, comparison.run(args, log) if args.compare else samples(args, log))
    talk = talks.open_talk(args, TOOL, may_ask=may_ask(args))
    return closing_log(talk.log, answer(args, talk, schema))


async def closing_log(log: ExchangeLog | None, work: Coroutine[Any, Any, int]) -> int:
    """Do the work, then close the log."""
    try:
        return await work
    finally:
        if log is not None:
            log.close()


def may_ask(args: argparse.Namespace) -> bool:
    """Whether the user may be asked about the log: not where only the answer is wanted."""
    return not (args.json or args.quiet)


async def answer(
    args: argparse.Namespace, talk: OpenTalk, schema: dict[str, Any] | None = None
) -> int:
    """Ask one model."""
    target = target_of(args, talk)
    system = args.system or structured.without_instruction(talk.last.system if talk.last else None)
    if schema:
        system = "\n\n".join(filter(None, (system, structured.instruction(schema))))
    live = args.stream and not (args.json or args.extract or schema)
    show = None if args.quiet else shell.say
    async with (
        mcp_tools.opened(args, target.backend, show) as tools,
        asking.opened(
            target,
            talk.log,
            tool=TOOL,
            talk_id=talk.id,
            quiet=args.quiet,
            wrap=lambda model: tools.wrap(web.with_web(model, args)),
        ) as model,
    ):
        messages = conversation(args.prompt, system, talk.past, model.context_length)
        sources_of = await attachments.attach(args.attach, messages, model)
        try:
            piece = print_piece if live else None
            measured = await ask(args, target, model, messages, piece, schema)
        except asyncio.CancelledError:
            if live and sys.stdout.isatty():
                print()  # what was said so far ends with its line
            raise
        value = None
        if schema:
            value, measured = await insist(args, target, model, messages, measured, schema)
    text = json.dumps(value, ensure_ascii=False, indent=2) if schema else measured.completion.text
    text = extract(text) if args.extract else text
    if args.save:
        save(args.save, f"{text}\n")
    if args.json:
        extra = {"value": value} if schema else {}
        print_json({"prompt": args.prompt, **report.as_json(measured), **extra})
        return shell.OK
    print("" if live else shell.printable(text), flush=True)
    if not args.quiet:
        shell.say("\n".join(filter(None, (sources_of(text), report.summary(measured)))))
    return shell.OK


async def insist(
    args: argparse.Namespace,
    target: Target,
    model: ChatModel,
    messages: Sequence[Message],
    first: Measurement,
    schema: dict[str, Any],
) -> tuple[Any, Measurement]:
    """The value of an answer that fits the schema; one that doesn't is asked for once more."""
    value, problems = structured.check(first.completion.text, schema)
    if not problems:
        return value, first
    said = Message("assistant", first.completion.text)
    again = Message("user", structured.correction(problems))
    second = await ask(args, target, model, [*messages, said, again], schema=schema)
    value, problems = structured.check(second.completion.text, schema)
    if problems:
        shell.say(second.completion.text)
        raise shell.Problem(f"и второй ответ не подошёл к схеме: {problems}. Возьми модель сильнее")
    return value, report.together(first, second)


async def samples(args: argparse.Namespace, log: ExchangeLog | None) -> int:
    """Ask one model several times, independently; show each answer as it finishes."""
    target = target_of(args)
    results: list[Measurement | Failure] = []
    gate = asyncio.Semaphore(SAMPLES_AT_ONCE)
    async with asking.opened(target, log, tool=TOOL, quiet=args.quiet) as model:
        messages = conversation(args.prompt, args.system, (), model.context_length)
        await attachments.attach(args.attach, messages, model)

        async def one() -> Measurement:
            async with gate:
                return await ask(args, target, model, messages)

        async with aclosing(as_they_finish([one] * args.samples, ServiceError)) as finished:
            async for _, result in finished:
                results.append(told(result))
                if not args.json:
                    show_sample(args, len(results), results[-1])
    answers = [result for result in results if isinstance(result, Measurement)]
    if args.save:
        texts = [shaped(args, result.completion.text) for result in answers]
        save(args.save, "".join(f"{text}\n\n" for text in texts))
    if args.json:
        rows = [report.row_as_json(target.name, result) for result in results]
        print_json({"prompt": args.prompt, "results": rows})
    return shell.OK if answers else shell.FAILED


def told(result: Measurement | ServiceError) -> Measurement | Failure:
    if isinstance(result, ServiceError):
        return Failure(shell.describe(result), type(result).__name__)
    return result


def show_sample(args: argparse.Namespace, number: int, result: Measurement | Failure) -> None:
    """One of several answers, under its number."""
    if isinstance(result, Failure):
        shell.say(f"{number}/{args.samples}: {result.text}")
        return
    text = shell.printable(shaped(args, result.completion.text))
    print(f"=== {number}/{args.samples} ===\n{text}\n", flush=True)
    if not args.quiet:
        shell.say(report.summary(result))


def shaped(args: argparse.Namespace, text: str) -> str:
    return extract(text) if args.extract else text


def target_of(args: argparse.Namespace, talk: OpenTalk | None = None) -> Target:
    """The model that the options name; else the one that answered last in the talk."""
    backend = backend_of(args)
    if args.model:
        return parse_target(args.model, backend, args.provider)
    last = talk.last if talk else None
    if last and args.backend in (None, last.backend) and last.backend in BACKENDS:
        return Target(last.backend, last.model, last.model)
    if backend == "huggingface":
        return parse_target(read_settings(HuggingFaceSettings).model, backend, args.provider)
    return Target(backend, None, backend)


async def ask(
    args: argparse.Namespace,
    target: Target,
    model: ChatModel,
    messages: Sequence[Message],
    show: Callable[[str], None] | None = None,
    schema: dict[str, Any] | None = None,
) -> Measurement:
    """Ask with the command line's options and measure."""
    return await asking.ask(
        model,
        messages,
        GenerationOptions(
            temperature=args.temperature,
            max_tokens=args.max_tokens,
            response_format=JsonFormat(schema) if schema else None,  # where the service has it
        ),
        stream=args.stream,
        timeout=args.timeout,
        price=price_of(target.backend),
        show=show,
    )


def print_piece(text: str) -> None:
    print(shell.printable(text), end="", flush=True)


def print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    sys.exit(main())
