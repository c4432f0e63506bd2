"""Error messages for users, in Russian: what happened and what to do."""

from __future__ import annotations

from math import ceil

from services import errors

_TEXTS: tuple[tuple[type[errors.ServiceError], str], ...] = (
    (
        errors.ConfigError,
        "Модель не настроена. Владельцу бота: подробности в журнале и в .env.example.",
    ),
    (
        errors.AccessDenied,
        "Ключ не даёт доступа к этой модели. Выбери другую модель или запроси доступ.",
    ),
    (
        errors.AuthError,
        "Сервис модели не принял ключ. Владельцу бота: проверь ключ в .env и перезапусти.",
    ),
    (
        errors.QuotaExceeded,
        "Оплаченные запросы к модели закончились. Пополни баланс или выбери другую модель.",
    ),
    (
        errors.Busy,
        "Сейчас я занят: в очереди уже много вопросов.",
    ),
    (
        errors.BudgetSpent,
        "На сегодня хватит: твой дневной запас вопросов ко мне закончился.",
    ),
    (
        errors.RateLimited,
        "Сервис модели просит не спешить.",
    ),
    (
        errors.Timeout,
        "Модель не ответила вовремя. Повтори вопрос или задай его короче.",
    ),
    (
        errors.ModelLoading,
        "Я ещё загружаюсь",
    ),
    (
        errors.Unavailable,
        "Сервис модели сейчас недоступен.",
    ),
    (
        errors.ModelNotFound,
        "Такой модели у сервиса нет. Выбери другую модель.",
    ),
    (
        errors.BadRequest,
        "Сервис модели не принял запрос: ошибка в программе или её настройках. "
        "Владельцу бота: подробности в журнале.",
    ),
    (
        errors.ContentRejected,
        "Фильтр модели не пропустил этот разговор. Скажи иначе или начни заново: {restart}.",
    ),
    (
        errors.ContextTooLong,
        "Разговор не помещается в память модели. Сократи сообщение или начни заново: {restart}.",
    ),
)
_FALLBACK = "Модель ответила непонятно. Повтори вопрос, а если не поможет, начни заново: {restart}."

_CANNOT_SEE = (
    "Модель {model} не видит картинок. Напиши словами, что на ней, или пусть владелец выберет "
    "зрячую модель: {suggestion}."
)
_MODEL_NOT_FOUND = (
    "Модель {model} этому ключу недоступна: у сервиса её нет, или она не входит в тариф. "
    "{note}Выбери другую модель{available}."
)
_MODEL_NOT_PAID = (
    "Модель {model} сейчас не оплачена: токены закончились, или она не входит в тариф. "
    "{note}Пополни баланс или выбери другую модель{available}."
)
# What is known of plans, by the beginning of a model's name.
_PLAN_NOTES = {
    "GigaChat-3-Ultra": "GigaChat-3-Ultra даётся только частным лицам на бесплатном тарифе "
    "(так было на 17 июля 2026). ",
}
_TOOLS = {
    "web_search": "Искать в интернете",
    "url_content_extraction": "Читать страницы",
    "image_generate": "Рисовать",
    "code_interpreter": "Запускать программы",
}
_TOOL_MISSING = (
    "{what} я могу только с GigaChat по второй версии API, а отвечает сейчас {model}. "
    "Что нужно: ключ GigaChat, GIGA_MODEL_NAME=GigaChat-3-Ultra (или GIGA_API_VERSION=v2, если "
    "тариф не даёт этой модели)."
)
MAX_MODELS = 10  # names in an error's text


def wait_text(seconds: float) -> str:
    """Format a wait: «40 с», «3 мин», «2 ч»."""
    if seconds < 90:
        return f"{max(1, ceil(seconds))} с"
    if seconds < 90 * 60:
        return f"{ceil(seconds / 60)} мин"
    return f"{ceil(seconds / 3600)} ч"


def describe_error(error: errors.ServiceError, restart: str = "/reset") -> str:
    """The message for a user; it never contains the error's own text.

    `restart` is the command that starts a new conversation.
    """
    if isinstance(error, errors.CannotSee):
        return _CANNOT_SEE.format(model=error.model, suggestion=error.suggestion)
    text = next((text for kind, text in _TEXTS if isinstance(error, kind)), _FALLBACK)
    text = text.format(restart=restart)
    if isinstance(error, errors.ToolMissing):
        return _TOOL_MISSING.format(what=_TOOLS[error.tool], model=error.model)
    if isinstance(error, errors.ModelRefused) and error.model:
        return _describe_refused(error)
    if isinstance(error, errors.AccessDenied) and error.url:
        return f"{text} Страница: {error.url}"
    if isinstance(error, errors.ModelLoading):
        done = f" ({round(error.progress * 100)} %)" if error.progress is not None else ""
        return f"{text}{done}. Повтори через минуту."
    if isinstance(error, (errors.RateLimited, errors.Unavailable)):
        wait = wait_text(error.retry_after) if error.retry_after else "минуту"
        return f"{text} Повтори через {wait}."
    return text


def _describe_refused(error: errors.ModelRefused) -> str:
    unpaid = isinstance(error, errors.QuotaExceeded)
    notes = (note for name, note in _PLAN_NOTES.items() if error.model.startswith(name))
    others = ", ".join(error.available[:MAX_MODELS])
    return (_MODEL_NOT_PAID if unpaid else _MODEL_NOT_FOUND).format(
        model=error.model, note=next(notes, ""), available=f", например: {others}" if others else ""
    )
