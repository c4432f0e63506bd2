"""What is counted in texts, which temperatures are read, what the chart shows."""

from __future__ import annotations

import pytest

from bots.literary import chart, temperatures, texts
from bots.literary.figures import mean_similarity, measure, similarity
from bots.literary.workshop import Version


def test_figures() -> None:
    figures = measure("Маяк горит. Маяк горит. Маяк горит!")
    assert (figures.words, figures.distinct) == (6, pytest.approx(2 / 6))
    assert figures.repeated == pytest.approx(2 / 4)
    assert measure("").distinct == 0


def test_similarity() -> None:
    assert similarity("Ночь, улица", "улица — ночь") == 1
    assert similarity("ночь", "день") == 0
    assert mean_similarity(["а б", "а б", "в г"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0 0.7 1.2", (0, 0.7, 1.2)),
        ("0,3; 1", None),
        ("0,3, 1,5", (0.3, 1.5)),
        ("2", (2.0,)),
        ("2.1", None),
        ("-1", None),
        ("1 1 1 1", None),
        ("1 1,0 1", (1.0,)),
        ("", None),
        ("nan", None),
    ],
)
def test_temperatures(text: str, values: tuple[float, ...] | None) -> None:
    assert temperatures.parse(text) == values


def test_comparison_names_the_change() -> None:
    varied = " ".join(f"слово{number}" for number in range(20))
    text = texts.compared([Version(0.0, "да нет или так " * 5), Version(1.2, varied)])
    assert "0: 20 слов, разных 20 %" in text
    assert "словарь стал богаче" in text
    assert "слово в слово" in texts.spread([Version(0.0, "да"), Version(0.0, "да")])


def test_short_versions_are_counted_and_not_compared() -> None:
    text = texts.compared([Version(0.0, "Маяк горит."), Version(1.2, "Маяк спит у моря сегодня.")])
    assert "• 0: 2 слова\n• 1,2: 5 слов\n" in text
    assert "короче 20 слов" in text
    assert "%" not in text


def test_chart_is_a_picture_of_diversity() -> None:
    samples = {0.0: ["а б", "а б"], 1.2: ["а б", "в г"]}
    assert [(t, round(d, 2)) for t, d, _ in chart.points(samples)] == [(0.0, 0.0), (1.2, 1.0)]
    assert chart.draw(samples).startswith(b"\x89PNG")
