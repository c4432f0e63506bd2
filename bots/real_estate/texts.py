"""What users read."""

from aiogram.types import BotCommand

COMMANDS = (
    BotCommand(command="start", description="с чего начать"),
    BotCommand(command="style", description="выбрать стиль общения"),
    BotCommand(command="reset", description="начать разговор заново"),
    BotCommand(command="stop", description="прервать ответ"),
)
START = (
    "Здравствуй! Я помогаю подобрать и оценить квартиру. Напиши, что ищешь: город, район или "
    "метро, сколько комнат, бюджет. Стиль общения меняется командой /style."
)
CHOOSE_STYLE = "Как мне с тобой говорить?"
STYLE_CHOSEN = "Готово, стиль: {style}."
RESET = "Начнём сначала. Что ищешь?"
