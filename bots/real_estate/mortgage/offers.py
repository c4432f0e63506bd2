"""What a purchase costs under a programme: its loan, or why it can't be had."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bots.real_estate.listings.plain import plain
from bots.real_estate.mortgage.annuity import Loan, at_least_share_of
from bots.real_estate.mortgage.programmes import MortgageData, Programme

INCOME_SHARE = 2  # a payment takes half of the income at most


@dataclass(frozen=True, slots=True)
class Purchase:
    """A flat to be bought: its price, where it is, and what the buyer has said of the loan.

    `bank_rate` is the bank's own, in percent; None is unsaid, and is never made up.
    """

    price: int
    place: str | None = None
    market: str | None = None
    down: int | None = None
    years: int | None = None
    bank_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A loan of one part, or of two where the programme's limit is below the sum.

    `unpriced` is the part above the limit while the bank's rate is unknown.
    """

    programme: Programme | None
    price: int
    down: int
    years: int
    parts: tuple[Loan, ...]
    unpriced: int = 0
    shortened: bool = False

    @property
    def amount(self) -> int:
        return sum(part.amount for part in self.parts) + self.unpriced

    @property
    def payment(self) -> int:
        """What is paid every month; each part is rounded, as two contracts are."""
        return sum(part.payment for part in self.parts)

    @property
    def overpayment(self) -> int:
        return sum(part.overpayment for part in self.parts)

    @property
    def income(self) -> int:
        """The monthly income of which the payment is half."""
        return self.payment * INCOME_SHARE


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a programme doesn't fit: a reason with the number that it is about.

    `reason` is region (only somewhere), excluded (not there), village, market, down (too little
    paid at once: `amount` is enough), total (above what is lent in all: `amount`).
    """

    programme: Programme
    reason: str
    amount: int = 0


def offer(data: MortgageData, programme: Programme, purchase: Purchase) -> Offer | Refused:
    """The loan under a programme.

    An unsaid payment at once is the least that it asks, an unsaid term the longest it gives.
    """
    if refused := _place_refused(data, programme, purchase):
        return refused
    least = at_least_share_of(purchase.price, programme.min_down)
    down = least if purchase.down is None else purchase.down
    if down < least:
        return Refused(programme, "down", least)
    years = min(purchase.years or programme.max_years, programme.max_years)
    amount = max(purchase.price - down, 0)
    total = data.total_limit(programme, purchase.place)
    if total is not None and amount > total:
        return Refused(programme, "total", total)
    lent = min(amount, data.limit(programme, purchase.place))
    parts: tuple[Loan, ...] = (Loan(lent, programme.rate, years),)
    above = amount - lent
    if above and purchase.bank_rate is not None:
        parts = (*parts, Loan(above, purchase.bank_rate, years))
        above = 0
    shortened = (purchase.years or 0) > programme.max_years
    return Offer(programme, purchase.price, down, years, parts, above, shortened)


def bank_offer(purchase: Purchase, years: int) -> Offer | None:
    """The bank's own loan; None while its rate is unknown."""
    if purchase.bank_rate is None:
        return None
    down, term = purchase.down or 0, purchase.years or years
    loan = Loan(max(purchase.price - down, 0), purchase.bank_rate, term)
    return Offer(None, purchase.price, down, term, (loan,))


def _place_refused(data: MortgageData, programme: Programme, purchase: Purchase) -> Refused | None:
    place, market = purchase.place, plain(purchase.market)
    if programme.only_in and place and not data.is_in(place, programme.only_in):
        return Refused(programme, "region")
    if programme.not_in and place and data.is_in(place, programme.not_in):
        return Refused(programme, "excluded")
    if programme.villages and place and plain(place) not in data.regions:
        return Refused(programme, "village")
    if (
        programme.markets
        and market
        and not market.startswith(tuple(m[:7] for m in programme.markets))
    ):
        return Refused(programme, "market")
    return None
