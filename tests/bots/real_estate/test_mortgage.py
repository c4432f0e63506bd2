"""Loans: exact sums, the programmes' rules, what is asked and what is answered."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from bots.real_estate.mortgage.affordable import affordable
from bots.real_estate.mortgage.annuity import Loan, affordable_loan
from bots.real_estate.mortgage.answers import answer, flat_table, overview, sources
from bots.real_estate.mortgage.costs import Costs, costs
from bots.real_estate.mortgage.offers import Offer, Purchase, Refused, offer
from bots.real_estate.mortgage.programmes import MAX_AGE_DAYS, Programme, load_mortgage_data
from bots.real_estate.mortgage.reading import MortgageQuestion, read_mortgage
from tests.bots.real_estate.mortgage_cases import AFFORDABLE, COSTS, LOANS, OFFERS

DATA = load_mortgage_data()
FRESH = DATA.day + timedelta(days=MAX_AGE_DAYS)
PHONE = 34  # letters of a monospaced line that a narrow phone shows


def programme(name: str) -> Programme:
    return next(item for item in DATA.programmes if item.name == name)


def asked(text: str, today: date = FRESH) -> str:
    said = answer(DATA, read_mortgage(text), today)
    assert said is not None
    return said


def rate(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def test_there_are_fifty_cases() -> None:
    assert len(LOANS) + len(OFFERS) + len(AFFORDABLE) + len(COSTS) >= 50


@pytest.mark.parametrize("case", LOANS)
def test_loan_is_exact_to_the_rouble(case: tuple[int, str, int, int, int]) -> None:
    amount, percent, years, payment, overpayment = case
    loan = Loan(amount, Decimal(percent), years)
    assert (loan.payment, loan.overpayment) == (payment, overpayment)


@pytest.mark.parametrize("case", OFFERS)
def test_offer_is_exact_to_the_rouble(case: tuple[object, ...]) -> None:
    name, price, place, down, years, bank, *expected = case
    purchase = Purchase(price, place, None, down, years, rate(bank))  # type: ignore[arg-type]
    found = offer(DATA, programme(str(name)), purchase)
    assert isinstance(found, Offer)
    assert [found.down, found.amount, found.payment, found.overpayment] == expected
    assert found.income == 2 * found.payment
    assert found.unpriced == 0


@pytest.mark.parametrize("case", AFFORDABLE)
def test_affordable_price_is_exact_to_the_rouble(case: tuple[object, ...]) -> None:
    name, place, payment, down, years, bank, *expected = case
    purchase = Purchase(0, place, None, down, years, rate(bank))  # type: ignore[arg-type]
    found = affordable(DATA, programme(str(name)), purchase, payment)  # type: ignore[arg-type]
    assert [found.price, found.down, found.loan] == expected


@pytest.mark.parametrize("case", COSTS)
def test_costs_are_exact_to_the_rouble(case: tuple[object, ...]) -> None:
    price, loan, interest, *expected = case
    assert costs(DATA.rules, price, loan, interest) == Costs(*expected)  # type: ignore[arg-type]


def test_payments_pay_the_loan_off() -> None:
    loan = Loan(6_000_000, Decimal(18), 20)
    debt = Decimal(loan.amount)
    for _ in range(240):
        debt = debt * Decimal("1.015") - loan.exact_payment
    assert abs(debt) < Decimal("0.01")


def test_affordable_loan_is_the_largest() -> None:
    for payment in (1, 999, 70_000, 1_234_567):
        largest = affordable_loan(payment, "17.3", 23)
        assert Loan(largest, Decimal("17.3"), 23).exact_payment <= payment
        assert Loan(largest + 1, Decimal("17.3"), 23).exact_payment > payment


@pytest.mark.parametrize(
    ("name", "purchase", "reason", "amount"),
    [
        ("семейная", Purchase(12_000_000, "Москва", None, 2_399_999), "down", 2_400_000),
        ("семейная", Purchase(9_000_000, "Москва", "Вторичка"), "market", 0),
        ("семейная", Purchase(50_000_000, "Москва"), "total", 30_000_000),
        ("семейная", Purchase(20_000_000, "Казань"), "total", 15_000_000),
        ("дальневосточная и арктическая", Purchase(5_000_000, "Казань"), "region", 0),
        ("сельская", Purchase(5_000_000, "Казань"), "village", 0),
        ("сельская", Purchase(5_000_000, None, None, 1_499_999), "down", 1_500_000),
        ("IT", Purchase(5_000_000, "Санкт-Петербург"), "excluded", 0),
        ("IT", Purchase(5_000_000, "Пушкин"), "excluded", 0),
    ],
)
def test_programme_is_refused_with_the_reason(
    name: str, purchase: Purchase, reason: str, amount: int
) -> None:
    assert offer(DATA, programme(name), purchase) == Refused(programme(name), reason, amount)


def test_part_above_the_limit_waits_for_the_banks_rate() -> None:
    found = offer(DATA, programme("семейная"), Purchase(9_000_000, "Казань"))
    assert isinstance(found, Offer)
    assert (found.parts[0].amount, found.unpriced, found.amount) == (
        6_000_000,
        1_200_000,
        7_200_000,
    )
    text = asked("семейная ипотека в Казани, 9 млн")
    assert "Назови ставку банка" in text
    assert "• платёж" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8 млн, взнос 2 млн, 20 лет под 18 %", MortgageQuestion(8e6, 2e6, 18, 20)),
        ("ипотека 6 000 000 на 15 лет, ставка 12,5%", MortgageQuestion(6e6, None, 12.5, 15)),
        ("10 млн, первый взнос 20 %, 30 лет, 16%", MortgageQuestion(10e6, 2e6, 16, 30)),
        (
            "потяну 60 тысяч в месяц, взнос 2 млн, 20 лет, 18%",
            MortgageQuestion(None, 2e6, 18, 20, 6e4),
        ),
        ("ставка 20", MortgageQuestion(rate=20)),
        ("под двадцать", MortgageQuestion(rate=20)),
        ("а если на пятнадцать лет?", MortgageQuestion(years=15)),
        ("а если 240 месяцев", MortgageQuestion(years=20)),
        (
            "семь с половиной миллионов под 9 % на двадцать лет, первый взнос полтора миллиона",
            MortgageQuestion(7.5e6, 1.5e6, 9, 20),
        ),
        ("готов платить 15 тысяч в месяц", MortgageQuestion(payment=15_000)),
        ("платёж 85000, 25 лет, 10%", MortgageQuestion(None, None, 10, 25, 85_000)),
        (
            "семейная ипотека, 12 млн, взнос 20 %, 30 лет",
            MortgageQuestion(12e6, 2.4e6, None, 30, programme="семейная"),
        ),
        ("хватит ли 70 тысяч в месяц", MortgageQuestion(payment=70_000)),
        ("хватит 70 тысяч?", MortgageQuestion(payment=70_000)),
        ("хватит ли 2 млн на взнос", MortgageQuestion(down=2e6)),
        ("а если взнос 30 %?", MortgageQuestion(share=30)),
        ("а сельская?", MortgageQuestion(programme="сельская")),
        (
            "IT-ипотека в Казани 9 млн",
            MortgageQuestion(9e6, programme="IT", place="Казань"),
        ),
        (
            "семейная в Московской области за 10 млн",
            MortgageQuestion(10e6, programme="семейная", place="Московская область"),
        ),
        (
            "арктическую ипотеку на Чукотке, 7 млн",
            MortgageQuestion(7e6, programme="дальневосточная и арктическая", place="Чукотка"),
        ),
    ],
)
def test_questions_are_read(text: str, expected: MortgageQuestion) -> None:
    assert read_mortgage(text) == expected


def test_share_said_later_is_of_the_earlier_price() -> None:
    later = read_mortgage("а если взнос 30 %?").completed(MortgageQuestion(10e6, 2e6, 18, 20))
    assert (later.down, later.share) == (3e6, None)


def test_one_programme_names_its_sums_costs_and_date() -> None:
    text = asked("семейная ипотека в Москве, 12 млн, взнос 20 %, 30 лет")
    for part in (
        "кредит 9,6 млн ₽ на 30 лет", "• платёж 57 557 ₽", "• переплата 11 120 466 ₽",
        "• доход от 115 114 ₽", "страховка квартиры, обязательна: 9 600–28 800 ₽",
        "пошлина за регистрацию права: 4 000 ₽", "до 260 000 ₽ с цены", "Кому: ребёнок",
        f"на {DATA.day:%d.%m.%Y}",
    ):  # fmt: skip
        assert part in text
    assert "Остальные регионы" not in text


def test_unknown_place_shows_both_limits() -> None:
    text = asked("семейная ипотека, 12 млн, взнос 20 %, 30 лет")
    assert "Москва, Петербург и их области:\nЦена 12 млн ₽" in text
    assert "• платёж 57 557 ₽" in text
    assert "Остальные регионы:" in text
    assert "3,6 млн ₽ сверх лимита" in text


def test_programmes_own_rate_is_not_taken_for_the_banks() -> None:
    text = asked("семейная ипотека под 6 % в Казани, 9 млн, 30 лет")
    assert "сверх лимита по ставке банка" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("семейная ипотека в Москве 9 млн, хватит ли 70 тысяч в месяц",
         "✅ 70 000 ₽ в месяц хватит, останется 26 832 ₽"),
        ("семейная ипотека в Москве 9 млн на 10 лет, хватит ли 70 тысяч в месяц",
         "❌ 70 000 ₽ в месяц не хватит: не хватает 9 935 ₽"),
        ("8 млн, взнос 2 млн, 20 лет под 18 %, хватит 90 тысяч?", "не хватает 2 599 ₽"),
        ("семейная ипотека в Москве, хватит ли 70 тысяч в месяц", "квартира до **14,59 млн ₽**"),
        ("хватит ли 70 тысяч в месяц", "• сельская, 3 %: до 8,57 млн ₽"),
        ("потяну 60 тысяч в месяц, взнос 2 млн, 20 лет, 18%", "до 5,89 млн ₽ (20 лет"),
        ("сельская ипотека в Казани за 5 млн", "не для города (Казань)"),
        ("ипотека 5 млн на 99 лет под 10 %", "от 1 до 30 лет"),
        ("ипотека 5 млн, взнос 6 млн, 10 лет, 10 %", "кредит не нужен"),
        ("дальневосточная ипотека", "взнос от 20 %, до 20 лет, до 9 млн ₽"),
    ],
)  # fmt: skip
def test_what_is_answered(text: str, said: str) -> None:
    assert said in asked(text)


def test_table_fits_a_phone_and_says_what_is_left_out() -> None:
    terms = MortgageQuestion(rate=18)
    text = flat_table(DATA, 29_900_000, FRESH, place="Москва", market="Новостройка", terms=terms)
    table = text.split("```")[1].strip("\n").splitlines()
    assert [row.split()[0] for row in table[1:]] == ["Семейная", "Обычная"]
    assert max(map(len, table)) <= PHONE
    for left_out in ("дальневосточная и арктическая: только", "сельская: не для", "IT: кроме"):
        assert left_out in text
    assert "Отдельно от платежа:" in text


def test_rate_is_never_made_up() -> None:
    text = asked("8 млн на 20 лет, взнос 2 млн")
    assert "Обычная  " not in text
    assert "Назови ставку банка" in text


@pytest.mark.parametrize(("days", "old"), [(0, False), (90, False), (91, True), (266, True)])
def test_data_over_ninety_days_old_are_said_to_be_old(days: int, old: bool) -> None:
    today = DATA.day + timedelta(days=days)
    said = [
        asked("8 млн, взнос 2 млн, 20 лет под 18 %", today),
        asked("семейная ипотека", today),
        asked("хватит ли 70 тысяч в месяц", today),
        flat_table(DATA, 9_000_000, today, place="Москва"),
        overview(DATA, today),
        sources(DATA, today),
    ]
    assert ["устарели" in text for text in said] == [old] * len(said)
    assert all(f"{DATA.day:%d.%m.%Y}" in text for text in said)


def test_every_source_is_named() -> None:
    text = sources(DATA, FRESH)
    assert all(url.startswith("https://") and url in text for _, url in DATA.sources)
