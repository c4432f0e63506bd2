"""Texts for users, in Russian."""

from __future__ import annotations

from aiogram.types import BotCommand

from bots.common.menu import SHARED, help_text

COMMANDS = (
    BotCommand(command="start", description="познакомиться"),
    BotCommand(command="me", description="что я о тебе помню"),
    BotCommand(command="memory", description="запоминать факты о тебе: on или off"),
    BotCommand(command="stats", description="чему я научился"),
    BotCommand(command="quiet", description="молчать в этой группе (для админов)"),
    BotCommand(command="talk", description="снова говорить в этой группе (для админов)"),
    BotCommand(command="web", description="найти в интернете, с источниками: /web вопрос"),
    *SHARED,
)

START = "Привет! Я Гриша, чат-бот с характером. А тебя как зовут?"
SMALL_MODEL = (
    "\n\nСейчас за меня думает маленькая модель, она для знакомства: болтает охотно, но факты "
    "путает. С GigaChat я умнее (как подключить — в README)."
)
START_KNOWN = "Снова привет, {name}! Я Гриша, и я тебя помню. О чём поболтаем?"
HELP = help_text(
    "Со мной можно болтать обо всём: просто пиши.\n\n"
    "Назовись, и я запомню твоё имя. Понравился ответ — нажми 👍 или поставь реакцию: "
    "я запомню и его. Не понравился — 👎.\n"
    "В группе я отвечаю, когда меня зовут по имени (@упоминание) или отвечают на моё сообщение.",
    COMMANDS,
)
WEB_EMPTY = "Что найти? Например: /web какая погода в Казани."
RESET = "Разговор забыл. Начнём с чистого листа."
FORGOTTEN = "Готово: больше ничего о тебе не помню. Приятно познакомиться ещё раз!"
NOBODY = "Пока я ничего о тебе не помню: мы ещё не разговаривали."
ME = (
    "Вот всё, что я о тебе храню:\n"
    "• имя: {name}\n• впервые виделись: {first}\n• последний раз: {last}\n"
    "• чатов, где мы встречались: {chats}\n• твоих сообщений: {messages}"
)
FORGET_ALL = "\n\nЗабыть всё это — /forget."
UNKNOWN_NAME = "не знаю"
STATS = (
    "Диалогов в памяти: {dialogues}\n"
    "Выученных ответов: {confirmed} (ещё на проверке: {candidates})\n"
    "Пригодились раз: {uses}\nЗнакомых: {people}"
)
MAX_USED = "\nЧаще всего пригождается ответ на «{question}»: {uses}"
WAITING = "\n\nЖдут одобрения (python -m cli.grisha_memory approve НОМЕР):\n{waiting}"
WAITING_ONE = "{id}. «{question}» → «{answer}»"
FACTS = (
    "\n\nЧто я здесь от тебя слышал{page}:\n{facts}\n\n"
    "Кнопка с номером удаляет строку, /forget — всё."
)
FACTS_PAGE = " (страница {page} из {pages})"
FACT = "{number}. {text} — {day}"
FACT_DELETED = "Удалено."
FACT_GONE = "Этого я уже не помню."
TOLD_ONE = "Помню: «{text}» ({day})."
TOLD = "Вот что я помню:\n{facts}"
TOLD_LINE = "• «{text}» ({day})"
NOT_TOLD = "Не знаю: об этом я от тебя не слышал."
NOTHING_TOLD = "Пока ничего: о тебе я ещё ничего не слышал. Расскажи!"
MEMORY_ON = "Запоминаю, что ты о себе рассказываешь. Посмотреть — /me, выключить — /memory off."
MEMORY_OFF = (
    "Больше ничего о тебе не запоминаю. Что уже знаю, видно в /me, удалить всё — /forget. "
    "Включить снова — /memory on."
)
QUIET = "Молчу. Вернуть меня к разговору — /talk."
TALK = "Я снова с вами!"
GROUPS_ONLY = "Эта команда для групп. Здесь мы вдвоём."

GREETING = "Привет, {name}! Рад познакомиться. Я Гриша."
GREETING_AGAIN = "Привет, {name}! Помню тебя."
RENAMED = "Понял, {name}! Запомнил: не {old}, а {name}."
YOUR_NAME = "Тебя зовут {name}. Такое я не забываю!"
NAME_UNKNOWN = "Пока не знаю: ты ещё не говорил(а). Как тебя зовут?"

LIKED = "Запомнил, спасибо!"
DISLIKED = "Понял, больше так не буду."
VOTE_STALE = "Этого ответа я уже не помню."

# Words that people say to this bot; given to speech recognition as hints.
VOICE_HINTS = "Привет, Гриша! Меня зовут Аня. Как дела? Расскажи, посоветуй, пошути, запомни."
