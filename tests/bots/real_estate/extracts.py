"""Made-up extracts from ЕГРН in the official layout: tables of labels and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Row = tuple[str, str]
NONE = "данные отсутствуют"
HEAD = (
    "Филиал публично-правовой компании «Роскадастр» по Москве",
    "Выписка из Единого государственного реестра недвижимости об основных характеристиках "
    "и зарегистрированных правах на объект недвижимости",
)


@dataclass(frozen=True)
class Right:
    """A block of section 2: who owns, by what right, burdened how."""

    owner: str = (
        "Петрова Анна Сергеевна, 01.02.1980, Россия, СНИЛС 123-456-789 01, паспорт 4510 123456"
    )
    right: str = "Собственность 77:01:0001001:1234-77/001/2019-2 15.03.2019 12:30:11"
    basis: str = "Договор купли-продажи, № б/н, выдан 10.03.2019"
    burdens: tuple[str, ...] = ()


MORTGAGE = (
    "вид: Ипотека в силу закона\nдата государственной регистрации: 15.03.2019 12:30:11\n"
    "номер государственной регистрации: 77:01:0001001:1234-77/001/2019-3\n"
    "срок, на который установлено ограничение прав и обременение объекта недвижимости: "
    "с 15.03.2019 на 240 месяцев\n"
    "лицо, в пользу которого установлено ограничение прав и обременение объекта недвижимости: "
    "ПАО «Пример Банк», ИНН: 7700000000\nоснование государственной регистрации: Кредитный договор"
)
ARREST = (
    "вид: Запрещение регистрации\nдата государственной регистрации: 01.02.2026 09:00:00\n"
    "номер государственной регистрации: 77:01:0001001:1234-77/001/2026-7\n"
    "основание государственной регистрации: Постановление судебного пристава-исполнителя"
)


@dataclass(frozen=True)
class MadeUp:
    """What an extract says; leave a label out by naming it in `without`."""

    issued: str = "20.11.2026"
    number: str = "77:01:0001001:1234"
    area: str = "54.3"
    rights: tuple[Right, ...] = (Right(),)
    claims: str = "отсутствуют"
    court: str = NONE
    objection: str = NONE
    personally: str = NONE
    without: tuple[str, ...] = ()
    extra: tuple[Row, ...] = field(default=())

    def sections(self) -> list[list[Row]]:
        return [[row for row in part if row[0] not in self.without] for part in self._all()]

    def _all(self) -> list[list[Row]]:
        number = ("Кадастровый номер:", self.number)
        first = [
            ("", "Помещение"),
            ("Лист № 1 раздела 1", "Всего листов раздела 1: 1  Всего разделов: 2"),
            ("", f"{self.issued}г. № КУВИ-001/2026-123456789"),
            number,
            ("Номер кадастрового квартала:", "77:01:0001001"),
            ("Дата присвоения кадастрового номера:", "15.06.2012"),
            ("Ранее присвоенный государственный учетный номер:", NONE),
            ("Местоположение:", "Москва, ул. Небывалая, д. 5, кв. 12"),
            ("Площадь, м2:", self.area),
            ("Назначение:", "Жилое"),
            ("Наименование:", "Квартира"),
            (
                "Номер, тип этажа, на котором расположено помещение, машино-место:",
                "Этаж № 5",
            ),
            ("Вид жилого помещения:", "Квартира"),
            ("Кадастровая стоимость, руб.:", "9876543.21"),
            ("Виды разрешенного использования:", NONE),
            ("Статус записи об объекте недвижимости:", "Сведения имеют статус «актуальные»"),
            ("Особые отметки:", NONE),
            ("Получатель выписки:", "Иванов Иван Иванович"),
        ]
        second: list[Row] = [("Раздел 2", "Сведения о зарегистрированных правах"), number]
        for index, right in enumerate(self.rights, 1):
            second += self._right(index, right)
        second += [
            ("6 Договоры участия в долевом строительстве:", "не зарегистрировано"),
            ("7 Заявленные в судебном порядке права требования:", self.court),
            ("8 Сведения о возражении в отношении зарегистрированного права:", self.objection),
            (
                "9 Сведения о решении об изъятии объекта недвижимости для государственных и "
                "муниципальных нужд:",
                NONE,
            ),
            (
                "10 Сведения о невозможности государственной регистрации без личного участия "
                "правообладателя или его законного представителя:",
                self.personally,
            ),
            (
                "11 Правопритязания и сведения о наличии поступивших, но не рассмотренных "
                "заявлений о проведении государственной регистрации права (перехода, прекращения "
                "права), ограничения права или обременения объекта недвижимости, сделки в "
                "отношении объекта недвижимости:",
                self.claims,
            ),
        ]
        return [first, second, list(self.extra)] if self.extra else [first, second]

    @staticmethod
    def _right(index: int, right: Right) -> list[Row]:
        burdens = "\n".join(f"5.{index}.{n} {text}" for n, text in enumerate(right.burdens, 1))
        return [
            ("1 Правообладатель (правообладатели):", f"1.{index} {right.owner}"),
            (
                "Сведения о возможности предоставления третьим лицам персональных данных "
                "физического лица",
                f"1.{index}.1 {NONE}",
            ),
            (
                "2 Вид, номер, дата и время государственной регистрации права:",
                f"2.{index} {right.right}",
            ),
            ("3 Документы-основания:", f"3.{index} {right.basis}"),
            (
                "4 Сведения об осуществлении государственной регистрации сделки, права без "
                "необходимого в силу закона согласия третьего лица, органа:",
                f"4.{index} {NONE}",
            ),
            (
                "5 Ограничение прав и обременение объекта недвижимости:",
                burdens or f"5.{index} не зарегистрировано",
            ),
        ]


def as_text(made_up: MadeUp) -> list[str]:
    """The pages as text, a line a cell."""
    first, *rest = ["\n".join(f"{a}\n{b}" for a, b in rows) for rows in made_up.sections()]
    return ["\n".join([*HEAD, first]), *rest]


def as_pdf(made_up: MadeUp) -> bytes:
    """A PDF with tables in an embedded font, as the register's are."""
    return _draw(HEAD, made_up.sections())


def _draw(head: Sequence[str], sections: Sequence[Sequence[Row]]) -> bytes:
    import fpdf

    pdf = fpdf.FPDF()
    pdf.add_font("DejaVu", fname=_font())
    pdf.set_font("DejaVu", size=8)
    pdf.add_page()
    for line in head:
        pdf.multi_cell(0, 5, line, align="C", new_x="LMARGIN", new_y="NEXT")
    for number, rows in enumerate(sections):
        if number:
            pdf.add_page()
        with pdf.table(col_widths=(45, 55), first_row_as_headings=False, line_height=4) as table:
            for row in rows:
                cells = table.row()
                for cell in row:
                    cells.cell(cell)
    return bytes(pdf.output())


@cache
def _font() -> str:
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
