"""Texts for users, in Russian."""

from collections.abc import Sequence

from aiogram.types import BotCommand

from bots.common.menu import SHARED, help_text
from bots.common.rich import Block, blocks_of, paragraph, table
from services.errors import ModelLoading, ServiceError
from services.texts import describe_error
from services.timing import Measurement

COMMANDS = (
    BotCommand(command="start", description="что это"),
    BotCommand(command="model", description="выбрать модель"),
    BotCommand(command="compare", description="спросить все модели сразу: /compare вопрос"),
    *SHARED,
)
START = (
    "Здесь можно поговорить с моделями Hugging Face и сравнить их. Сейчас отвечает {model}. "
    "Другая: /model. Все сразу: /compare и вопрос. Что ещё: /help"
)
START_ALONE = (
    "Здесь сравнивают модели Hugging Face, но бот запущен без неё: отвечает одна модель, {model}. "
    "Спрашивай. Выбор появится с HF_TOKEN в .env и сервисом huggingface."
)
HELP = help_text(
    "Пиши — отвечу и скажу, сколько это заняло времени, токенов и денег. /compare без вопроса "
    "повторит моделям твой последний. Кнопка под ответом задаёт тот же вопрос остальным "
    "моделям. Их ответы в разговор не входят.",
    COMMANDS,
)
HELP_ALONE = help_text(
    "Пиши — отвечу и скажу, сколько это заняло времени и токенов. Отвечает одна модель, {model}. "
    "Сравнение нескольких появится с HF_TOKEN в .env и сервисом huggingface.",
    SHARED,
)
CHOOSE_MODEL = "Какая модель пусть отвечает? Сейчас: {model}."
MODEL_CHOSEN = "Теперь отвечает {model}."
UNKNOWN_MODEL = "Модели «{name}» у меня нет. Есть: {names}."
ONE_MODEL = "Без Hugging Face модель одна: {model}. Выбирать можно с HF_TOKEN в .env."
CHOSEN_MARK = "✓ "
ASK_OTHERS = "Спросить и {names}"
ASKING = "Спрашиваю: {names}"
SWITCH = "Переключиться на {name}"
SWITCH_AND_ASK = "Спросить {name}"
SWITCHED = "Теперь отвечает {model}. Пришли вопрос ещё раз."
NOTHING_TO_COMPARE = "Напиши вопрос после команды, например: /compare Почему небо голубое?"
LOST_QUESTION = "Этого вопроса я уже не помню. Задай его снова."
RESET = "Разговор забыт. Спрашивай."
HEADING = "**{name}**"
RESULTS = "**Итог**"
FIGURES = ("Модель", "Время", "Первое слово", "Токены", "Ток/с", "Цена")
FAILED = "{name}: не ответила. {reason}"
LOADING = "Провайдер ещё загружает её: повтори через минуту."


def listed(names: Sequence[str]) -> str:
    """Names as people list them: «deepseek, llama3 и qwen2»."""
    *most, last = names
    return f"{', '.join(most)} и {last}" if most else last


def failed(name: str, error: ServiceError) -> str:
    reason = LOADING if isinstance(error, ModelLoading) else describe_error(error)
    return FAILED.format(name=name, reason=reason)


def footer(name: str, measured: Measurement, sources: str = "") -> str:
    """What an answer leans on and what it took; what isn't known isn't there."""
    parts = [f"⏱ {name}", _seconds(measured.seconds)]
    if measured.first_token is not None:
        parts.append(f"первое слово {_seconds(measured.first_token)}")
    if usage := measured.completion.usage:
        about = "около " if usage.approximate else ""
        parts.append(f"токены: {about}{usage.prompt_tokens} → {usage.completion_tokens}")
    if measured.cost is not None:
        parts.append(_dollars(measured.cost))
    if measured.completion.finish_reason == "length":
        parts.append("обрезано по длине")
    return "\n".join(filter(None, (sources, " · ".join(parts))))


def results(rows: Sequence[tuple[str, Measurement | ServiceError]]) -> str:
    """The end of a comparison: who took what, the quickest first."""
    lines = [footer(name, measured) + _speed(measured) for name, measured in _answered(rows)]
    return "\n\n".join([RESULTS, *lines, *_failures(rows)])


def results_table(rows: Sequence[tuple[str, Measurement | ServiceError]]) -> list[Block]:
    """The same as `results`, in a table."""
    answered = _answered(rows)
    lines = [
        FIGURES,
        *((name, *_figures(measured)) for name, measured in answered),
    ]
    found = [table(lines, ("left", "right"))] if answered else []
    return [*blocks_of(RESULTS), *found, *map(paragraph, _failures(rows))]


def _answered(
    rows: Sequence[tuple[str, Measurement | ServiceError]],
) -> list[tuple[str, Measurement]]:
    """Those that answered, the quickest first."""
    good = [(name, result) for name, result in rows if isinstance(result, Measurement)]
    return sorted(good, key=lambda row: row[1].seconds)


def _failures(rows: Sequence[tuple[str, Measurement | ServiceError]]) -> list[str]:
    return [
        f"⚠️ {failed(name, result)}" for name, result in rows if isinstance(result, ServiceError)
    ]


def _figures(measured: Measurement) -> list[str]:
    """The cells of one model; what isn't known is a dash."""
    usage, first, speed = (
        measured.completion.usage,
        measured.first_token,
        measured.tokens_per_second,
    )
    about = "≈ " if usage and usage.approximate else ""
    return [
        _seconds(measured.seconds),
        "—" if first is None else _seconds(first),
        f"{about}{usage.prompt_tokens} → {usage.completion_tokens}" if usage else "—",
        "—" if speed is None else f"{speed:.0f}",
        "—" if measured.cost is None else _dollars(measured.cost),
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}\u00a0с".replace(".", ",")


def _dollars(cost: float) -> str:
    return f"${cost:.8f}".rstrip("0").rstrip(".")


def _speed(measured: Measurement) -> str:
    speed = measured.tokens_per_second
    return "" if speed is None else f" · {speed:.0f} ток/с"


# Words that people say to this bot; given to speech recognition as hints.
VOICE_HINTS = (
    "Объясни, переведи, посчитай, напиши код, составь план. Что такое, почему, зачем, сколько?"
)
