"""What users read."""

from aiogram.types import BotCommand

COMMANDS = (
    BotCommand(command="start", description="познакомиться"),
    BotCommand(command="reset", description="начать разговор заново"),
    BotCommand(command="stop", description="прервать ответ"),
    BotCommand(command="help", description="что я умею"),
)
START = "Привет! Я Гриша, чат-бот с характером. Болтаю обо всём. А тебя как зовут?"
HELP = (
    "Просто пиши: я помню последние двадцать сообщений.\n"
    "В группе позови меня по имени через @ или ответь на моё сообщение.\n"
    "/reset — забыть разговор, /stop — прервать ответ."
)
RESET = "Забыл всё, о чём мы говорили. С чего начнём?"
