"""Ask a model of Hugging Face, or compare several on one prompt.

python cli/hf_cli.py --model llama3 "Объясни разницу между этими моделями"
python cli/hf_cli.py --compare_three "Один и тот же запрос для трёх моделей"
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import traceback
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for `python cli/hf_cli.py`

from cli import attachments, report, shell
from services.backends import BACKENDS, open_chat_model
from services.chat import ChatModel, Chunk, GenerationOptions, Message, complete_stream
from services.env import read_settings
from services.errors import ServiceError, Timeout
from services.huggingface.config import MODELS, HuggingFaceSettings
from services.timing import Measurement, Stopwatch, as_they_finish

THREE = tuple(MODELS)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Спрашивает модель Hugging Face или сравнивает несколько на одном запросе.",
        epilog="Ответ выводится в stdout, время, токены и цена — в stderr (или всё в --json).",
    )
    shell.add_prompt_options(parser)
    attachments.add_option(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--model", help=f"{', '.join(MODELS)} или полный id org/name[:provider]")
    what.add_argument(
        "--compare_three",
        "--compare-three",
        dest="compare",
        action="store_const",
        const=THREE,
        help=f"сравнить {', '.join(THREE)}",
    )
    what.add_argument(
        "--compare",
        nargs="+",
        metavar="MODEL",
        help="сравнить эти модели; запрос отделяется двумя дефисами: --compare a b -- запрос",
    )
    what.add_argument(
        "--list-models", action="store_true", help="показать модели и проверить, что их обслуживают"
    )
    parser.add_argument("--system", help="системная инструкция")
    parser.add_argument("--temperature", type=float, help="от 0 (строго) до 2 (свободно)")
    parser.add_argument("--max-tokens", type=int, help="предел длины ответа")
    parser.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        help="показывать ответ по мере написания (в терминале — да)",
    )
    parser.add_argument("--json", action="store_true", help="ответ и измерения в JSON")
    parser.add_argument(
        "--provider", help="провайдер Hugging Face или правило: fastest, cheapest, novita, ..."
    )
    parser.add_argument("--timeout", type=float, help="предел времени на ответ, в секундах")
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="huggingface",
        help="сервис модели (%(default)s); openai — любой совместимый сервер",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 is an answer, 1 a failure, 2 wrong usage, 130 Ctrl-C."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.provider and args.backend != "huggingface":
        parser.error("--provider есть только у --backend huggingface")
    if args.list_models:
        if args.backend not in ("huggingface", "openai"):
            parser.error("--list-models есть у --backend huggingface и openai")
        return shell.run(lambda: list_models(args), debug=args.debug)
    if args.compare and not args.prompt and not args.file and " " in args.compare[-1]:
        args.prompt = [args.compare.pop()]  # no model has a space in its name
    args.prompt = shell.read_prompt(parser, args.prompt, args.file)
    if args.stream is None:  # a comparison streams unseen, to time the first token
        args.stream = sys.stdout.isatty() or bool(args.compare)
    command = compare if args.compare else answer
    return shell.run(lambda: command(args), debug=args.debug)


async def answer(args: argparse.Namespace) -> int:
    """Ask one model."""
    name = args.model
    if args.provider:
        name = with_provider(name or read_settings(HuggingFaceSettings).model, args.provider)
    live = args.stream and not args.json
    measured = await ask(args, name, show=print_piece if live else None)
    if args.json:
        print_json({"prompt": args.prompt, **report.as_json(measured)})
        return 0
    print("" if live else measured.completion.text, flush=True)
    shell.say(report.summary(measured))
    return 0


async def compare(args: argparse.Namespace) -> int:
    """Ask several models at once; show each answer as it finishes, and a table at the end."""
    names = [with_provider(name, args.provider) for name in args.compare]
    results: dict[int, Measurement | ServiceError] = {}
    calls = [partial(ask, args, name) for name in names]
    async with aclosing(as_they_finish(calls, ServiceError)) as finished:
        async for number, result in finished:
            results[number] = result
            if not args.json:
                show_compared(names[number], result, debug=args.debug)
    rows = [(name, results[number]) for number, name in enumerate(names)]
    if args.json:
        print_json({"prompt": args.prompt, "results": [report.row_as_json(*row) for row in rows]})
    else:
        shell.say(report.comparison(rows))
    return 0 if any(isinstance(result, Measurement) for _, result in rows) else 1


def show_compared(name: str, result: Measurement | ServiceError, *, debug: bool) -> None:
    """One model's answer under its name; why there is none goes to stderr."""
    if isinstance(result, Measurement):
        print(f"=== {name} ({result.completion.model}) ===\n{result.completion.text}\n", flush=True)
        return
    if debug:
        traceback.print_exception(result)
    shell.say(f"{name}: {shell.describe(result)}")


async def list_models(args: argparse.Namespace) -> int:
    """Show what can be asked; 1 when a short name has no model that is served."""
    from services.huggingface.catalog import is_served, served_models
    from services.openai_compatible import OpenAICompatibleSettings
    from services.openai_compatible import list_models as list_served

    if args.backend == "openai":
        models = await list_served(read_settings(OpenAICompatibleSettings))
        print("\n".join(model["id"] for model in models))
        return 0
    settings = read_settings(HuggingFaceSettings)
    served = await served_models(settings)
    print(report.catalog(settings, served))
    lost = [
        name
        for name in MODELS
        if not any(is_served(model_id, served) for model_id in settings.card(name).ids)
    ]
    for name in lost:
        shell.say(f"{name}: ни одну модель не обслуживают. Другая: HF_MODEL_{name.upper()} в .env.")
    return 1 if lost else 0


async def ask(
    args: argparse.Namespace, name: str | None, show: Callable[[str], None] | None = None
) -> Measurement:
    """Ask one model and measure; `show` gets the pieces of a streamed answer."""
    model = open_chat_model(args.backend, name)
    try:
        await shell.wait_until_loaded(model)
        return await asyncio.wait_for(_ask(args, model, show), args.timeout)
    except TimeoutError:
        raise Timeout(f"no whole answer in {args.timeout} s") from None
    finally:
        await model.aclose()


async def _ask(
    args: argparse.Namespace, model: ChatModel, show: Callable[[str], None] | None
) -> Measurement:
    messages = [Message("system", args.system)] if args.system else []
    question, sources_of = await (await attachments.read_all(args.attach)).message(
        args.prompt, model
    )
    messages.append(question)
    options = GenerationOptions(temperature=args.temperature, max_tokens=args.max_tokens)
    watch = Stopwatch(model)
    if args.stream:
        stream = watch.watch(model.stream(messages, options))
        completion = await complete_stream(_shown(stream, show) if show else stream)
    else:
        completion = await model.complete(messages, options)
    if sources := sources_of(completion.text):
        shell.say(sources)
    return watch.measurement(completion)


async def _shown(
    stream: AsyncGenerator[Chunk, None], show: Callable[[str], None]
) -> AsyncGenerator[Chunk, None]:
    async with aclosing(stream):
        async for chunk in stream:
            show(chunk.text)
            yield chunk


def with_provider(name: str, provider: str | None) -> str:
    return f"{name}:{provider}" if provider and ":" not in name else name


def print_piece(text: str) -> None:
    print(text, end="", flush=True)


def print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    sys.exit(main())
