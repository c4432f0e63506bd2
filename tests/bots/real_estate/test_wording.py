"""The same facts in every style."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bots.common.russian import plural
from bots.real_estate.assistant import Assistant
from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore
from bots.real_estate.listings.search import Blocker, SearchPage
from bots.real_estate.request import Slots
from bots.real_estate.valuation.appraisal import Appraisal, appraise
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.valuation.model import ValuationModel
from bots.real_estate.wording import (
    DEMO,
    STYLES,
    appraisal_details,
    appraisal_facts,
    card,
    comparison,
    money,
    nothing_facts,
    search_facts,
    understood,
    worth,
)
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


def _made_up(price: float, **facts: object) -> Listing:
    flat = Flat(city="Москва", metro="Комендантский проспект", metro_min=12.0, rooms=2,
                total_area=54.3, floor=5, floors_total=17, price=price)  # fmt: skip
    return Listing(flat, demo=True, **facts)  # type: ignore[arg-type]


def test_list_of_flats_is_short_lines_that_break_outside_amounts() -> None:
    items = (_made_up(12_450_000.0, estimate=13e6), _made_up(950_000.0))
    lines = search_facts(SearchPage(2, items), 0, "discount").splitlines()
    assert lines[0] == "Всего: 2 варианта, сначала выгодные."
    assert lines[2:4] == [
        "1. **12,45\u00a0млн\u00a0₽** · 2-комн., 54,3\u00a0м², 5/17\u00a0эт.",
        "м. Комендантский проспект 12\u00a0мин · к оценке −4 %",
    ]
    assert "950\u00a0000\u00a0₽" in lines[4]
    assert max(map(len, lines)) <= 50
    assert "\n".join(lines).count("ДЕМО") == 1


@pytest.mark.parametrize(
    ("estimate", "text"), [(10.04e6, "0 %"), (9.96e6, "0 %"), (9e6, "+11 %"), (12.5e6, "−20 %")]
)
def test_a_flat_at_its_estimate_has_no_sign(estimate: float, text: str) -> None:
    facts = search_facts(SearchPage(1, (_made_up(10e6, estimate=estimate),)), 0, "price")
    assert f"к оценке {text}" in facts


def test_made_up_flats_among_real_ones_are_named() -> None:
    items = (_made_up(9e6), Listing(Flat(rooms=1, price=8e6)))
    assert search_facts(SearchPage(2, items), 5, "price").endswith(f"⚠️ {DEMO} (№ 6)")


@pytest.mark.parametrize(
    ("slots", "text"),
    [
        (Slots(renovation="с ремонтом"), "Я понял: с ремонтом."),
        (Slots(renovation="без ремонта"), "Я понял: без ремонта."),
        (Slots(renovation="евро"), "Я понял: ремонт евро."),
    ],
)
def test_renovation_is_said_once(slots: Slots, text: str) -> None:
    assert understood(slots) == text


def test_advice_says_what_to_take_away() -> None:
    text = nothing_facts((Blocker(("price_max",), 13, 9e6),)).replace("\u00a0", " ")
    assert "Если убрать цену: 13 вариантов, от 9 млн ₽" in text


def test_valuation_is_five_lines_and_details(model: ValuationModel) -> None:
    flat = Flat(city="Москва", district="Сокол", rooms=2, total_area=54.0, floor=5, floors_total=9)
    result = appraise(model, flat, 15e6)
    assert isinstance(result, Appraisal)
    assert len(appraisal_facts(result, 15e6).splitlines()) <= 5
    assert "→" in appraisal_details(result)
    if result.narrows:
        assert f"Скажи, {result.narrows}, — оценю точнее." in appraisal_facts(result, 15e6)
