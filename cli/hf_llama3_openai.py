"""Ask Llama 3 over the OpenAI-compatible API of Hugging Face, and count its tokens here.

python -m cli.hf_llama3_openai --text "Привет! Как дела?"
python cli/hf_llama3_openai.py "Многострочный текст"
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for `python cli/hf_llama3_openai.py`

from cli import answers, attachments, completion, llama3, shell, talks, templates
from cli.answers import extract, save
from cli.asking import conversation, recorded
from cli.talks import OpenTalk
from cli.targets import Target
from services.arguments import Parser, number
from services.arguments import count as whole
from services.chat import GenerationOptions, Message, Usage
from services.env import missing, read_settings
from services.errors import ConfigError
from services.huggingface.config import ROUTER_URL, HuggingFaceSettings
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings
from services.storage import StorageSettings

TOOL = "llama3"
MODEL = "llama3"
DESCRIPTION = "Спрашивает Llama 3 на Hugging Face и сверяет счёт токенов."
EPILOG = f"""\
Токенизатор Llama 3 для точного счёта скачивает: {llama3.SETUP}

Примеры:
  llama3 "Привет! Как дела?"
  llama3 --explain --text "Сколько здесь токенов?"
  llama3 -c "А подробнее?"            продолжить последний разговор
  cat письмо.txt | llama3 --system "Перескажи"

{shell.EXIT_CODES}"""


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens of a prompt, counted here; `tokens` is empty when they are estimated."""

    total: int
    family: str
    tokens: tuple[llama3.Token, ...] = ()

    def __str__(self) -> str:
        return str(self.total) if self.tokens else f"~{self.total}"


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(description=DESCRIPTION, epilog=EPILOG)
    shell.add_prompt(parser)
    shell.add_file_option(parser)
    how = parser.add_argument_group("как спросить")
    how.add_argument("--text", metavar="ЗАПРОС", help="то же, что в аргументах")
    how.add_argument("--model", metavar="МОДЕЛЬ", help=f"модель семейства Llama 3 ({MODEL})")
    how.add_argument("--system", metavar="ТЕКСТ", help="системная инструкция")
    attachments.add_option(how)
    how.add_argument(
        "--temperature", type=number, metavar="ЧИСЛО", help="от 0 (строго) до 2 (свободно)"
    )
    how.add_argument("--max-tokens", type=whole, metavar="N", help="предел длины ответа")
    talks.add_talk_options(how)
    templates.add_options(how)
    output = parser.add_argument_group("что вывести")
    output.add_argument(
        "--explain", action="store_true", help="показать токены запроса и разницу шаблонов"
    )
    answers.add_options(output)
    shell.add_common_options(output)
    completion.add_option(output)
    output.add_argument(
        "--setup", action="store_true", help="скачать токенизатор Llama 3 (2 МБ из пакета PyPI)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 is an answer, 1 a failure, 2 wrong usage, 130 Ctrl-C."""
    parser = build_parser()
    args = parser.parse_args(argv)
    return shell.run(lambda: command(parser, args), debug=args.debug)


def command(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> Coroutine[Any, Any, int] | int:
    """Read what is to be asked, then return the work; wrong usage exits with 2."""
    if args.completion:
        parser = build_parser()
        parser.prog = "llama3"
        print(completion.script(parser, args.completion))
        return shell.OK
    if args.setup:
        return set_up()
    if args.templates:
        print(templates.list_templates())
        return shell.OK
    if args.text is not None and args.prompt:
        parser.error("запрос нужен один: или в аргументах, или в --text")
    args.prompt = args.prompt if args.text is None else [args.text]
    templates.read_prompt(parser, args)
    return answer(args, talks.open_talk(args, TOOL, may_ask=not args.quiet))


def set_up() -> int:
    """Fetch the tokenizer, unless it is there and whole."""
    path = llama3.tokenizer_path(read_settings(StorageSettings).data_dir)
    if not is_whole(path):
        shell.say(f"Скачиваю токенизатор Llama 3 из {llama3.WHEEL} ...")
        llama3.fetch_tokenizer(path)
    llama3.load_tokenizer(path)
    shell.say(f"Токенизатор Llama 3 на месте: {path}")
    return shell.OK


def is_whole(path: Path) -> bool:
    try:
        return llama3.load_tokenizer(path) is not None
    except ConfigError:
        return False


async def answer(args: argparse.Namespace, talk: OpenTalk) -> int:
    """Ask, then show the answer and both counts."""
    settings = read_settings(HuggingFaceSettings)
    name = model_of(args, talk)
    card = settings.card(name)
    system = args.system or (talk.last.system if talk.last else None)
    messages = conversation(args.prompt, system, talk.past, card.context_length)
    server = open_model(settings, card.id)
    target = Target("huggingface", name, name)
    model = recorded(server, target, talk.log, tool=TOOL, talk_id=talk.id, price=card.price)
    try:
        sources_of = await attachments.attach(args.attach, messages, server)
        counts = count(messages, quiet=args.quiet)
        local = counts[llama3.family_of(card.id)]
        options = GenerationOptions(temperature=args.temperature, max_tokens=args.max_tokens)
        completion = await model.complete(messages, options)
    finally:
        await model.aclose()
        if talk.log:
            talk.log.close()
    text = extract(completion.text) if args.extract else completion.text
    if args.save:
        save(args.save, f"{text}\n")
    usage = completion.usage if completion.usage and not completion.usage.approximate else None
    print(shell.printable(text), "", sep="\n")
    if sources := sources_of(text):
        print(sources)
    print(f"local_input_tokens: {local}")
    print(f"api_prompt_tokens: {usage.prompt_tokens if usage else 'n/a'}")
    print(f"api_completion_tokens: {usage.completion_tokens if usage else 'n/a'}")
    print(f"finish_reason: {completion.finish_reason}", flush=True)
    if not args.quiet:
        compare(local, usage)
    if args.explain:
        explain(local, counts, usage)
    return shell.OK


def model_of(args: argparse.Namespace, talk: OpenTalk) -> str:
    """The model asked for; else the one of the talk, if it is a Llama 3."""
    if args.model:
        return str(args.model)
    last = talk.last
    goes_on = last and last.backend == "huggingface" and "llama" in last.model.lower()
    return last.model if last and goes_on else MODEL


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


def count(messages: Sequence[Message], *, quiet: bool = False) -> dict[str, Count]:
    """Tokens of the conversation by each family's template."""
    path = llama3.tokenizer_path(read_settings(StorageSettings).data_dir)
    encoding = llama3.load_tokenizer(path)
    if encoding is None and not quiet:
        shell.say(
            f"Токенизатора Llama 3 нет, счёт приблизительный (~). Получить его: {llama3.SETUP}"
        )
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
