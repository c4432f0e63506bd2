"""Twenty documents, each longer than a context, and what one question about each must find.

A document tells of its own matter among sections of all the others and of general clauses, so
that a word of the question alone stands in many places.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.fakes.documents import make_docx, make_pdf, make_xlsx


class Case(NamedTuple):
    form: str
    fact: str  # the passage that has to be found
    question: str
    word: str  # what of the fact is its own


CASES = (
    Case("pdf", "Арендная плата за помещение составляет 43 700 рублей и вносится до пятого числа.",
         "Сколько платить за аренду каждый месяц?", "43 700"),
    Case("docx", "Гарантия на холодильник действует 27 месяцев со дня продажи при наличии чека.",
         "Какой гарантийный срок у холодильника?", "27 месяцев"),
    Case("txt", "Библиотека закрыта каждый последний вторник месяца: санитарный день.",
         "Когда в библиотеке санитарный день?", "последний вторник"),
    Case("html", "За просрочку поставки поставщик выплачивает пеню 0,3 процента за день.",
         "Какая неустойка за опоздание с поставкой?", "0,3 процента"),
    Case("xlsx", "Насос Кама-10 | 18 450 руб. | склад Уфа",
         "Почём насос Кама-10?", "18 450"),
    Case("csv", "Казань | Оператор склада | 61 000 | сменный график",
         "Какая зарплата у оператора склада в Казани?", "61 000"),
    Case("md", "Чтобы сбросить пароль маршрутизатора, держите кнопку WPS четырнадцать секунд.",
         "Как вернуть роутер к заводскому паролю?", "четырнадцать секунд"),
    Case("pdf", "Кадастровый номер объекта 16:50:011215:348, площадь 54,3 квадратного метра.",
         "Какой у квартиры кадастровый номер?", "16:50:011215:348"),
    Case("docx", "Отпуск предоставляется продолжительностью 31 календарный день.",
         "Сколько дней отпуска положено?", "31 календарный"),
    Case("txt", "Капустный пирог выпекают при 190 градусах сорок минут, потом накрывают.",
         "При какой температуре печь пирог с капустой?", "190 градусах"),
    Case("html", "Студент допускается к экзамену, если сдал не менее семи лабораторных работ.",
         "Что нужно, чтобы попасть на экзамен?", "семи лабораторных"),
    Case("xlsx", "Рейс 714 | Пермь | вылет 06:55 | выход 9",
         "Во сколько вылетает рейс 714?", "06:55"),
    Case("csv", "Берёзовая, 12 | замена лифта | 2027 год | 8,2 млн",
         "Когда поменяют лифт на Берёзовой, 12?", "2027"),
    Case("md", "Собаке весом до десяти килограммов дают четверть таблетки раз в три месяца.",
         "Сколько таблетки давать маленькой собаке?", "четверть таблетки"),
    Case("pdf", "Залог возвращается в течение девяти рабочих дней после сдачи ключей.",
         "Через сколько вернут обеспечительный платёж?", "девяти рабочих"),
    Case("docx", "Заявления принимает кабинет 218, приём ведёт Лаптева Зоя Игоревна.",
         "Кто принимает заявления и в каком кабинете?", "218"),
    Case("txt", "Тихий час длится с 13 до 15 часов, в выходные перфоратором не работают.",
         "Можно ли сверлить в воскресенье?", "перфоратором"),
    Case("html", "Возврат билета без потерь возможен не позже чем за восемь суток до отправления.",
         "За сколько дней нужно сдать билет, чтобы вернули все деньги?", "восемь суток"),
    Case("pdf", "Давление в контуре отопления держат в пределах 1,6 бара, подпитка вручную.",
         "Какое давление должно быть в системе отопления?", "1,6 бара"),
    Case("docx", "Победителем конкурса стала работа «Зимний мост», автор получил грант.",
         "Какая работа победила в конкурсе?", "Зимний мост"),
)  # fmt: skip

_WHO = ("Исполнитель", "Заказчик", "Ответственный сотрудник", "Сторона", "Администрация", "Житель")
_DOES = (
    "уведомляет об изменениях в письменном виде", "хранит копии документов",
    "согласует график работ", "несёт расходы по доставке", "передаёт сведения в архив",
    "проверяет исправность оборудования", "отвечает за сохранность имущества",
    "представляет отчёт о выполнении", "обеспечивает доступ в помещение",
)  # fmt: skip
_WHEN = (
    "в течение {n} дней", "не позднее {n} числа", "по форме № {n}", "согласно разделу {n}",
    "при участии {n} человек", "на сумму до {n}00 рублей", "начиная с {n} часов",
)  # fmt: skip


def make_document(number: int, length: int = 25_000) -> bytes:
    """The file of a case: its fact stands somewhere among clauses of the same sort."""
    rng = random.Random(number)
    case = CASES[number]
    table = case.form in ("xlsx", "csv")
    lines = []
    size = 0
    while size < length:
        lines.append(_row(rng) if table else _clause(rng, len(lines)))
        size += len(lines[-1])
    lines.insert(rng.randrange(len(lines) // 5, len(lines)), case.fact)
    return _FORMS[case.form](lines)


def _clause(rng: random.Random, number: int) -> str:
    sentences = [
        f"{rng.choice(_WHO)} {rng.choice(_DOES)} {rng.choice(_WHEN).format(n=rng.randint(2, 99))}."
        for _ in range(rng.randint(1, 4))
    ]
    return f"{number + 1}. {' '.join(sentences)}"


def _row(rng: random.Random) -> str:
    city = rng.choice(("Казань", "Уфа", "Пермь", "Самара", "Омск", "Тула"))
    what = rng.choice(("Кладовщик", "Насос Ока-5", "Рейс", "ремонт кровли", "Диспетчер", "Кран"))
    return f"{city} | {what} {rng.randint(100, 999)} | {rng.randint(20, 99)} 500 | план"


def _pages(lines: list[str], size: int = 25) -> list[str]:
    return ["\n".join(lines[at : at + size]) for at in range(0, len(lines), size)]


def _docx(lines: list[str]) -> bytes:
    return make_docx(*(line for page in _pages(lines) for line in (*page.split("\n"), "\f")))


def _html(lines: list[str]) -> bytes:
    body = "".join(f"<p>{line}</p>" for line in lines)
    return f"<!DOCTYPE html><html><body>{body}</body></html>".encode()


def _csv(lines: list[str]) -> bytes:
    rows = ["место;что;сколько;прочее", *(line.replace(" | ", ";") for line in lines)]
    return "\n".join(rows).encode("cp1251")


def _xlsx(lines: list[str]) -> bytes:
    return make_xlsx({"Свод": [line.split(" | ") for line in lines]})


_FORMS = {
    "pdf": lambda lines: make_pdf(_pages(lines)),
    "docx": _docx,
    "txt": lambda lines: "\n".join(lines).encode("cp1251"),
    "md": lambda lines: ("# Правила\n\n" + "\n\n".join(lines)).encode(),
    "html": _html,
    "csv": _csv,
    "xlsx": _xlsx,
}
