"""Extracts from ЕГРН: what is read, what it means, what isn't kept."""

from __future__ import annotations

import random
import time
from datetime import date
from fractions import Fraction

import pytest

from bots.real_estate.egrn import check
from bots.real_estate.egrn.extract import is_extract, read_extract
from bots.real_estate.egrn.report import describe, short_name
from services.media.documents import read_document
from tests.bots.real_estate.extracts import ARREST, MORTGAGE, MadeUp, Right, as_pdf, as_text
from tests.fakes.documents import make_pdf

TODAY = date(2026, 11, 30)
SHARED = (
    Right("Петрова Анна Сергеевна, 01.02.1980", "Общая долевая собственность, 1/2 15.03.2019"),
    Right(
        "Петров Олег Ильич, 05.06.2015", "Общая долевая собственность, 1/4 01.09.2026",
        "Договор дарения, выдан 20.08.2026",
    ),
)  # fmt: skip


def told(made_up: MadeUp) -> str:
    return describe(read_extract(as_text(made_up)), TODAY)


async def test_a_pdf_in_the_official_layout_is_read_whole() -> None:
    made_up = MadeUp(rights=(Right(burdens=(MORTGAGE, ARREST)),))
    document = await read_document(as_pdf(made_up), "выписка.pdf")
    assert is_extract(document.text)
    extract = read_extract([page.text for page in document.pages])
    assert extract == read_extract(as_text(made_up))
    assert (extract.number, extract.area, extract.kind) == ("77:01:0001001:1234", 54.3, "Квартира")
    assert extract.issued == date(2026, 11, 20)
    assert extract.address == "Москва, ул. Небывалая, д. 5, кв. 12"
    [owner] = extract.owners or ()
    assert (owner.name, owner.share, owner.since) == (
        "Петрова Анна Сергеевна",
        None,
        date(2019, 3, 15),
    )
    mortgage, arrest = extract.burdens or ()
    assert (mortgage.kind, mortgage.since) == ("Ипотека в силу закона", date(2019, 3, 15))
    assert mortgage.favour == "ПАО «Пример Банк»"
    assert (arrest.kind, arrest.since) == ("Запрещение регистрации", date(2026, 2, 1))
    assert (extract.claims, extract.court, extract.objection, extract.seizure) == ("", "", "", "")


async def test_the_answer_names_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "utc_now", lambda: _Now)
    made_up = MadeUp(rights=(Right(burdens=(MORTGAGE,)),))
    answer = check.report_on(await read_document(as_pdf(made_up), "выписка.pdf"))
    assert answer is not None
    for line in (
        "Квартира, 54,3 м², Москва, ул. Небывалая, д. 5, кв. 12",
        "✅ Выдана 20.11.2026, ей 10 дней.",
        "• Анна П., право с 15.03.2019",
        "⚠️ Обременение: Ипотека в силу закона в пользу ПАО «Пример Банк» с 15.03.2019",
        "✅ Требований через суд нет.",
    ):
        assert line in answer
    assert "Не нашёл" not in answer


class _Now:
    @staticmethod
    def date() -> date:
        return TODAY


def test_many_owners_are_counted_not_listed() -> None:
    crowd = tuple(
        Right(f"Иванов Иван Иванович{'а' * number}", "Общая долевая собственность, 1/20 01.02.2019")
        for number in range(20)
    )
    answer = told(MadeUp(rights=crowd))
    assert "👥 Собственников: 20" in answer
    assert "• и ещё 10" in answer
    assert "Доли в сумме" not in answer


def test_personal_data_stay_out_of_the_answer() -> None:
    answer = told(MadeUp(rights=SHARED))
    for private in ("Сергеевна", "123-456-789", "4510", "1980", "2015", "Иванов"):
        assert private not in answer
    assert short_name("Петров-Водкин Кузьма Сергеевич") == "Кузьма П."
    assert short_name("ООО «Ромашка»") == "ООО «Ромашка»"


def test_shares_that_are_no_whole_and_a_minor_are_noticed() -> None:
    extract = read_extract(as_text(MadeUp(rights=SHARED)))
    assert [owner.share for owner in extract.owners or ()] == [Fraction(1, 2), Fraction(1, 4)]
    answer = describe(extract, TODAY)
    for line in (
        "👥 Собственников: 2",
        "Доли в сумме 3/4, а не целое",
        "собственник младше 18",
        "Владеет меньше года",
        "дарение",
    ):
        assert line in answer


def test_a_clean_extract_has_no_warnings_and_an_old_one_does() -> None:
    assert "⚠️" not in told(MadeUp())
    assert "✅ Обременений нет." in told(MadeUp())
    assert "⚠️ Выдана 01.03.2026, ей 274 дня" in told(MadeUp(issued="01.03.2026"))
    assert "дата в будущем" in told(MadeUp(issued="01.03.2027"))


def test_claims_courts_and_bans_are_told() -> None:
    answer = told(
        MadeUp(
            claims="поступило заявление о регистрации перехода права от 25.11.2026",
            court="заявлено требование, определение суда от 01.10.2026",
            objection="запись о возражении от 03.10.2026",
            personally="запись о невозможности государственной регистрации без личного участия",
            rights=(Right(burdens=(ARREST,)),),
        )
    )
    for line in (
        "Есть нерассмотренные заявления",
        "Есть требования, заявленные в суде",
        "возражает против права",
        "без своего личного участия",
        "⛔ Обременение: Запрещение регистрации с 01.02.2026 — продать нельзя",
    ):
        assert line in answer


def test_what_isnt_found_is_said() -> None:
    answer = told(
        MadeUp(
            without=(
                "5 Ограничение прав и обременение объекта недвижимости:",
                "Площадь, м2:",
                "7 Заявленные в судебном порядке права требования:",
            )
        )
    )
    assert "Не нашёл в выписке: площадь, обременения, требования в суде." in answer
    assert "Обременений нет" not in answer


def test_a_hidden_owner_is_no_name() -> None:
    hidden = Right("Физическое лицо", "Собственность 15.03.2019", "Договор купли-продажи")
    answer = told(MadeUp(rights=(hidden,)))
    assert "• имя закрыто, право с 15.03.2019" in answer
    assert "Имя закрыто. Попроси продавца" in answer


async def test_other_documents_are_none_of_its_business() -> None:
    document = await read_document(make_pdf(["Договор аренды квартиры"]), "выписка.pdf")
    assert check.report_on(document) is None


def test_reading_costs_no_more_than_the_length() -> None:
    """Hostile text: labels without end, items without end, spaces without end."""
    rng = random.Random(1)
    page = "".join(as_text(MadeUp()))
    for unit in (
        "вид: ",
        "1.1 ",
        "Правообладатель: 1.1 ",
        " ",
        "1/",
        "лицо, в пользу которого установлен",
        page,
    ):
        small, large = (_cpu(unit, size) for size in (20_000, 160_000))
        assert large < 40 * small + 0.2, unit
    shuffled = page.split()
    rng.shuffle(shuffled)
    read_extract([" ".join(shuffled)])


def _cpu(unit: str, size: int) -> float:
    text = unit * (size // len(unit))
    started = time.process_time()
    describe(
        read_extract([f"Правообладатель: {text} Ограничение (обременение) права: {text}"]), TODAY
    )
    return time.process_time() - started
