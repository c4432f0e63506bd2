"""The dearest flat that a monthly payment carries."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, localcontext

from bots.real_estate.mortgage.annuity import Loan, affordable_loan
from bots.real_estate.mortgage.offers import Purchase
from bots.real_estate.mortgage.programmes import MortgageData, Programme


@dataclass(frozen=True, slots=True)
class Affordable:
    """A price made of a payment at once and a loan.

    `limited` when the programme's limit ends it, not the monthly payment.
    """

    price: int
    down: int
    loan: int
    years: int
    limited: bool = False


def affordable(
    data: MortgageData, programme: Programme, purchase: Purchase, payment: int
) -> Affordable:
    """The dearest flat under a programme for `payment` a month.

    An unsaid payment at once is the least that the programme asks; one that was said may itself
    end the price, for it must be that share of it.
    """
    years = min(purchase.years or programme.max_years, programme.max_years)
    limit = data.limit(programme, purchase.place)
    loan, limited = _loan(programme, purchase, payment, years, limit)
    total = data.total_limit(programme, purchase.place)
    loan = min(loan, total) if total is not None else loan
    price = _price(loan, programme.min_down, purchase.down)
    down = price - loan if purchase.down is None else min(purchase.down, price)
    return Affordable(price, down, price - down, years, limited)


def affordable_at_bank(purchase: Purchase, payment: int, years: int) -> Affordable:
    """The same at the bank's own rate, where the whole price but the payment at once is lent."""
    term, down = purchase.years or years, purchase.down or 0
    loan = affordable_loan(payment, purchase.bank_rate or 0, term)
    return Affordable(down + loan, down, loan, term)


def _loan(
    programme: Programme, purchase: Purchase, payment: int, years: int, limit: int
) -> tuple[int, bool]:
    """The largest loan, its part above the limit at the bank's rate where it is known."""
    loan = affordable_loan(payment, programme.rate, years)
    if loan <= limit:
        return loan, False
    if purchase.bank_rate is None:
        return limit, True
    left = payment - Loan(limit, programme.rate, years).payment
    return limit + affordable_loan(max(left, 0), purchase.bank_rate, years), False


def _price(loan: int, min_down: Decimal, down: int | None) -> int:
    """The price of which the payment at once is at least the programme's share."""
    with localcontext() as exact:
        exact.prec = 50
        if down is None:
            price = Decimal(loan) * 100 / (100 - min_down)
        else:
            price = min(Decimal(down + loan), down * 100 / min_down)
        return int(price.to_integral_value(ROUND_FLOOR))
