"""Which of a recogniser's texts is taken."""

from __future__ import annotations

import random

import pytest

from services.media.hypotheses import Hypothesis, choose, distance


def chosen(*texts: tuple[str, float]) -> str:
    return choose([Hypothesis(*each) for each in texts], russian=True).text


def test_words_that_most_readings_share_win_over_the_likeliest_text() -> None:
    assert (
        chosen(
            ("Скажи что-нибудь хорошие.", -0.30),
            ("скажи что-нибудь хорошее", -0.31),
            ("Скажи, что-нибудь хорошее!", -0.32),
        )
        == "скажи что-нибудь хорошее"
    )


def test_the_likeliest_wins_where_nothing_else_speaks_against_it() -> None:
    assert chosen(("дом", -0.1), ("сад", -0.9)) == "дом"
    assert chosen(("дом", -0.5)) == "дом"


def test_invented_words_lose() -> None:
    assert chosen(("спаискарайон митина", -0.2), ("из поиска район Митино", -0.4)).startswith("из")


@pytest.mark.parametrize(
    ("wanted", "given", "errors"),
    [("", "", 0), ("а б в", "а в", 1), ("а б", "б а", 2), ("а", "", 1), ("", "а б", 2)],
)
def test_distance(wanted: str, given: str, errors: int) -> None:
    assert distance(wanted.split(), given.split()) == errors


def test_distance_is_a_metric() -> None:
    chance = random.Random(5)
    for _ in range(300):
        one, two, three = (chance.choices("абв", k=chance.randrange(6)) for _ in range(3))
        assert distance(one, two) == distance(two, one)
        assert distance(one, three) <= distance(one, two) + distance(two, three)
        assert (distance(one, two) == 0) is (one == two)
