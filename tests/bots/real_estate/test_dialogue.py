"""A talk of several turns: what is kept, replaced, dropped, asked."""

from __future__ import annotations

import pytest

from bots.real_estate.dialogue import (
    State,
    advance,
    asking,
    can_answer,
    next_question,
    without_slot,
)
from bots.real_estate.request import Intent, Slots
from bots.real_estate.understanding import read_turn


def talk(*messages: str) -> State:
    state = State()
    for text in messages:
        previous = state.intent if state.intent != "other" else None
        state = advance(state, read_turn(text, previous, state.asked))
        if slot := next_question(state):
            state = asking(state, slot)
    return state


def test_slots_gather_over_turns() -> None:
    assert talk("двушка", "в Строгино", "15").slots == Slots(
        district="Строгино", rooms=(2,), price_max=15_000_000
    )


def test_correction_replaces() -> None:
    slots = talk("двушка в Казани до 8 млн", "нет, лучше трёшка", "и до 10").slots
    assert (slots.city, slots.rooms, slots.price_max) == ("Казань", (3,), 10_000_000)


def test_new_city_drops_the_old_district() -> None:
    slots = talk("двушка в Москве, Строгино, до 15 млн", "а в Казани?").slots
    assert (slots.city, slots.district) == ("Казань", None)


def test_contradicting_bound_is_dropped() -> None:
    slots = talk("двушка в Казани от 10 до 12 млн", "до 8 млн").slots
    assert (slots.price_min, slots.price_max) == (None, 8_000_000)


def test_any_clears_and_start_over_forgets() -> None:
    assert (
        talk("двушка в Казани до 8 млн, не первый этаж", "любой этаж").slots.not_first_floor is None
    )
    assert talk("двушка в Казани до 8 млн", "начни сначала") == State()


def test_two_questions_at_most() -> None:
    state = talk("ищу квартиру", "подешевле бы квартиру", "ну просто квартиру")
    assert state.questions == 2
    assert next_question(state) is None


def test_any_price_is_asked_about_no_more() -> None:
    state = talk("двушка в Казани до 10 млн", "в любую цену")
    assert next_question(state) is None
    assert can_answer(state)


def test_a_way_orders_the_list_until_it_is_taken_back() -> None:
    state = talk("двушка в Москве до 20 млн, до Тверской не больше 40 минут")
    assert (state.sort, state.slots.travel_to, state.slots.travel_minutes) == (
        "travel",
        "Тверская",
        40,
    )
    assert (
        talk("двушка в Москве до 20 млн, до Тверской 40 минут", "не выше пятого").sort == "travel"
    )
    without = without_slot(state, "travel_to")
    assert (without.sort, without.slots.travel_to, without.slots.travel_minutes) == (
        "price",
        None,
        None,
    )
    assert talk("двушка в Казани до 9 млн, до Площади Тукая 30 минут").sort == "price"


def test_another_flat_to_value_starts_anew() -> None:
    slots = talk(
        "сколько стоит двушка 54 м на Соколе, 5/9, просят 15 млн", "а сколько стоит 40 м в Люблино?"
    ).slots
    assert (slots.district, slots.area_max, slots.floor, slots.price_max) == (
        "Люблино",
        40,
        None,
        None,
    )


def test_nothing_known_cannot_be_answered() -> None:
    assert not can_answer(State())
    assert not can_answer(State("value", Slots(city="Москва")))
    assert can_answer(State("search", Slots(city="Москва")))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (("двушка в Казани, не выше третьего этажа",), {"floor_max": 3, "floor_min": None}),
        (("двушка в Казани не ниже третьего этажа",), {"floor_min": 3, "floor_max": None}),
        (
            ("двушка в Казани, бюджет миллионов десять может одиннадцать",),
            {"price_max": 11_000_000, "price_min": None},
        ),
        (
            ("однушку в Питере на Озерках",),
            {"city": "Санкт-Петербург", "district": "Озерки", "rooms": (1,)},
        ),
        (("двушка в Казани до 10 млн", "а подешевле?"), {"price_max": 9_000_000, "rooms": (2,)}),
        (("двушка в Казани до 10 млн", "можно подороже"), {"price_max": 11_000_000}),
        (("двушка в Казани от 50 м", "а побольше есть?"), {"area_min": 55, "rooms": (2,)}),
        (
            ("двушка в Казани от 8 до 10 млн", "в любую цену"),
            {"price_min": None, "price_max": None},
        ),
        (("двушка в Казани до 10 млн", "цена не важна"), {"price_max": None, "rooms": (2,)}),
        (("двушка в Казани", "под 20"), {"price_max": 20_000_000}),
        (("двушка в Казани до 10 млн", "панель"), {"house_type": "панель", "rooms": (2,)}),
        (("двушка в Казани до 10 млн", "только кирпич"), {"house_type": "кирпич"}),
        (("двушка в Москве до 20 млн", "рядом с метро"), {"metro_minutes": 15}),
        (("двушка в Москве до 20 млн", "хочу ближе к метро"), {"metro_minutes": 15}),
        (("двушка в Москве до 20 млн", "10 минут пешком до метро"), {"metro_minutes": 10}),
        (
            ("сколько стоит двушка 54 м в Строгино, 5/9", "двушка в Строгино от 15 до 20 млн"),
            {"price_min": 15_000_000, "price_max": 20_000_000, "area_max": None, "floor": None},
        ),
    ],
)
def test_what_is_said_is_used(messages: tuple[str, ...], expected: dict[str, object]) -> None:
    said = talk(*messages).slots
    assert {name: getattr(said, name) for name in expected} == expected


