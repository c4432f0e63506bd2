"""Loans."""

from __future__ import annotations

import pytest

from bots.real_estate.assistant import answer_mortgage
from bots.real_estate.mortgage import Mortgage, MortgageQuestion, highest_price, read_mortgage


def test_annuity_pays_the_loan_off() -> None:
    mortgage = Mortgage(6_000_000, 18, 20)
    debt = mortgage.loan
    for _ in range(20 * 12):
        debt = debt * (1 + 0.18 / 12) - mortgage.payment
    assert debt == pytest.approx(0, abs=0.01)
    assert mortgage.overpayment == pytest.approx(mortgage.payment * 240 - 6_000_000)


def test_no_interest() -> None:
    assert Mortgage(1_200_000, 0, 10).payment == 10_000


def test_highest_price_is_the_inverse() -> None:
    price = highest_price(Mortgage(6_000_000, 12, 15).payment, 2_000_000, 12, 15)
    assert price == pytest.approx(8_000_000)


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
    ],
)
def test_questions_are_read(text: str, expected: MortgageQuestion) -> None:
    assert read_mortgage(text) == expected


def test_rate_is_never_made_up() -> None:
    assert answer_mortgage(read_mortgage("8 млн на 20 лет, взнос 2 млн")) is None
