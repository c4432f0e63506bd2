"""What a purchase costs beside the loan: insurance, the duty, and the tax that comes back."""

from __future__ import annotations

from dataclasses import dataclass

from bots.real_estate.mortgage.annuity import share_of
from bots.real_estate.mortgage.programmes import Rules


@dataclass(frozen=True, slots=True)
class Costs:
    """Sums in roubles; a pair is from the least to the most.

    Insurance is the first year's: it falls with the debt. Deductions are of one buyer.
    """

    home_insurance: tuple[int, int]
    full_insurance: tuple[int, int]
    duty: int
    price_deduction: int
    interest_deduction: int


def costs(rules: Rules, price: int, loan: int, interest: int) -> Costs:
    """The costs of a flat of this price with a loan of this interest over its term."""
    low, high = (share_of(loan, percent) for percent in rules.home_insurance)
    full_low, full_high = (share_of(loan, percent) for percent in rules.full_insurance)
    return Costs(
        (low, high),
        (full_low, full_high),
        duty(rules, price),
        share_of(min(price, rules.deduction_price), rules.tax),
        share_of(min(interest, rules.deduction_interest), rules.tax),
    )


def duty(rules: Rules, price: int) -> int:
    """For registering ownership; the price stands for the cadastral value, which isn't known."""
    if price <= rules.duty_up_to:
        return rules.duty
    return min(share_of(price, rules.duty_share), rules.duty_max)