def test_similar_flats_after_a_valuation() -> None:
    state = talk(
        "сколько стоит двушка 54 м на Соколе, 5/9, просят 15 млн", "похожие дешевле 15 млн"
    )
    assert state.intent == "search"
    slots = state.slots
    assert (slots.district, slots.rooms, slots.price_max) == ("Сокол", (2,), 15_000_000)
    assert (slots.area_min, slots.area_max) == pytest.approx((48.6, 59.4))
    assert (slots.floor, slots.price_min) == (None, None)


def test_similar_flats_after_a_search_are_the_same_search() -> None:
    slots = talk("двушка в Казани до 20 млн", "похожие дешевле 15 млн").slots
    assert (slots.city, slots.rooms, slots.price_max) == ("Казань", (2,), 15_000_000)


@pytest.mark.parametrize(
    "request_",
    [
        "двушка в Казани до 8 млн",
        "двушка в Казани от 6 до 8 млн",
        "ищу двушку в Казани до 8 млн",
        "двушку в Казани, до 8",
    ],
)
def test_request_after_a_valuation_searches_without_the_old_flat(request_: str) -> None:
    state = talk("сколько стоит однушка 38 м в Туле, 5/9, просят 4 млн", request_)
    assert (state.intent, state.slots.area, state.slots.floor) == ("search", None, None)
    assert (state.slots.city, state.slots.rooms, state.slots.price_max) == (
        "Казань",
        (2,),
        8_000_000,
    )


def test_answer_about_a_flat_goes_on_valuing() -> None:
    state = talk("сколько стоит двушка 54 м?", "на Соколе, 5/9")
    assert (state.intent, state.slots.area, state.slots.floor) == ("value", 54, 5)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("двушка у метро Сокол до 20 млн", "а в Митино?", (None, "Митино", None)),
        ("двушка в Митино до 20 млн", "лучше у метро Сокол", (None, None, "Сокол")),
        ("двушка в Москве, Митино, до 20 млн", "в Купчино", (None, "Купчино", None)),
        ("двушка в Москве, Митино, до 20 млн", "давай Строгино", ("Москва", "Строгино", None)),
        ("двушка в Москве у метро Сокол", "а в Казани?", ("Казань", None, None)),
        ("двушка в Москве на улице Зорге", "лучше в Митино", ("Москва", "Митино", None)),
    ],
)
def test_new_place_replaces_the_old_one(
    first: str, then: str, expected: tuple[str | None, ...]
) -> None:
    slots = talk(first, then).slots
    assert (slots.city, slots.district, slots.metro) == expected
    assert slots.words is None


def test_request_told_anew_leaves_nothing_of_the_old_one() -> None:
    slots = talk(
        "двушка в Казани до 8 млн, не первый этаж, с ремонтом", "ищу студию в Сочи до 10 млн"
    ).slots
    assert slots == Slots(city="Сочи", rooms=(0,), price_max=10_000_000)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("сравни первые три", (1, 2, 3)),
        ("сравни первые две", (1, 2)),
        ("сравни первую и третью", (1, 3)),
        ("сравни 2 и 4", (2, 4)),
    ],
)
def test_comparison_names_places_of_the_list(text: str, places: tuple[int, ...]) -> None:
    assert read_turn(text, "search").follow_up.compared == places


@pytest.mark.parametrize(
    "text",
    [
        "какая погода в Сочи?", "ты дурак", "привет!", "спасибо, друг", "что нового в Казани",
        "сам ты двоечник", "иди в баню", "с новым годом!", "лол кек", "1", "42", "???",
    ],
)  # fmt: skip
@pytest.mark.parametrize("previous", [None, "search", "value"])
def test_small_talk_changes_nothing(text: str, previous: Intent | None) -> None:
    state = talk("двушка в Казани до 8 млн")
    message = read_turn(text, previous)
    assert (message.intent, message.slots) == ("other", {})
    assert advance(state, message) == state


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("двушка с балконом и паркингом в Казани до 8 млн", ("балкон", "паркинг")),
        ("комнату или студию в Питере до 4 млн", ("комнаты",)),
        ("двушка в Казани до 8 млн, вид на реку, лифт", ("вид из окон", "лифт")),
        ("двушка в Казани до 8 млн", ()),
    ],
)
def test_wishes_without_a_filter_are_named(text: str, ignored: tuple[str, ...]) -> None:
    assert read_turn(text).ignored == ignored


def test_state_survives_json() -> None:
    state = talk("двушка или трёшка в Казани до 8 млн")
    assert State.from_json(state.to_json()) == state
