"""The commands that every bot has, and /help: alike in all of them."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.types import BotCommand

SHARED = (
    BotCommand(command="new", description="начать новый разговор"),
    BotCommand(command="talks", description="прежние разговоры"),
    BotCommand(command="reset", description="начать этот разговор заново"),
    BotCommand(command="stop", description="прервать ответ"),
    BotCommand(command="settings", description="стиль, модель, голос, память, вид ответов"),
    BotCommand(command="voice", description="отвечать и голосом: /voice on"),
    BotCommand(command="export", description="разговор файлом; /export all — всё обо мне"),
    BotCommand(command="forget", description="удалить всё, что хранится обо мне"),
    BotCommand(command="help", description="что я умею"),
)


FILES = (
    "Понимаю голосовые, картинки (если модель видит) и документы: PDF, DOCX, XLSX, CSV, HTML, TXT. "
    "По документу отвечаю и называю место."
)


def help_text(about: str, commands: Sequence[BotCommand]) -> str:
    """What a bot does, then its menu."""
    lines = (f"/{command.command} — {command.description}" for command in commands)
    return "\n".join([about, "", FILES, "", "Команды:", *lines])
