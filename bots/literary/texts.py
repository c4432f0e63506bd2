"""Texts for users, in Russian."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.types import BotCommand

from bots.common.menu import SHARED, help_text
from bots.common.rich import Block, blocks_of, table
from bots.common.russian import plural
from bots.literary.figures import Figures, mean_similarity, measure, similarity
from bots.literary.prompts import FORMS, GENRES
from bots.literary.temperatures import listed, spoken
from bots.literary.workshop import Settings, Version

MIN_WORDS = 20  # in every version, for a comparison in figures

COMMANDS = (
    BotCommand(command="start", description="как это работает"),
    BotCommand(command="temperature", description="свои температуры: /temperature 0 0.7 1.2"),
    BotCommand(command="form", description="форма и жанр: /form хокку"),
    BotCommand(command="again", description="ещё раз при той же температуре"),
    BotCommand(command="chart", description="график разнообразия от температуры"),
    BotCommand(command="draw", description="иллюстрация к версии: /draw или /draw 0,7"),
    *SHARED,
)
START = (
    "Пришли начало или тему, например «начало рассказа про маяк». Я отвечу несколько раз, "
    "при разной температуре: от 0 (всегда одно и то же) до 2 (почти бред), "
    "и покажу в цифрах, что изменилось. Подробнее: /help"
)
HELP = help_text(
    "• Текст без команды — тема; отвечу при трёх температурах рядом.\n"
    "• «ещё раз» или «ещё раз 0,7» — та же температура снова: виден разброс ответов.\n"
    "• «продолжи эту версию» ответом на версию, или кнопкой ▶.\n"
    "• /draw — иллюстрация к последней версии, «/draw 0,7» или ответом — к выбранной.",
    COMMANDS,
)
TEMPERATURES = "Температуры: {values}."
BAD_TEMPERATURES = (
    "Нужно от одного до трёх чисел от 0 до 2, например: /temperature 0 0.7 1.2. Сейчас: {values}."
)
HEADING = "🌡 Температура {value}"
CONTINUED = "▶ Продолжение, температура {value}"
FORM = "Форма и жанр для следующих тем:"
FORM_SETTING, GENRE_SETTING = "Форма", "Жанр"
FORM_CHOSEN = "Форма: {form}, жанр: {genre}"
BAD_FORM = "Такого нет. Формы: {forms}. Жанры: {genres}. Например: /form стихи, сказка"
BAD_TEMPERATURE = "Температура бывает от 0 до 2, например: «ещё раз 0,7»."
NO_VERSION = "Такой версии нет. Есть: {values}. Например: «продолжи версию {example}»."
ONE_TEMPERATURE = (
    "Для графика нужны хотя бы две разные температуры, например: /temperature 0 0.7 1.2"
)
TOO_SHORT = "Есть версии короче {words} слов: сравнивать их в цифрах рано."
NO_WORK = "Сначала пришли тему, а потом повторим или продолжим."
RESET = "Забыл последнюю работу. Пришли новую тему."
DRAWING = "Пишу по {count} ответа на каждую из температур: {values}. Потом нарисую график…"
CHART = "Чем выше линия различия, тем меньше похожи ответы при одной и той же температуре."
FIGURES = ("Температура", "Слов", "Разных", "Повторов")
ILLUSTRATION = "🎨 Иллюстрация к версии {value}"
AGAIN_BUTTON = "↻ ещё раз {value}"
CONTINUE_BUTTON = "▶ версия {value}"


def form_chosen(settings: Settings) -> str:
    return FORM_CHOSEN.format(form=settings.form, genre=settings.genre)


def bad_form() -> str:
    """The words that /form takes."""
    return BAD_FORM.format(forms=", ".join(FORMS), genres=", ".join(GENRES))


def no_version(versions: Sequence[Version]) -> str:
    """There is no such version; these there are."""
    values = tuple(dict.fromkeys(version.temperature for version in versions))
    return NO_VERSION.format(values=listed(values), example=spoken(values[-1]))


def compared(versions: Sequence[Version]) -> str:
    """What temperature changed, in figures and in a sentence."""
    lines = ["📊 **Что изменилось**"]
    for version in versions:
        figures = measure(version.text)
        lines.append(f"• {spoken(version.temperature)}: {_measured(figures)}")
    if any(measure(version.text).words < MIN_WORDS for version in versions):
        lines.append(TOO_SHORT.format(words=MIN_WORDS))
    elif len(versions) > 1:
        first, last = versions[0], versions[-1]
        close = mean_similarity([version.text for version in versions])
        lines += [
            f"Общих слов между версиями: {_percent(close)}.",
            _conclusion(first, last),
        ]
    return "\n".join(lines)


def compared_table(versions: Sequence[Version]) -> list[Block]:
    """The same as `compared`, its figures in a table."""
    title, *_ = compared(versions).split("\n")
    said = compared(versions).split("\n")[1 + len(versions) :]
    rows: list[Sequence[str]] = [FIGURES]
    for version in versions:
        figures = measure(version.text)
        shares = [_percent(figures.distinct), _percent(figures.repeated)]
        short = figures.words < MIN_WORDS
        rows.append(
            (spoken(version.temperature), str(figures.words), *(["—", "—"] if short else shares))
        )
    return [*blocks_of(title), table(rows, ("right",)), *blocks_of("\n".join(said))]


def _measured(figures: Figures) -> str:
    """A text's figures; shares of a few words mean nothing, so only their number."""
    words = plural(figures.words, "слово", "слова", "слов")
    if figures.words < MIN_WORDS:
        return words
    return f"{words}, разных {_percent(figures.distinct)}, повторов {_percent(figures.repeated)}"


def spread(versions: Sequence[Version]) -> str:
    """How far apart the samples of one temperature are."""
    newest, before = versions[-1], versions[:-1]
    head = f"📊 Температура {spoken(newest.temperature)}, ответов: {len(versions)}."
    if any(newest.text == version.text for version in before):
        return f"{head} Последний слово в слово как прежний."
    close = mean_similarity([version.text for version in versions])
    return f"{head} Общих слов между ними: {_percent(close)}; чем меньше, тем больше разброс."


def _conclusion(first: Version, last: Version) -> str:
    """The step from the coldest to the hottest version in words."""
    change = measure(last.text).distinct - measure(first.text).distinct
    vocabulary = "так же богат"
    if abs(change) >= 0.03:
        vocabulary = "стал богаче" if change > 0 else "стал беднее"
    return (
        f"От {spoken(first.temperature)} до {spoken(last.temperature)} словарь {vocabulary}; "
        f"общих слов у крайних версий {_percent(similarity(first.text, last.text))}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


# Words that people say to this bot; given to speech recognition as hints.
VOICE_HINTS = (
    "Сочини рассказ, сказку, стихи, хокку. Повтори при температуре ноль и семь. Продолжи "
    "вторую версию. Сделай короче, перепиши."
)
