"""What the user of the console chat reads."""

WELCOME = "Модель: {model}. Память: {path}. Команды: /help, выход: /exit."
SESSIONS = "Последние сессии:"
SESSION = "{number:>3}  {updated}  {title}"
NEW_SESSION = "  0  новая сессия"
CHOOSE = "Какую продолжить? "
NO_SUCH_NUMBER = "Такого номера нет: выбери от 0 до {last}."
NO_SESSIONS = "В памяти пока нет сессий."
CONTINUED = "Продолжаю: {title}. Сообщений: {count}, символов в резюме: {summary}."
STARTED = "Новая сессия."
GONE = "Этой сессии в файле больше нет."
EMPTY_TITLE = "(без вопросов)"

PROMPT = "› "
CONTINUATION = "… "
THINKING = "…"
LOADING = "Модель загружается"
STOPPED = "Ответ прерван."
STOPPED_AT_TERMINAL = "Ответ прерван. Ещё раз Ctrl-C — выйти."
PRESS_AGAIN = "Ещё раз Ctrl-C — выйти."
GOODBYE = "Сохранено в {path}. До встречи!"
GOODBYE_EMPTY = "До встречи!"

TOKENS = "вопрос {asked} · ответ {answered} · за сессию {total}"
PRICE = " · {last:.4f} ₽, за сессию {total:.4f} ₽"
NO_USAGE = "Ответов в этом запуске ещё не было."
STATS_LAST = "Токены последнего запроса: {asked}, ответа: {answered}."
STATS_TOTAL = "Токены за сессию: запросы {asked}, ответы {answered}, всего {total}."
STATS_PRICE = "Цена: последний ответ {last:.4f} ₽, сессия {total:.4f} ₽."
STATS_NO_PRICE = "Цены не заданы: CHAT_PRICE_INPUT и CHAT_PRICE_OUTPUT в .env."

ATTACHED = "Приложено: {name}. Спрашивай."
ATTACH_WHAT = "Какой файл приложить? /attach FILE"

SUMMARIZED = "История сжата: прежних сообщений: {count}, теперь вместо них резюме."
NOT_SUMMARIZED = "Сжать историю не вышло, продолжаю с полной. {reason}"
CLEARED = "История и резюме очищены."
FORGOTTEN = "Сессия удалена из файла, начата новая."
SAVED = "Сохранено в {path}."
HISTORY_SUMMARY = "Резюме: {summary}"
HISTORY_EMPTY = "Пока пусто."
HISTORY_ENTRY = "{who}: {content}"
SPEAKERS = {"user": "Ты", "assistant": "Модель"}
MEMORY = (
    "Файл: {path}\nsession_id: {session_id}\nupdated_at: {updated_at}\n"
    "Символов в резюме: {summary}\nuser_turns: {turns}"
)
WHICH_SESSION = "Какую? /open НОМЕР, /open НАЗВАНИЕ или /open СЛОВА из неё."
NO_SUCH_SESSION = "Нет сессии, где есть «{words}». Все сессии покажет /open."
FORKED = "Начата ветвь: прежняя сессия осталась как была."
NOTHING_TO_FORK = "Ветвить нечего: в сессии ещё нет вопросов."
EXPORTED = "Сессия записана в {path}."
NOTHING_TO_EXPORT = "Записывать нечего: в сессии ещё нет вопросов."
IMPORTED = "Открыта сессия: {title}. Сообщений: {count}."
LOG_OFFER = (
    "Вести журнал: вопросы, ответы, токены и цену — на этом компьютере, только для тебя?\n"
    "Файл: {path}. Смотреть: hf log, передумать: /log off. Ответь да или нет.\n" + PROMPT
)
LOG_ON = "Журнал ведётся: {path}. Смотреть: hf log. Не вести: /log off."
LOG_OFF = "Журнал не ведётся. Вести: /log on."
LOG_FIXED = "Так решила переменная LLM_LOG: поменяй её в .env."
LOG_USAGE = "Какой журнал? /log — узнать, /log on — вести, /log off — не вести."
UNKNOWN_COMMAND = "Такой команды нет: {command}. Список команд: /help."
HELP_KEYS = (
    "Enter — отправить, Alt+Enter — новая строка, Ctrl-C — прервать ответ, дважды — выйти, "
    "Ctrl-D — выйти."
)

BROKEN = "Файл памяти повреждён. Он отложен как {aside}."
OFFER_BACKUP = "Восстановить предыдущую копию {backup}? [Y/n] "
RESTORED = "Память восстановлена из {backup}."
NOT_RESTORED = "Копия {backup} не подошла: начинаю с пустой памяти."
NO_BACKUP = "Начинаю с пустой памяти."
TOO_NEW = (
    "Файл памяти {path} записан более новой версией программы (schema_version {version}). "
    "Обнови программу или укажи другой файл: --memory-file."
)
NOT_SAVED = "Память не сохранена: {reason}."
UNREADABLE = "Файл памяти не прочитать: {reason}"
WEB_USAGE = "Что искать? Например: /web какая погода в Казани."
