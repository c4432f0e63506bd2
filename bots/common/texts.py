"""Texts for users of every bot, in Russian."""

from __future__ import annotations

from collections.abc import Sequence

from bots.common.russian import plural
from services.media.documents import Document

STOPPED = "⏹ Остановлено."
NOTHING_TO_STOP = "Сейчас я ничего не пишу: останавливать нечего."
NOT_YOURS_TO_STOP = "Тебе я сейчас ничего не пишу. Чужой ответ останавливают админы группы."
RESTARTING = "🔄 Меня перезапускают. Вернусь и отвечу на это сообщение."
WAKING_UP = "Просыпаюсь…"
WAKING_UP_PROGRESS = "Просыпаюсь… {percent} %"
BROKEN_OFF = "⚠️ Ответ оборвался. {reason}"
EMPTY_ANSWER = "Модель промолчала. Спроси иначе."
NOT_ALLOWED = (
    "Это закрытый бот. Если тебя должны пускать, передай владельцу свой id: {user_id}. "
    "Он впишет его в ALLOWED_USER_IDS."
)
TOO_FAST = "Ты пишешь быстрее, чем я успеваю отвечать. Продолжим через {wait}."
PASTE_TOO_LONG = (
    "Этот текст длиннее 128 КБ (примерно 65 000 русских букв). Я отвечу на его начало, "
    "остальное пришли потом отдельно."
)
INTERNAL_ERROR = (
    "У меня внутри что-то сломалось. Я записал это в журнал, а ты попробуй ещё раз. "
    "Если не поможет, начни заново: /reset."
)
FORGOTTEN = "Забыл всё, что знал о тебе: разговоры, настройки, кто сколько спрашивал."
NOT_YOUR_BUTTON = "Эта кнопка для того, кто спрашивал. Напиши мне сам, и будет своя."
ADMINS_ONLY = "Это решают админы группы."
RESET_BY_ADMINS = "Разговор группы забывают её админы: попроси кого-нибудь из них."
TEXT_ONLY = "Такого я не понимаю. Напиши словами или пришли картинку либо документ."
STALE_BUTTON = "Это кнопка старого запроса. Попроси меня снова, и появится новая."
NO_SUCH_COMMAND = "Нет такой команды: /{name}.{nearest} Что я умею: /help"
FORWARDED_COMMAND = "Пересланную команду я не выполняю. Если она нужна тебе, напиши сам: /{name}"
NEAREST_COMMAND = " Может быть, /{name}?"
MISHEARD = "Если я ослышался, напиши правильно в ответ на это сообщение."
DEAF = "Распознавание речи сейчас не работает. Напиши, пожалуйста, текстом."
NOT_UNDERSTOOD = {
    "large": "Запись больше 20 МБ, такие Telegram мне не отдаёт. Пришли покороче или текстом.",
    "long": "Запись длиннее 10 минут, столько я не расслышу. Пришли её по частям или текстом.",
    "silence": "В записи тишина. Проверь микрофон и скажи ещё раз.",
    "noise": "Слов в записи не разобрать, только шум. Скажи ещё раз, ближе к микрофону.",
    "broken": "Эту запись не получилось открыть: файл повреждён. Запиши ещё раз или напиши.",
}
VOICE_ON = "🔊 Отвечаю и голосом. Выключить: /voice off"
VOICE_OFF = "Отвечаю только текстом. Включить голос: /voice on"
NO_VOICE = (
    "Говорить мне нечем: синтезатор речи не подключён. Владельцу бота: укажи TTS_BASE_URL в .env, "
    "адрес сервера с /audio/speech."
)
VOICE_FAILED = "Голосом сейчас не вышло: синтезатор не ответил. Текст выше полный."
WHAT_IS_THIS = "Что здесь изображено?"
FILE_TOO_LARGE = "Файл больше 20 МБ, такие Telegram мне не отдаёт. Раздели его на части."
ONE_DOCUMENT_TOO_MANY = (
    "«{name}» уже не помещается: в разговоре я держу не больше пяти документов. Пришли его "
    "отдельно, и он вытеснит самый старый."
)
FILE_GONE = "Telegram не отдал этот файл. Пришли его ещё раз."
DOCUMENT_READ = "📄 Прочитал «{name}»: {size}{remarks}."
ASK_ABOUT_IT = "Спрашивай: отвечу по нему и назову место. Убрать его из разговора: /reset."
BLANK_PAGES = "; на страницах {pages} текста нет, похоже на скан"
USAGE = "Сегодня: {today}\nЗа неделю: {week}\n\n{users}\n\nДни — по UTC."
USAGE_TOTAL = "{users} чел., {requests} запр., {tokens} ток."
USAGE_USER = "{user_id}: {requests} запр., {tokens} ток."
USAGE_NOBODY = "За неделю никто не спрашивал."
NEW_TALK = "Новый разговор: прежний я отложил и в этом о нём не помню. Вернуться к нему: /talks"
NEW_TOPIC = "Новый разговор"
TOPIC_BEGUN = "Это новый разговор, о других темах я здесь не помню. Спрашивай."
TALKS = "Твои разговоры. Нажми, чтобы продолжить; новый: /new"
NO_TALKS = "Разговоров пока нет: задай первый вопрос. Новый разговор — /new"
TALKS_ARE_TOPICS = "Разговоры — это темы этого чата: выбери нужную в списке тем. Новая: /new"
TALK_OPENED = "Продолжаем: «{title}»."
TALKS_IN_PRIVATE = "Разговоры бывают только в личном чате со мной. Здесь начать заново: /reset"
EXPORT_TITLE = "# Разговор"
EXPORT_USER, EXPORT_BOT = "Ты", "Бот"
EXPORTED_TALK = "Этот разговор. Другой вид: /export json. Всё, что я о тебе храню: /export all"
EXPORTED_ALL = "Всё, что я о тебе храню. Удалить это: /forget"
EXPORT_IN_PRIVATE = "Файл с разговором пришлю только в личном чате: напиши мне туда /export"
NOTHING_TO_EXPORT = (
    "В этом разговоре я ещё ничего не сохранил. Всё, что я о тебе храню: /export all"
)
SETTINGS = "Настройки. Нажми на кнопку, и значение сменится на следующее."
ON, OFF = "да", "нет"
RICH_SETTING = "Таблицы и формулы"
VOICE_SETTING = "Отвечать и голосом"
MEMORY_SETTING = "Запоминать факты обо мне"
STYLE_SETTING = "Стиль"
MODEL_SETTING = "Модель"


def documents_read(documents: Sequence[Document]) -> str:
    """What was read and what wasn't, and what to do next."""
    lines = [
        DOCUMENT_READ.format(name=it.name[:100], size=_size(it), remarks=remarks(it))
        for it in documents
    ]
    return "\n".join((*lines, ASK_ABOUT_IT))


def remarks(document: Document) -> str:
    """What of a document wasn't read; "" when all of it was."""
    omitted = f"; {document.omitted}" if document.omitted else ""
    if not document.blank:
        return omitted
    shown = ", ".join(map(str, document.blank[:10]))
    pages = f"{shown} и других" if len(document.blank) > 10 else shown
    return BLANK_PAGES.format(pages=pages) + omitted


def _size(document: Document) -> str:
    counted = plural(document.characters, "знак", "знака", "знаков")
    digits = str(document.characters)
    counted = counted.replace(digits, f"{document.characters:,}".replace(",", "\u00a0"), 1)
    parts = len(document.pages) + len(document.blank)
    if document.pages[0].number is not None:
        return f"{plural(parts, 'страница', 'страницы', 'страниц')}, {counted}"
    if document.kind == "xlsx":
        return f"{plural(parts, 'лист', 'листа', 'листов')}, {counted}"
    return counted
