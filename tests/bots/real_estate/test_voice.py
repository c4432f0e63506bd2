"""What a model may say: an invention never reaches the user, whatever form it takes."""

from __future__ import annotations

import pytest

from bots.real_estate.guard import NumberGuard, find_invention
from bots.real_estate.understanding import read_turn
from bots.real_estate.understanding.model import read_with_model, validated
from bots.real_estate.voice import Voice
from bots.real_estate.wording import STYLES, lead
from services.chat import Completion, FunctionCall
from services.errors import BadResponse, Unavailable
from tests.fakes.chat import FakeChatModel

FACTS = "1. **12,45 млн ₽** · 2-комн., 54,3 м², 5/9 эт., м. Сокол 7 мин, Лукоморская улица · id 17"
REQUEST = "двушка в Москве до 15 млн"


@pytest.mark.parametrize(
    "text",
    [
        "Есть вариант за 12,45 млн у метро Сокол.",
        "Смотри: 54,3 м² на пятом этаже из 9, 12 450 000 ₽.",
        "Двушка в Москве до 15 миллионов нашлась на Лукоморской улице.",
        "Нашлось кое-что по душе!",
    ],
)
def test_what_stands_in_the_facts_may_be_said(text: str) -> None:
    assert find_invention(text, f"{FACTS}\n{REQUEST}") is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Есть ещё за 11,9 млн!", "number"),
        ("Площадь 60 м².", "number"),
        ("Всего пятнадцать с половиной миллионов.", "number"),
        ("Объявление 18 лучше.", "number"),
        ("Нашлось семь вариантов.", "number"),
        ("Есть и трёшка!", "number"),
        ("Она на седьмом этаже.", "number"),
        ("Там 7 комнат.", "number"),
        ("Рядом Строгино, там дешевле.", "place"),
        ("Съезди в Казань.", "place"),
        ("Дом на улице Тверской.", "street"),
        ("Подробности на www.flats.example", "link"),
    ],
)
def test_inventions_are_found(text: str, kind: str) -> None:
    assert find_invention(text, f"{FACTS}\n{REQUEST}") == kind


def test_rejections_are_counted() -> None:
    guard = NumberGuard()
    assert not guard.allows("За 3 млн", (FACTS,))
    assert guard.allows("Хороший выбор", (FACTS,))
    assert (guard.rejected, guard.reasons) == (1, {"number": 1})


@pytest.mark.parametrize("style", STYLES)
async def test_invented_listing_is_not_told(style: str) -> None:
    model = FakeChatModel("Бери вот эту: 45 м² за 7,3 млн на улице Ленина, 3!")
    voice = Voice(model)
    assert await voice.comment(style, FACTS, REQUEST) is None
    assert voice.guard.rejected == 1


@pytest.mark.parametrize("failure", [Unavailable("down"), BadResponse("not JSON"), ""])
async def test_failing_model_says_nothing(failure: Exception | str) -> None:
    model = FakeChatModel()
    model.enqueue(failure)
    assert await Voice(model).comment("краткий", FACTS, REQUEST) is None


@pytest.mark.parametrize("mumbled", ["-", "—", "...", "1.", "**"])
async def test_a_model_that_mumbles_leaves_the_word_to_the_template(mumbled: str) -> None:
    assert await Voice(FakeChatModel(mumbled)).comment("краткий", FACTS, REQUEST) is None
    assert await Voice(FakeChatModel(mumbled)).talk("краткий", "привет") == lead("help", "краткий")


async def test_hanging_model_says_nothing() -> None:
    model = FakeChatModel()
    model.gate.clear()
    voice = Voice(model, timeout=0.05)
    assert await voice.comment("краткий", FACTS, REQUEST) is None
    assert model.active == 0


async def test_good_words_are_kept() -> None:
    voice = Voice(FakeChatModel("Сокол — спокойное место, глянь первую."))
    assert await voice.comment("краткий", FACTS, REQUEST) == (
        "Сокол — спокойное место, глянь первую."
    )


def _call(**arguments: object) -> Completion:
    return Completion(
        "", "function_call", "fake", function_call=FunctionCall("update_request", arguments)
    )


async def test_model_fills_what_rules_left() -> None:
    text = "мне бы что-нибудь в посёлке Берёзовка миллионов эдак за семь"
    model = FakeChatModel()
    model.enqueue(_call(intent="search", city="Берёзовка", price_max=7_000_000, rooms="two", x=1))
    turn = read_turn("мне бы что-нибудь эдакое")
    read = await read_with_model(model, text, turn)
    assert (read.intent, read.slots) == ("search", {"city": "Берёзовка", "price_max": 7_000_000})
    assert model.history[0][1].function_call == "update_request"


async def test_a_place_alone_makes_no_search_of_a_question() -> None:
    text = "что скажешь про жизнь в Бибирево"
    model = FakeChatModel()
    model.enqueue(_call(intent="search", district="Бибирево"))
    turn = read_turn(text)
    assert await read_with_model(model, text, turn) == turn


WRONG_CALL = FunctionCall("drop_table", {"intent": "search"})


@pytest.mark.parametrize(
    "answer",
    [
        "Конечно, помогу!",
        Unavailable("down"),
        Completion("", "function_call", "fake", function_call=WRONG_CALL),
    ],
)
async def test_model_without_the_call_changes_nothing(answer: object) -> None:
    model = FakeChatModel()
    model.enqueue(answer)  # type: ignore[arg-type]
    turn = read_turn("что-нибудь уютное для кота")
    assert await read_with_model(model, "что-нибудь уютное для кота", turn) == turn


async def test_hanging_reader_changes_nothing() -> None:
    model = FakeChatModel()
    model.gate.clear()
    turn = read_turn("что-нибудь уютное для кота")
    assert await read_with_model(model, "кот", turn, timeout=0.05) == turn


def test_arguments_need_the_users_words() -> None:
    invented = {
        "city": "Казань", "price_max": 9_000_000, "area_min": -5, "rooms": [2, 99], "floor": True,
        "renovation": "золотой", "not_first_floor": True,
    }  # fmt: skip
    assert validated(invented, "квартира до 7 млн") == {}
