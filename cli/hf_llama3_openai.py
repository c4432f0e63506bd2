"""Ask Llama 3 over the OpenAI-compatible API of Hugging Face, and count its tokens here.

python -m cli.hf_llama3_openai --text "Привет! Как дела?"
python cli/hf_llama3_openai.py "Многострочный текст"
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for `python cli/hf_llama3_openai.py`

from cli import attachments, llama3, shell
from services.chat import GenerationOptions, Message, Usage
from services.env import missing, read_settings
from services.huggingface.config import ROUTER_URL, HuggingFaceSettings
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings
from services.storage import StorageSettings

SETUP = "python -m cli.hf_llama3_openai --setup"


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens of a prompt, counted here; `tokens` is empty when they are estimated."""

    total: int
    family: str
    tokens: tuple[llama3.Token, ...] = ()

    def __str__(self) -> str:
        return str(self.total) if self.tokens else f"~{self.total}"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Спрашивает Llama 3 на Hugging Face и сверяет счёт токенов.",
        epilog=f"Токенизатор Llama 3 для точного счёта скачивает: {SETUP}",
    )
    shell.add_prompt_options(parser)
    attachments.add_option(parser)
    parser.add_argument("--text", help="запрос, то же, что в аргументах")
    parser.add_argument("--model", default="llama3", help="модель семейства Llama 3 (%(default)s)")
    parser.add_argument("--system", help="системная инструкция")
    parser.add_argument("--temperature", type=float, help="от 0 (строго) до 2 (свободно)")
    parser.add_argument("--max-tokens", type=int, help="предел длины ответа")
    parser.add_argument(
        "--explain", action="store_true", help="показать токены запроса и разницу шаблонов"
    )
    parser.add_argument(
        "--setup", action="store_true", help="скачать токенизатор Llama 3 (2 МБ из пакета PyPI)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 is an answer, 1 a failure, 2 wrong usage, 130 Ctrl-C."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.setup:
        return shell.run(set_up, debug=args.debug)
    if args.text is not None and args.prompt:
        parser.error("запрос нужен один: или в аргументах, или в --text")
    words = args.prompt if args.text is None else [args.text]
    args.prompt = shell.read_prompt(parser, words, args.file)
    return shell.run(lambda: answer(args), debug=args.debug)


async def set_up() -> int:
    """Fetch the tokenizer, unless it is there."""
    path = llama3.tokenizer_path(read_settings(StorageSettings).data_dir)
    if not path.exists():
        shell.say(f"Скачиваю токенизатор Llama 3 из {llama3.WHEEL} ...")
        llama3.fetch_tokenizer(path)
    llama3.load_tokenizer(path)
    shell.say(f"Токенизатор Llama 3 на месте: {path}")
    return 0


async def answer(args: argparse.Namespace) -> int:
    """Ask, then show the answer and both counts."""
    settings = read_settings(HuggingFaceSettings)
    model_id = settings.card(args.model).id
    messages = [Message("system", args.system)] if args.system else []
    attached = await attachments.read_all(args.attach)
    model = open_model(settings, model_id)
    try:
        question, sources_of = await attached.message(args.prompt, model)
        messages.append(question)
        counts = count(messages)
        local = counts[llama3.family_of(model_id)]
        options = GenerationOptions(temperature=args.temperature, max_tokens=args.max_tokens)
        completion = await model.complete(messages, options)
    finally:
        await model.aclose()
    usage = completion.usage if completion.usage and not completion.usage.approximate else None
    print(completion.text, "", sep="\n")
    if sources := sources_of(completion.text):
        print(sources)
    print(f"local_input_tokens: {local}")
    print(f"api_prompt_tokens: {usage.prompt_tokens if usage else 'n/a'}")
    print(f"api_completion_tokens: {usage.completion_tokens if usage else 'n/a'}")
    print(f"finish_reason: {completion.finish_reason}", flush=True)
    compare(local, usage)
    if args.explain:
        explain(local, counts, usage)
    return 0


def open_model(settings: HuggingFaceSettings, model_id: str) -> OpenAICompatibleModel:
    if settings.base_url == ROUTER_URL and not settings.token.get_secret_value():
        raise missing("HF_TOKEN")
    return OpenAICompatibleModel(
        OpenAICompatibleSettings(
            base_url=settings.base_url,
            api_key=settings.token,
            model=model_id,
            timeout=settings.timeout,
            connect_timeout=settings.connect_timeout,
        )
    )


def count(messages: Sequence[Message]) -> dict[str, Count]:
    """Tokens of the conversation by each family's template."""
    path = llama3.tokenizer_path(read_settings(StorageSettings).data_dir)
    encoding = llama3.load_tokenizer(path)
    if encoding is None:
        shell.say(f"Токенизатора Llama 3 нет, счёт приблизительный (~). Получить его: {SETUP}")
    today = datetime.now().astimezone().date()
    counts = {}
    for family in llama3.FAMILIES:
        prompt = llama3.render(messages, family, today)
        tokens = tuple(llama3.tokens_of(encoding, prompt)) if encoding else ()
        counts[family] = Count(len(tokens) or llama3.estimate(prompt), family, tokens)
    return counts


def compare(local: Count, usage: Usage | None) -> None:
    """Say where the two counts part: never silently."""
    if usage is None:
        shell.say("Сервер не сообщил число токенов: сверить счёт не с чем.")
    elif local.tokens and local.total != usage.prompt_tokens:
        shell.say(
            f"Счёт расходится на {usage.prompt_tokens - local.total:+d}: у провайдера другой "
            f"шаблон диалога, чем у Llama {local.family}. Подробнее: --explain"
        )


def explain(local: Count, counts: dict[str, Count], usage: Usage | None) -> None:
    """Show the tokens and what each family's template would make of the same messages."""
    for token in local.tokens:
        shell.say(f"{token.id:>7}  {shown(token.text)}")
    shell.say(f"Шаблон модели: Llama {local.family}. Те же сообщения по шаблонам семейства:")
    for family, other in counts.items():
        matches = usage is not None and other.tokens and other.total == usage.prompt_tokens
        shell.say(
            f"  Llama {family:<4} {other} ({other.total - local.total:+d})"
            f"{'  ← как у сервера' if matches else ''}"
        )


def shown(text: bytes) -> str:
    """A token in one line; a piece of a letter is shown as bytes."""
    try:
        return repr(text.decode())
    except UnicodeDecodeError:
        return repr(text)


if __name__ == "__main__":
    sys.exit(main())
