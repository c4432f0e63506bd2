"""What is said of flats in tables and folded parts, for rich messages; `wording` has the words."""

from __future__ import annotations

from collections.abc import Sequence

from bots.common.rich import Block, blocks_of, details, paragraph, table
from bots.real_estate.listings import Listing
from bots.real_estate.valuation.appraisal import Appraisal
from bots.real_estate.wording import (
    DISCLAIMER,
    comparison_heads,
    comparison_rows,
    flat_line,
    money,
    signed,
    unbroken,
)

FACTORS = "Из чего сложилось"
BASE = "Средняя по базе за такую площадь"
COMPARABLES = "Похожие объявления и их цена, приведённая к этой квартире"
ASSUMED = "Чего ты не сказал, взято как у похожих."


def comparison(items: Sequence[Listing]) -> list[Block]:
    """Two to four flats side by side, a column for each."""
    numbers = ["", *(f"№ {number}" for number in range(1, len(items) + 1))]
    rows = [numbers, *([name, *map(unbroken, values)] for name, values in comparison_rows(items))]
    heads = "\n".join(comparison_heads(items))
    return [paragraph(heads), table(rows, ("left", "right"))]


def valuation(opening: str, appraisal: Appraisal) -> list[Block]:
    """An estimate: what was said of it before, its factors, and its comparables folded away."""
    return [*blocks_of(opening), *estimate_parts(appraisal)]


def estimate_parts(appraisal: Appraisal) -> list[Block]:
    """What an estimate is made of: the factors in a table, the comparables folded away."""
    factors = [
        (FACTORS, "₽"),
        (BASE, unbroken(money(appraisal.base))),
        *((factor.name, unbroken(signed(factor))) for factor in appraisal.factors),
    ]
    similar = [("Объявление", "Цена", "Приведена")]
    similar += [
        (
            unbroken(f"{number}. {flat_line(item.flat)}"),  # as on the map
            unbroken(money(item.price)),
            unbroken(money(item.adjusted)),
        )
        for number, item in enumerate(appraisal.comparables, start=1)
    ]
    folded = [table(similar, ("left", "right"))] if appraisal.comparables else []
    return [
        table(factors, ("left", "right")),
        details(COMPARABLES, [*folded, paragraph(f"{ASSUMED} {DISCLAIMER}")]),
    ]
