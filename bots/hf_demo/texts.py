"""What users read."""

from aiogram.types import BotCommand

COMMANDS = (
    BotCommand(command="start", description="что это"),
    BotCommand(command="model", description="выбрать модель"),
    BotCommand(command="reset", description="начать разговор заново"),
    BotCommand(command="stop", description="прервать ответ"),
)
START = "Здесь можно поговорить с моделями Hugging Face. Сейчас отвечает {model}. Другая: /model"
CHOOSE_MODEL = "Какая модель пусть отвечает? Сейчас: {model}."
MODEL_CHOSEN = "Теперь отвечает {model}."
ONE_MODEL = "Без Hugging Face модель одна: {model}. Выбирать можно с HF_TOKEN в .env."
RESET = "Разговор забыт. Спрашивай."
FOOTER = "⏱ {seconds:.1f} с"
FOOTER_TOKENS = " · токены: {prompt} → {completion}"
