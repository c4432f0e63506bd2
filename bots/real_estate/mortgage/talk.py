"""Loans in a talk: what was asked last is kept, so that «а если на 15 лет?» changes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from functools import partial

from bots.real_estate.flat import Flat
from bots.real_estate.mortgage import answers
from bots.real_estate.mortgage.programmes import load_mortgage_data
from bots.real_estate.mortgage.reading import MortgageQuestion, read_mortgage
from bots.real_estate.understanding import read_turn
from bots.real_estate.wording import money
from services.head_start import once_settled
from services.storage import PreferenceStore
from services.storage.database import utc_now

_MORTGAGE = re.compile(r"(?i)ипотек|плат[её]ж|в месяц|платить|взнос")
_LOAN = "loan"


def today() -> date:
    return utc_now().date()


class LoanTalk:
    """Answers questions on loans; `today` tells how old the figures are."""

    def __init__(self, preferences: PreferenceStore, today: Callable[[], date] = today) -> None:
        self._preferences = preferences
        self._today = today

    async def reply(
        self, owner_id: int, text: str, place: str | None = None, budget: float | None = None
    ) -> str | None:
        """The sums of a loan; None when a message isn't about one.

        `place` is the city of the talk: a programme's limit depends on it. `budget` is what the
        talk's flats may cost, counted with where no price is said.
        """
        question = read_mortgage(text)
        last = await self._last(owner_id)
        named = _MORTGAGE.search(text) is not None
        turn = read_turn(text)
        about_a_flat = turn.intent != "other" and bool(turn.slots)
        if not named and (about_a_flat or not question.changes_terms or not last.is_asked):
            return None
        if question.price is None and not about_a_flat:
            question = question.completed(last)
        opening = ""
        if budget and not question.is_asked and question.changes_terms and not question.programme:
            question = question.completed(MortgageQuestion(price=budget))
            opening = f"Считаю от {money(budget)}: это твой бюджет.\n\n"
        if question.is_asked and not about_a_flat:
            keep = partial(self._preferences.set, owner_id, _LOAN, asdict(question))
            await once_settled(keep)
        if question.place is None:
            question = replace(question, place=place)
        told = answers.answer(load_mortgage_data(), question, self._today())
        return told and f"{opening}{told}"

    def answer(self, text: str) -> str | None:
        """/mortgage with what follows it, apart from any talk."""
        return answers.answer(load_mortgage_data(), read_mortgage(text), self._today())

    def overview(self) -> str:
        return answers.overview(load_mortgage_data(), self._today())

    def sources(self) -> str:
        return answers.sources(load_mortgage_data(), self._today())

    async def for_flat(self, owner_id: int, flat: Flat) -> str:
        """The programmes' table of a flat, on the terms that the buyer named last."""
        last = await self._last(owner_id)
        terms = MortgageQuestion(rate=last.rate, years=last.years, down=last.down)
        price = round(flat.price or 0)
        if terms.down is not None and terms.down >= price:
            terms = replace(terms, down=None)
        return answers.flat_table(
            load_mortgage_data(), price, self._today(), place=flat.city, market=flat.market,
            terms=terms,
        )  # fmt: skip

    async def _last(self, owner_id: int) -> MortgageQuestion:
        return MortgageQuestion(**await self._preferences.get(owner_id, _LOAN, {}))
