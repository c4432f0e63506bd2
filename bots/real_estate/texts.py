"""What users read of the bot itself; what is said of flats is in `wording`."""

from aiogram.types import BotCommand

from bots.common.menu import SHARED, help_text

COMMANDS = (
    BotCommand(command="start", description="с чего начать"),
    BotCommand(command="value", description="оценить квартиру"),
    BotCommand(command="style", description="выбрать стиль общения"),
    BotCommand(command="favourites", description="избранные квартиры"),
    BotCommand(command="searches", description="за чем я слежу"),
    BotCommand(command="compare", description="сравнить отобранные квартиры"),
    BotCommand(command="mortgage", description="платёж по ипотеке"),
    BotCommand(command="market", description="цены в районе и как они меняются"),
    BotCommand(command="checklists", description="что проверить перед покупкой"),
    BotCommand(command="stats", description="сколько объявлений и как точна оценка"),
    BotCommand(command="import", description="загрузить объявления (для админа)"),
    *SHARED,
)
START = (
    "Привет! Я ищу и оцениваю квартиры.\n\n"
    "• «двушка в Строгино до 16 млн, не первый этаж» — подберу варианты\n"
    "• «сколько стоит однушка 38 м у метро Сокол, 5/9» — оценю\n"
    "• «семейная ипотека, 12 млн, взнос 20 %, 30 лет» или /mortgage — посчитаю ипотеку\n"
    "• «двушка до 20 млн, до Тверской не больше 40 минут» — учту дорогу на метро\n"
    "• пришли выписку из ЕГРН в PDF — скажу, что в ней важно\n"
    "• /checklists — что проверить перед покупкой\n\n"
    "Условия можно добавлять и менять по ходу разговора; «начни сначала» их сбросит. "
    "Говорю в одном из четырёх стилей: /style. Удалить всё обо мне: /forget."
)
HELP = help_text(START, COMMANDS)
VALUE = (
    "Опиши квартиру: «/value двушка 54 м на Соколе, 5/9, просят 15 млн». "
    "Отвечу оценкой, диапазоном и картинкой, из чего она сложилась."
)
VALUE_REQUEST = "сколько стоит {flat}"
NO_PLACES = "У этих квартир нет ни координат, ни известного мне метро: карту не нарисую."
FOUND_MAP = "На карте {shown} из {total}; числа — номера из начала списка."
OLD_BUTTON = "Это кнопка старого запроса. Листай последний ответ или повтори запрос."
FORGET_ASK = (
    "Удалить всё, что я о тебе храню: запрос, избранное, поиски, галочки, "
    "стиль и счётчик вопросов? Вернуть будет нельзя."
)
FORGET_CANCELLED = "Ничего не удалил."
CHOOSE_STYLE = "Как мне с тобой говорить? Факты во всех стилях одни и те же."
STYLE_CHOSEN = "Готово, стиль: {style}."
RESET = "Начнём сначала. Что ищешь?"
FORGOTTEN = "Я удалил всё, что хранил о тебе: запрос, избранное, поиски, галочки и стиль."
NO_FAVOURITES = "В избранном пусто. Открой карточку квартиры и нажми ☆."
FAVOURITES = "Твоё избранное:\n{lines}"
STARRED = "В избранном"
UNSTARRED = "Убрал из избранного"
EXPORT_NAME = "favourites.csv"
SEARCH_SAVED = "Слежу. Напишу, когда появятся новые квартиры или подешевеют эти. Список: /searches"
TOO_MANY_SEARCHES = "Больше десяти поисков я не храню. Убери лишний: /searches"
NOTHING_TO_SAVE = "Сначала скажи, что искать."
NO_SEARCHES = "Я пока ни за чем не слежу. Найди что-нибудь и нажми 🔔."
SEARCHES = "Слежу за этим. Нажми, чтобы перестать:"
SEARCH_DROPPED = "Больше не слежу"
ALERTS = {
    "new": "🔔 Новое по твоему поиску ({count}): {search}\n\n{lines}",
    "cheaper": "📉 Подешевело по твоему поиску ({count}): {search}\n\n{lines}",
}
COMPARE_ADDED = "В сравнении: {count}. Показать: /compare"
COMPARE_FEW = "Отметь от двух до четырёх квартир кнопкой ⚖ в карточке."
GONE = "Этого объявления больше нет."
MORTGAGE = (
    "Напиши цену, взнос, срок и ставку, например: «8 млн, взнос 2 млн, 20 лет под 18 %», "
    "или программу и город: «семейная ипотека в Казани, 7 млн, взнос 20 %, 30 лет». "
    "Или сколько готов платить: «хватит ли 70 тысяч в месяц». "
    "Ставку обычной ипотеки узнай в банке: я её не выдумываю. Откуда условия: /mortgage источники"
)
MARKET = "Назови город, район или метро: «/market Сокол»."
MARKET_CHART = "С графиком: /market и название места."
HOW_TO_WATCH = (
    "Нажми «🔔 Следить» под этим сообщением: напишу, когда появятся новые квартиры или эти "
    "подешевеют. За чем уже слежу: /searches"
)
NO_MORE = "Это все, что нашлось: {total}. Убери одно из условий — найду больше."
NO_SUCH_PLACE = "В списке столько нет: нашлось {total}."
STARRED_BY_WORD = "Квартира {place} в избранном. Всё избранное: /favourites"
MARKET_FEW = "Объявлений там слишком мало ({place}): медиана ничего не скажет. Назови место пошире."
CHECKLISTS = "Что проверяем? Галочки я запомню."
CHECKLIST = "{title}: {done} из {total}"
STATS = (
    "Объявлений: {listings}.\n{valuation}\nТекстов модели отклонено проверкой чисел: {rejected}."
)
STATS_MODEL = (
    "Оценка обучена на {rows} объявлениях{demo}. На отложенных: половина ошибок меньше {mdape} %, "
    "в пределах 20 % — {within20} %, в диапазон 80 % попадает {coverage80} %. "
    "Худших моделей отклонено: {worse}."
)
STATS_DEMO = " (ДЕМО, вымышлены: эта точность ничего не значит)"
STATS_TRAINING = "Оценка обучается."
STATS_NO_MODEL = "Оценки нет: для обучения нужно от 300 объявлений."
NOT_ADMIN = (
    "Загружать объявления может только админ: его id стоит в REALTY_ADMIN_IDS. Твой id: {id}."
)
IMPORT_HELP = (
    "Пришли файл CSV, TSV или XLSX до 20 МБ. Колонки узнаю сам, по-русски и по-английски: "
    "обязательны цена и площадь. Телефоны и имена не сохраню."
)
IMPORT_READING = "Читаю файл…"
IMPORT_PREVIEW = (
    "Строк с квартирами: {good}, с ошибками: {bad}.\nКолонки: {columns}.{personal}{unknown}{errors}"
    "\n\nПервые:\n{first}\n\nЗагрузить?"
)
IMPORT_PERSONAL = "\nЛичные данные, не сохраню: {names}."
IMPORT_UNKNOWN = "\nНе узнал колонки: {names}."
IMPORT_ERRORS = "\nОшибки:\n{lines}"
IMPORT_ERROR = "строка {row}: {message}"
IMPORT_DONE = "Готово: новых {added}, обновлено {changed}, без изменений {same}. {training}"
IMPORT_TRAINING = "Переучиваю оценку, это около минуты."
IMPORT_CANCELLED = "Не загружаю."
IMPORT_STALE = "Этого файла у меня уже нет: пришли его снова."
IMPORT_NOTHING = "Подходящих строк нет."

# Words that people say to this bot; given to speech recognition as hints.
VOICE_HINTS = (
    "Подбери двушку, однушку, студию у метро Сокол до восьми миллионов, не первый этаж, с "
    "ремонтом, с балконом. Ипотека, взнос, новостройка, вторичка."
)
NOT_IN_DOCUMENT = (
    "Не смог ответить по документу так, чтобы ручаться за числа. Спроси иначе или короче: "
    "«что сказано о сроках?»."
)
