"""Names from introductions: every line of introductions.txt, and a few ways to ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.grisha.names import extract_name

LINES = (Path(__file__).parent / "introductions.txt").read_text("utf-8").splitlines()
WORDS = ("я", "меня", "зовут", "не", "а", "это", "имя", "моё", "Аня", ",", "—", "?", ".", "с")
CASES = [line.split(" =>") for line in LINES if line.strip()]


@pytest.mark.parametrize(("text", "name"), CASES, ids=[text for text, _ in CASES])
def test_finds_the_name_and_nothing_else(text: str, name: str) -> None:
    assert extract_name(text) == (name.strip() or None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Аня", "Аня"),
        ("аня", "Аня"),
        ("ну, Аня", "Аня"),
        ("Аня, а тебя?", "Аня"),
        ("привет, Анна Петровна", "Анна Петровна"),
        ("Гриша", None),
        ("не скажу", None),
        ("работаю", None),
    ],
)
def test_a_bare_name_answers_the_question(text: str, name: str | None) -> None:
    assert extract_name(text, asked=True) == name


@given(st.text(max_size=80))
def test_survives_any_text(text: str) -> None:
    extract_name(text, asked=True)


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_survives_any_order_of_its_own_words(words: list[str]) -> None:
    extract_name(" ".join(words))
