"""A talk as a new user leads it: wishes about what was shown, answered from the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from bots.real_estate import texts
from bots.real_estate.assistant import Answer, Assistant
from bots.real_estate.listings import ListingStore
from bots.real_estate.understanding import read_turn
from bots.real_estate.valuation.appraiser import Appraiser
from services.storage import Database, PreferenceStore
from tests.fakes.chat import FakeChatModel

ANYA = 1001
BY_MODEL = "Отвечает модель."


@pytest.fixture
def assistant(database: Database, store: ListingStore, tmp_path: Path) -> Assistant:
    preferences = PreferenceStore(database, "real_estate")
    return Assistant(
        FakeChatModel(BY_MODEL), store, Appraiser(store, tmp_path), preferences, reads=False
    )


async def _talk(assistant: Assistant, *messages: str) -> Answer:
    for message in messages:
        answer = await assistant.reply(ANYA, message)
    return answer


@pytest.mark.parametrize("wish", ["покажи ещё", "ещё", "а есть ещё варианты?", "дальше"])
async def test_more_is_the_next_page(assistant: Assistant, wish: str) -> None:
    first = await _talk(assistant, "двушка в Москве до 60 млн")
    second = await _talk(assistant, wish)
    third = await _talk(assistant, wish)
    assert (first.offset, second.offset, third.offset) == (0, 5, 10)
    assert second.state.slots == first.state.slots
    shown = {item.id for page in (first, second, third) for item in page.listings}
    assert len(shown) == 15


async def test_there_is_no_page_after_the_last(assistant: Assistant) -> None:
    found = await _talk(assistant, "двушка в Москве до 60 млн")
    for _ in range(found.total // 5):
        page = await _talk(assistant, "покажи ещё")
    over = page if not page.listings else await _talk(assistant, "ещё")
    assert over.text == texts.NO_MORE.format(total=found.total)


async def test_another_request_begins_at_its_first_page(assistant: Assistant) -> None:
    await _talk(assistant, "двушка в Москве до 60 млн", "покажи ещё")
    assert (await _talk(assistant, "до 55")).offset == 0


@pytest.mark.parametrize("wish", ["вторая нормально стоит?", "покажи вторую", "что со второй?"])
async def test_a_flat_of_the_list_is_named_by_its_place(assistant: Assistant, wish: str) -> None:
    found = await _talk(assistant, "двушка в Москве до 60 млн")
    picked = await _talk(assistant, wish)
    assert [item.id for item in picked.listings] == [found.listings[1].id]
    assert "Источник" in picked.text


async def test_a_flat_that_is_not_in_the_list(assistant: Assistant) -> None:
    found = await _talk(assistant, "двушка в Казани до 60 млн")
    answer = await _talk(assistant, "покажи пятидесятую")
    assert answer.text == texts.NO_SUCH_PLACE.format(total=found.total) or found.total >= 50


async def test_a_flat_goes_into_the_favourites_by_word(assistant: Assistant) -> None:
    found = await _talk(assistant, "двушка в Москве до 60 млн")
    for _ in range(2):  # said twice, it stays there
        await _talk(assistant, "добавь третью в избранное")
    assert [item.id for item in await assistant.favourites(ANYA)] == [found.listings[2].id]


@pytest.mark.parametrize("wish", ["сохрани этот поиск", "сообщай о новых", "следи за этим"])
async def test_how_to_follow_a_search(assistant: Assistant, wish: str) -> None:
    found = await _talk(assistant, "двушка в Москве до 60 млн")
    answer = await _talk(assistant, wish)
    assert (answer.text, answer.state.key) == (texts.HOW_TO_WATCH, found.state.key)
    assert answer.listings


@pytest.mark.parametrize("wish", ["где это на карте?", "покажи на карте"])
async def test_how_to_see_a_map(assistant: Assistant, wish: str) -> None:
    await _talk(assistant, "двушка в Москве до 60 млн")
    answer = await _talk(assistant, wish)
    assert answer.text == texts.HOW_TO_MAP
    assert answer.listings


@pytest.mark.parametrize(
    ("wish", "order"),
    [
        ("покажи самые выгодные", "discount"),
        ("отсортируй по цене за метр", "price_per_metre"),
        ("сначала дешёвые", "price"),
    ],
)
async def test_the_list_is_put_in_order_by_word(
    assistant: Assistant, wish: str, order: str
) -> None:
    await _talk(assistant, "двушка в Москве до 60 млн", "покажи ещё")
    ordered = await _talk(assistant, wish)
    assert (ordered.state.sort, ordered.offset) == (order, 0)
    assert (await _talk(assistant, "ещё")).state.sort == order


@pytest.mark.parametrize(
    ("wish", "named"),
    [("есть с балконом?", "балкон"), ("а с лифтом и паркингом?", "паркинг, лифт")],
)
async def test_a_wish_that_no_filter_serves(assistant: Assistant, wish: str, named: str) -> None:
    await _talk(assistant, "двушка в Москве до 60 млн")
    assert (await _talk(assistant, wish)).text == texts.NO_FILTER.format(wishes=named)


async def test_the_market_is_told_by_word(assistant: Assistant) -> None:
    told = await _talk(assistant, "какой сейчас рынок в Москве?")
    assert told.text.startswith("**Рынок: Москва**")
    assert "Рынок: Москва" in (await _talk(assistant, "сколько стоит метр в Москве")).text
    few = await _talk(assistant, "сколько стоит метр в Воркуте")
    assert few.text == texts.MARKET_FEW.format(place="Воркута")


async def test_a_loan_is_counted_from_the_budget_of_the_talk(assistant: Assistant) -> None:
    told = await _talk(
        assistant,
        "двушка в Москве до 18 млн",
        "а сколько в месяц если взнос 5 миллионов, ставка 18",
    )
    assert told.text.startswith("Считаю от 18 млн ₽: это твой бюджет.")
    assert "взнос 5 млн" in told.text.replace("\u00a0", " ")
    longer = await _talk(assistant, "а если на 20 лет?")
    assert "20 лет" in longer.text.replace("\u00a0", " ")


@pytest.mark.parametrize("text", ["а если евроремонт?", "а с ремонтом?", "а на первом этаже?"])
def test_a_supposition_changes_the_flat_in_question(text: str) -> None:
    turn = read_turn(text, "value")
    assert turn.intent == "value"
    assert turn.slots


@pytest.mark.parametrize(
    "text", ["а если цены упадут?", "а если банк откажет в ипотеке?", "на что смотреть?"]
)
def test_a_question_in_general_changes_nothing(text: str) -> None:
    assert read_turn(text, "value").intent == "other"


@pytest.mark.parametrize("said", ["спасибо!", "на что смотреть в ванной?", "что с кухней делать?"])
async def test_other_talk_is_the_models(assistant: Assistant, said: str) -> None:
    assert (await _talk(assistant, "двушка в Москве до 60 млн", said)).text == BY_MODEL
