"""What users of Grisha read."""

from __future__ import annotations

from aiogram.types import BotCommand

COMMANDS = (
    BotCommand(command="start", description="Познакомиться"),
    BotCommand(command="me", description="Что я о тебе помню"),
    BotCommand(command="forget", description="Забыть всё о тебе"),
    BotCommand(command="reset", description="Забыть этот разговор"),
    BotCommand(command="stats", description="Чему я научился"),
    BotCommand(command="quiet", description="Молчать в этой группе (для админов)"),
    BotCommand(command="talk", description="Снова говорить в этой группе (для админов)"),
    BotCommand(command="stop", description="Остановить ответ"),
    BotCommand(command="help", description="Что я умею"),
)

START = "Привет! Я Гриша, чат-бот с характером. А тебя как зовут?"
START_KNOWN = "Снова привет, {name}! Я Гриша, и я тебя помню. О чём поболтаем?"
HELP = (
    "Со мной можно болтать обо всём: просто пиши.\n\n"
    "Назовись, и я запомню твоё имя. Понравился ответ — нажми 👍 или поставь реакцию: "
    "я запомню и его. Не понравился — 👎.\n"
    "В группе я отвечаю, когда меня зовут по имени (@упоминание) или отвечают на моё сообщение.\n\n"
    "/me — что я о тебе помню, /forget — забыть это, /reset — начать разговор заново, "
    "/stats — чему я научился, /quiet и /talk — молчать и говорить в группе, "
    "/stop — остановить ответ."
)
RESET = "Разговор забыл. Начнём с чистого листа."
FORGOTTEN = "Готово: больше ничего о тебе не помню. Приятно познакомиться ещё раз!"
NOBODY = "Пока я ничего о тебе не помню: мы ещё не разговаривали."
ME = (
    "Вот всё, что я о тебе храню:\n"
    "• имя: {name}\n• впервые виделись: {first}\n• последний раз: {last}\n"
    "• чатов, где мы встречались: {chats}\n• твоих сообщений: {messages}\n\n"
    "Забыть всё это — /forget."
)
UNKNOWN_NAME = "не знаю"
STATS = (
    "Диалогов в памяти: {dialogues}\n"
    "Выученных ответов: {confirmed} (ещё на проверке: {candidates})\n"
    "Пригодились раз: {uses}\nЗнакомых: {people}"
)
MAX_USED = "\nЧаще всего пригождается ответ на «{question}»: {uses}"
WAITING = "\n\nЖдут одобрения (python -m cli.grisha_memory approve НОМЕР):\n{waiting}"
WAITING_ONE = "{id}. «{question}» → «{answer}»"
RESET_BY_ADMINS = "Разговор группы забывают её админы: попроси кого-нибудь из них."
QUIET = "Молчу. Вернуть меня к разговору — /talk."
TALK = "Я снова с вами!"
ADMINS_ONLY = "Это решают админы группы."
GROUPS_ONLY = "Эта команда для групп. Здесь мы вдвоём."

GREETING = "Привет, {name}! Рад познакомиться. Я Гриша."
GREETING_AGAIN = "Привет, {name}! Помню тебя."
RENAMED = "Понял, {name}! Запомнил: не {old}, а {name}."
YOUR_NAME = "Тебя зовут {name}. Такое я не забываю!"
NAME_UNKNOWN = "Пока не знаю: ты ещё не говорил(а). Как тебя зовут?"

LIKED = "Запомнил, спасибо!"
DISLIKED = "Понял, больше так не буду."
VOTE_STALE = "Этого ответа я уже не помню."
