"""An annuity: what a loan costs a month, and what price a monthly payment carries."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from bots.real_estate.understanding.numbers import read_numbers
from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.tokens import Tokens, tokenize
from bots.real_estate.understanding.units import MILLION, THOUSAND, Amount, iter_amounts

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

    @property
    def is_asked(self) -> bool:
        """Whether there is a sum to count with."""
        return self.price is not None or self.payment is not None

    @property
    def changes_terms(self) -> bool:
        return any(value is not None for value in (self.down, self.rate, self.years, self.payment))

    def completed(self, earlier: MortgageQuestion) -> MortgageQuestion:
        """This question with what only the earlier one says."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(earlier, **said)


_DOWN = words("взнос пв первоначалка накопить накопление накопленный свой сбережение")
_PAYMENT = words("платеж платить потянуть осилить ежемесячный ежемесячно")
_RATE = words("ставка процент")
_PERCENT = phrases("%, процент, проц, процентов, годовой, % годовой")
_YEARS = phrases("год, года, лет")
_MONTHS = phrases("месяц, месяцев, мес")
_MONTHLY = phrases("в|за|каждый месяц, / мес, / месяц, ежемесячно, руб в месяц")
_DOWN_AFTER = phrases("первый|первоначальный? взнос, своих, накоплено, накопил, накопила, на взнос")
_WINDOW = 4  # words between «взнос» and its sum
_PLAIN_ROUBLES = 1000  # bare numbers from here on are roubles


def read_mortgage(text: str) -> MortgageQuestion:
    """Read «8 млн, взнос 2 млн, 20 лет под 18 %» or «потяну 60 тысяч в месяц»."""
    tokens = read_numbers(tokenize(text))
    said: dict[str, float] = {}
    for amount in iter_amounts(tokens):
        name, value = _meaning(tokens, amount)
        if name:
            said.setdefault(name, value)
    price, down = said.get("price"), said.get("down")
    if "share" in said and price:
        down = price * said["share"] / 100
    years = int(said["years"]) if "years" in said else None
    return MortgageQuestion(price, down, said.get("rate"), years, said.get("payment"))


def _meaning(tokens: Tokens, amount: Amount) -> tuple[str | None, float]:
    """What a number of a loan is, in years, percent or roubles."""
    label = _label(tokens, amount)
    at = amount.start + 1
    if at < len(tokens) and amount.unit in ("other", "none"):
        if _PERCENT.end_at(tokens, at) is not None:
            return "share" if label == "down" else "rate", amount.value
        if _YEARS.end_at(tokens, at) is not None:
            return "years", amount.value
        if _MONTHS.end_at(tokens, at) is not None and amount.value % 12 == 0:
            return "years", amount.value / 12
    if amount.unit in ("area", "other"):
        return None, 0
    if label == "rate":
        return ("rate", amount.value) if amount.value <= HIGHEST_RATE else (None, 0)
    if amount.unit == "none" and amount.value < _PLAIN_ROUBLES:
        return label, amount.value * (THOUSAND if label == "payment" else MILLION)
    return label, amount.value


def _label(tokens: Tokens, amount: Amount) -> str:
    """What the nearest words say that a sum is: the price, unless they say more."""
    after = amount.end
    if after < len(tokens) and _MONTHLY.end_at(tokens, after) is not None:
        return "payment"
    for at in range(amount.start - 1, max(amount.start - 1 - _WINDOW, -1), -1):
        if tokens.ends_clause(at) or tokens[at].value is not None:
            break
        for name, lemmas in (("down", _DOWN), ("payment", _PAYMENT), ("rate", _RATE)):
            if tokens.has_lemma(at, lemmas):
                return name
    if amount.unit == "none" and tokens.low(amount.start - 1) == "под":
        return "rate"
    if after < len(tokens) and _DOWN_AFTER.end_at(tokens, after) is not None:
        return "down"
    return "price"
