"""The same facts in every style."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bots.real_estate.assistant import Assistant
from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.valuation.model import ValuationModel
from bots.real_estate.wording import DEMO, STYLES, card, comparison, money, plural, worth
from services.errors import Unavailable
from services.storage import PreferenceStore
from tests.fakes.chat import FakeChatModel


@pytest.mark.parametrize(
    "request_text",
    [
        "двушка в Москве до 30 млн",
        "двушка в Москве до 1 млн",
        "сколько стоит двушка 54 м на Соколе, просят 20 млн",
        "сколько стоит двушка 54 м в Урюпинске",
    ],
)
async def test_facts_do_not_depend_on_style(
    store: ListingStore, tmp_path: Path, model: ValuationModel, request_text: str
) -> None:
    appraiser = Appraiser(store, tmp_path)
    appraiser.model = model
    facts = []
    for owner, style in enumerate(STYLES):
        silent = FakeChatModel()
        silent.enqueue(Unavailable("down"))
        assistant = Assistant(silent, store, appraiser, PreferenceStore(store.database, "x"))
        await assistant.set_style(owner, style)
        answer = await assistant.reply(owner, request_text)
        facts.append((re.findall(r"\d[\d ,]*", answer.text), answer.listings))
    assert facts[0][0]
    assert all(other == facts[0] for other in facts)


def test_made_up_flats_say_so() -> None:
    listing = Listing(
        Flat(city="Москва", rooms=0, total_area=25.0, price=9e6), demo=True, estimate=9e6,
        estimate_low=8e6, estimate_high=1e7,
    )  # fmt: skip
    for text in (card(listing), worth(listing), comparison([listing, listing])):
        assert DEMO in text


@pytest.mark.parametrize(
    ("roubles", "text"),
    [(12_450_000, "12,45 млн ₽"), (9_000_000, "9 млн ₽"), (850_000, "850 000 ₽")],
)
def test_money(roubles: float, text: str) -> None:
    assert money(roubles) == text


@pytest.mark.parametrize(
    ("number", "word"), [(1, "дом"), (3, "дома"), (11, "домов"), (25, "домов")]
)
def test_plural(number: int, word: str) -> None:
    assert plural(number, "дом", "дома", "домов") == f"{number} {word}"
