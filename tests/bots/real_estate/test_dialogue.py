"""A talk of several turns: what is kept, replaced, dropped, asked."""

from __future__ import annotations

from bots.real_estate.dialogue import State, advance, asking, can_answer, next_question
from bots.real_estate.request import Slots
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


def test_state_survives_json() -> None:
    state = talk("двушка или трёшка в Казани до 8 млн")
    assert State.from_json(state.to_json()) == state
