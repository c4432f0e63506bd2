"""Clean answers: garbage goes, what people write on purpose stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.grisha.cleaning import AnswerCleaner, brief, clean_answer

POEM = "Ночь, улица, фонарь, аптека,\nБессмысленный и тусклый свет.\n\nНочь, улица, фонарь, аптека,"
CODE = "```python\nprint(1)\nprint(1)\nprint(1)\nprint(1)\nprint(1)\n```\nВот так."


@pytest.mark.parametrize(
    "text",
    ["Да-да, очень-очень рад!", "Нет, нет и нет.", "Ха-ха-ха, смешно.", POEM, CODE, "Ну-у-у…",
     "Время: 12:30. Итак: пора.", "— Ты кто?\n— Гриша.", "Чай и ещё раз чай. Да.",
     "1 < 2, а 3 > 2."],
)  # fmt: skip
def test_what_is_meant_stays(text: str) -> None:
    assert clean_answer(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Привет!<|im_end|>\n<|im_start|>user\nкак дела", "Привет!"),
        ("<|im_start|>assistant\nПривет!", "Привет!"),
        ("Гриша: Привет!\nСобеседник: пока", "Привет!"),
        ("**Гриша:** Привет!", "Привет!"),
        ("Привет!\nАня: а ты как?", "Привет!"),
        ("Привет, [ИМЯ]! Рад.", "Привет! Рад."),
        ("Я люблю 你好 чай.", "Я люблю чай."),
        ("да да да да да да", "да да да"),
        ("Я тут. Я тут. Я тут. Я тут. Я тут. Я тут.", "Я тут. Я тут."),
        ("и так далее и тому, и так далее и тому, и так далее и тому", "и так далее и тому"),
        ("ааааааааааааааааааа!", "ааа!"),
    ],
)
def test_garbage_goes(text: str, clean: str) -> None:
    assert clean_answer(text, others=["Аня"]).strip() == clean


def test_a_cut_sentence_is_dropped_where_another_has_ended() -> None:
    assert clean_answer("Первое. Второе было оборв", cut=True) == "Первое."
    assert clean_answer("Без единого конца и кра", cut=True) == "Без единого конца и кра…"


def test_a_placeholder_gets_the_name_that_is_known() -> None:
    assert clean_answer("Привет, [ИМЯ]!", person="Аня") == "Привет, Аня!"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("```\nСнег идёт.\nЗима пришла.\n```", "Снег идёт.\nЗима пришла."),
        ("Вот:\n```text\nСнег идёт.\n```\nДа.", "Вот:\nСнег идёт.\n\nДа."),
        ("```\nx = 1\n```", "```\nx = 1\n```"),
        ('```json\n{"город": "Казань"}\n```', '```json\n{"город": "Казань"}\n```'),
        ("Так: ```код``` и всё.", "Так: ```код``` и всё."),
    ],
)
def test_prose_needs_no_fence(text: str, clean: str) -> None:
    assert clean_answer(text) == clean


def test_on_ty() -> None:
    polite = "Понимаю вас. Вы можете отдохнуть."
    assert clean_answer(polite, on_ty=True) == "Понимаю тебя. Ты можешь отдохнуть."
    assert clean_answer(polite) == polite


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Привет! Чем могу помочь?", "Привет!"),
        ("Столица — Париж. Чем ещё я могу тебе помочь?", "Столица — Париж."),
        ("Бывает. Если у вас есть ещё вопросы, не стесняйтесь спрашивать!", "Бывает."),
        ("Чем могу помочь?", "Чем могу помочь?"),
        ("Я — Qwen, модель от Alibaba Cloud. Рад!", "Я Гриша, чат-бот. Рад!"),
        ("Меня создала компания OpenAI.", "Я Гриша, чат-бот."),
        ("Qwen — это модель от Alibaba.", "Qwen — это модель от Alibaba."),
        ("Чем могу, тем помогу другу.", "Чем могу, тем помогу другу."),
        (
            "Конечно, эхо — это отражение звука. Конечно, и в горах.",
            "Эхо — это отражение звука. Конечно, и в горах.",
        ),
        ("Конечно, да.", "Конечно, да."),
        ("Конечно!", "Конечно!"),
        ("Да. Если у тебя есть кот, вопрос решён.", "Да. Если у тебя есть кот, вопрос решён."),
    ],
)
def test_he_stays_in_character(text: str, clean: str) -> None:
    assert clean_answer(text) == clean


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Закат с крыши? Беру. И чай.", "Закат с крыши? Беру."),
        ("Одно предложение без точки", "Одно предложение без точки"),
        ("Закат — это дело.\n\n1. Билеты.\n2. Река.", "Закат — это дело."),
        ("Здесь важно вот что:\n1. Билеты.\n2. Река.", ""),
        ("", ""),
    ],
)
def test_a_comment_is_brief(text: str, short: str) -> None:
    assert brief(text) == short


def test_hieroglyphs_stay_where_they_were_asked_for() -> None:
    assert clean_answer("Привет — это 你好.", foreign=True) == "Привет — это 你好."


PIECES = st.lists(
    st.sampled_from(
        ["да ", "Гриша: ", "Привет! ", "\n", "<|im_", "end|>", "[ИМЯ]", "你好", "```", "слово ",
         "Вы знаете. ", "Конец. ", "очень " * 30, "<|im_start|>", "Аня: ", "…", " "]
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(PIECES, st.integers(1, 7), st.booleans())
def test_a_stream_comes_out_as_the_whole(pieces: list[str], step: int, cut: bool) -> None:
    text = "".join(pieces)
    whole = AnswerCleaner(others=("Аня",), on_ty=True)
    expected = whole.feed(text) + whole.finish(cut=cut)
    stream = AnswerCleaner(others=("Аня",), on_ty=True)
    parts = [stream.feed(text[at : at + step]) for at in range(0, len(text), step)]
    assert "".join(parts) + stream.finish(cut=cut) == expected
