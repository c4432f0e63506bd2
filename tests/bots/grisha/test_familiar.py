"""«Вы» becomes «ты», with its verbs; quotations and texts for others stay."""

from __future__ import annotations

import pytest

from bots.grisha.familiar import familiar, wants_text_for_others


@pytest.mark.parametrize(
    ("polite", "plain"),
    [
        ("Конечно, я понимаю ваше состояние.", "Конечно, я понимаю твоё состояние."),
        ("Приготовьте курицу с овощами.", "Приготовь курицу с овощами."),
        ("Вы можете приготовить суп.", "Ты можешь приготовить суп."),
        ("А вы что любите?", "А ты что любишь?"),
        ("Скажите, как вас зовут?", "Скажи, как тебя зовут?"),
        ("Хотите поговорить о вас?", "Хочешь поговорить о тебе?"),
        ("Здравствуйте! Рад вам.", "Здравствуй! Рад тебе."),
        ("Не стесняйтесь, расскажите.", "Не стесняйся, расскажи."),
        ("Если вы скажете, я помогу.", "Если ты скажешь, я помогу."),
        ("Давайте споём.", "Давай споём."),
    ],
)
def test_says_ty(polite: str, plain: str) -> None:
    assert familiar(polite) == plain


@pytest.mark.parametrize(
    "sentence",
    [
        "Те дети вместе едят в темноте.",
        "Он спросил: «Как вы поживаете?»",
        "Вы устали?",
        "Ребята, вы куда идёте?",
        "А вы все любите чай?",
        "Вы уже готовы к зиме.",
        "Кстати, ты прав.",
        "В ночи светила луна, и так далее.",
        "",
    ],
)
def test_leaves_the_rest(sentence: str) -> None:
    assert familiar(sentence) == sentence


@pytest.mark.parametrize(
    ("question", "for_others"),
    [
        ("Напиши поздравление учительнице", True),
        ("Как сказать «вы» по-английски?", True),
        ("Посоветуй, что приготовить", False),
        ("Выходной сегодня!", False),
    ],
)
def test_texts_for_others(question: str, for_others: bool) -> None:
    assert wants_text_for_others(question) == for_others
