"""What users read."""

from aiogram.types import BotCommand

COMMANDS = (
    BotCommand(command="start", description="как это работает"),
    BotCommand(command="temperature", description="свои температуры: /temperature 0 0.7 1.2"),
    BotCommand(command="stop", description="прервать ответ"),
)
START = (
    "Пришли начало или тему, например «начало рассказа про маяк». Я отвечу несколько раз, "
    "при разной температуре: от 0 (всегда одно и то же) до 2 (почти бред). "
    "Свои температуры: /temperature 0 0.7 1.2"
)
TEMPERATURES = "Температуры: {values}."
BAD_TEMPERATURES = (
    "Нужно от одного до трёх чисел от 0 до 2, например: /temperature 0 0.7 1.2. Сейчас: {values}."
)
HEADING = "🌡 Температура {value:g}"
