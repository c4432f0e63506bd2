"""What was said of a loan: «семейная ипотека, 12 млн, взнос 20 %, 30 лет»."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from bots.real_estate.mortgage.annuity import MAX_RATE
from bots.real_estate.mortgage.programmes import load_mortgage_data
from bots.real_estate.understanding import load_gazetteer
from bots.real_estate.understanding.morphology import lemmas
from bots.real_estate.understanding.numbers import read_numbers
from bots.real_estate.understanding.phrases import Phrases, phrases, words
from bots.real_estate.understanding.places import read_places
from bots.real_estate.understanding.tokens import Tokens, tokenize
from bots.real_estate.understanding.units import MILLION, THOUSAND, Amount, iter_amounts

ORDINARY = "обычная"  # the bank's own loan, said of after a programme


@dataclass(frozen=True, slots=True)
class MortgageQuestion:
    """What was said of a loan; None is unsaid. The rate is the user's, never ours.

    `share` is a payment at once in percent of a price that wasn't said with it.
    """

    price: float | None = None
    down: float | None = None
    rate: float | None = None
    years: int | None = None
    payment: float | None = None
    share: float | None = None
    programme: str | None = None
    place: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether there is a sum to count with."""
        return self.price is not None or self.payment is not None

    @property
    def changes_terms(self) -> bool:
        terms = (self.down, self.share, self.rate, self.years, self.payment, self.programme)
        return any(value is not None for value in terms)

    def completed(self, earlier: MortgageQuestion) -> MortgageQuestion:
        """This question with what only the earlier one says."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        whole = replace(earlier, **said)
        if self.share is not None and whole.price is not None:
            whole = replace(whole, down=whole.price * self.share / 100, share=None)
        return whole


_DOWN = words("взнос пв первоначалка накопить накопление накопленный свой сбережение")
_PAYMENT = words("платеж платить потянуть осилить ежемесячный ежемесячно")
_RATE = words("ставка процент")
_PERCENT = phrases("%, процент, проц, процентов, годовой, % годовой")
_YEARS = phrases("год, года, лет")
_MONTHS = phrases("месяц, месяцев, мес")
_MONTHLY = phrases("в|за|каждый месяц, / мес, / месяц, ежемесячно, руб в месяц")
_ENOUGH = words("хватить хватать достаточно")
_ORDINARY = words("обычный рыночный стандартный базовый")
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
    price, down, share = said.get("price"), said.get("down"), said.get("share")
    if share is not None and price:
        down, share = price * share / 100, None
    return MortgageQuestion(
        price, down, said.get("rate"), int(said["years"]) if "years" in said else None,
        said.get("payment"), share, _programme(tokens), _place(text),
    )  # fmt: skip


def _programme(tokens: Tokens) -> str | None:
    """The programme that a word of the message names."""
    for programme in load_mortgage_data().programmes:
        if any(token.low in programme.words for token in tokens):
            return programme.name
    ordinary = any(not _ORDINARY.isdisjoint(token.lemmas) for token in tokens)
    return ORDINARY if ordinary else None


def _place(text: str) -> str | None:
    """The city or the region that a programme's limit depends on."""
    tokens = tokenize(text)
    for region, pattern in _regions():
        if pattern.within(tokens):
            return region
    mentions = read_places(tokens, load_gazetteer())
    return next((str(item.values["city"]) for item in mentions if "city" in item.values), None)


@lru_cache(maxsize=1)
def _regions() -> tuple[tuple[str, Phrases], ...]:
    """The regions of the programmes' rules; the gazetteer has cities only."""
    return tuple(
        (name, Phrases(" ".join("|".join({word, *lemmas(word)}) for word in form.split())))
        for form, name in load_mortgage_data().regions.items()
    )


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
        return ("rate", amount.value) if amount.value <= MAX_RATE else (None, 0)
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
        for name, labels in (("down", _DOWN), ("payment", _PAYMENT), ("rate", _RATE)):
            if tokens.has_lemma(at, labels):
                return name
    if amount.unit == "none" and tokens.low(amount.start - 1) == "под":
        return "rate"
    if after < len(tokens) and _DOWN_AFTER.end_at(tokens, after) is not None:
        return "down"
    small = amount.unit == "none" or amount.value < MILLION
    if small and any(not _ENOUGH.isdisjoint(token.lemmas) for token in tokens):
        return "payment"
    return "price"
