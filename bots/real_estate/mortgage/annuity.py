"""An annuity, exact to the rouble: equal monthly payments of a loan."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext

MAX_YEARS = 30
MAX_RATE = 100.0
_EXACT = Context(prec=50)  # digits; binary fractions would miss a rouble of a long loan
Number = Decimal | float | int | str


@dataclass(frozen=True, slots=True)
class Loan:
    """Roubles lent at a yearly rate in percent, repaid over whole years.

    The payment is computed without rounding; only what is shown is rounded to the rouble. So
    the overpayment is not the rounded payment times the months, which may miss 180 roubles.
    """

    amount: int
    rate: Decimal
    years: int

    @property
    def exact_payment(self) -> Decimal:
        with localcontext(_EXACT):
            return self.amount / annuity_factor(self.rate, self.years)

    @property
    def payment(self) -> int:
        """What is paid every month."""
        return roubles(self.exact_payment)

    @property
    def total(self) -> int:
        """Everything that is paid over the term."""
        with localcontext(_EXACT):
            return roubles(self.exact_payment * self.years * 12)

    @property
    def overpayment(self) -> int:
        """The interest of the whole term."""
        return self.total - self.amount


def annuity_factor(rate: Number, years: int) -> Decimal:
    """The loan that one rouble a month pays off."""
    with localcontext(_EXACT):
        months, monthly = years * 12, decimal(rate) / 1200
        return Decimal(months) if monthly == 0 else (1 - (1 + monthly) ** -months) / monthly


def affordable_loan(payment: int, rate: Number, years: int) -> int:
    """The largest loan in whole roubles that `payment` a month pays off."""
    with localcontext(_EXACT):
        return int((payment * annuity_factor(rate, years)).to_integral_value(ROUND_FLOOR))


def decimal(number: Number) -> Decimal:
    """A number as it is written: 0.1 is a tenth."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


def roubles(amount: Decimal) -> int:
    """Rounded to the rouble, a half up."""
    return int(amount.to_integral_value(ROUND_HALF_UP))


def share_of(amount: int, percent: Number) -> int:
    """A share of a sum, rounded to the rouble."""
    with localcontext(_EXACT):
        return roubles(amount * decimal(percent) / 100)


def at_least_share_of(amount: int, percent: Number) -> int:
    """The least sum in whole roubles that isn't below the share."""
    with localcontext(_EXACT):
        return int((amount * decimal(percent) / 100).to_integral_value(ROUND_CEILING))
