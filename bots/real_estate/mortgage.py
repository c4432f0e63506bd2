"""An annuity: what a loan costs a month, and what price a monthly payment carries."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_YEARS = 30
HIGHEST_RATE = 100.0


@dataclass(frozen=True, slots=True)
class Mortgage:
    """A loan in roubles, its yearly rate in percent, its term in years, and what follows."""

    loan: float
    rate: float
    years: int

    @property
    def payment(self) -> float:
        """What is paid every month."""
        return self.loan / annuity_factor(self.rate, self.years)

    @property
    def overpayment(self) -> float:
        return self.payment * self.years * 12 - self.loan


def annuity_factor(rate: float, years: int) -> float:
    """The loan that one rouble a month pays off."""
    months, monthly = years * 12, rate / 1200
    return months if monthly == 0 else (1 - (1 + monthly) ** -months) / monthly


def highest_price(payment: float, down: float, rate: float, years: int) -> float:
    """The price that `down` at once and `payment` a month carry."""
    return down + payment * annuity_factor(rate, years)


@dataclass(frozen=True, slots=True)
class MortgageQuestion:
    """What was said of a loan; None is unsaid. The rate is the user's, never ours."""

    price: float | None = None
    down: float | None = None
    rate: float | None = None
    years: int | None = None
    payment: float | None = None


_NUMBER = r"(\d[\d ]*(?:[.,]\d+)?)"
_RATE = re.compile(rf"{_NUMBER} ?(?:%|процент)")
_YEARS = re.compile(r"(\d{1,2}) ?(?:лет|год)")
_MONEY = rf"{_NUMBER} ?(млн|миллион|лям|тыс|т\.? ?р|к(?![а-я]))?[а-я.]*"
_DOWN = re.compile(
    rf"(?:взнос[а-я]*|пв|накоплен[а-я]*|накопил[а-я]*|своих)[ :]*(?:от |в |на )?"
    rf"{_MONEY}(?! ?(?:%|проц))"
)
_DOWN_SHARE = re.compile(r"(?:взнос[а-я]*|пв)[ :]*(\d{1,2}(?:[.,]\d+)?) ?(?:%|проц)")
_PAYMENT = re.compile(
    rf"(?:плат[её]ж[а-я]*|платить|потяну|осилю)[ :]*(?:до |по |в |максимум )?{_MONEY}"
    rf"|{_MONEY} ?(?:руб[а-я.]* ?)?(?:в месяц|/ ?мес)"
)
_PRICE = re.compile(rf"{_MONEY}")


def read_mortgage(text: str) -> MortgageQuestion:
    """Read «8 млн, взнос 2 млн, 20 лет под 18 %» or «потяну 60 тысяч в месяц»."""
    low = text.lower().replace("\u00a0", " ")
    rate, low = _take(_RATE, low) if not _DOWN_SHARE.search(low) else (None, low)
    share, low = _take(_DOWN_SHARE, low)
    if rate is None:
        rate, low = _take(_RATE, low)
    years, low = _take(_YEARS, low)
    down, low = _take_money(_DOWN, low)
    payment, low = _take_money(_PAYMENT, low)
    price, low = _take_money(_PRICE, low)
    if share and price:
        down = price * share / 100
    return MortgageQuestion(price, down, rate, int(years) if years else None, payment)


def _take(pattern: re.Pattern[str], text: str) -> tuple[float | None, str]:
    match = pattern.search(text)
    if not match:
        return None, text
    return _float(match[1]), text.replace(match[0], " ", 1)


def _take_money(pattern: re.Pattern[str], text: str) -> tuple[float | None, str]:
    for match in pattern.finditer(text):
        number, unit = next(
            (
                pair
                for pair in zip(match.groups()[::2], match.groups()[1::2], strict=True)
                if pair[0]
            ),
            ("", None),
        )
        if number:
            value = _float(number) * _unit(unit, _float(number), pattern is _PAYMENT)
            return value, text.replace(match[0], " ", 1)
    return None, text


def _unit(unit: str | None, number: float, monthly: bool) -> float:
    if unit and unit.startswith(("млн", "мил", "лям")):
        return 1e6
    if unit:
        return 1e3
    if number >= 1000:
        return 1
    return 1e3 if monthly else 1e6


def _float(text: str) -> float:
    return float(text.replace(" ", "").replace(",", "."))
