import pytest
from telegramify_markdown import utf16_len

from bots.common.formatting import TEXT_LIMIT, Formatted, render, split


def kinds(message: Formatted) -> list[tuple[str, str]]:
    return [(entity.type, entity.extract_from(message.text)) for entity in message.entities]


def test_renders_markdown_as_entities() -> None:
    message = render("Это **важно**, а это `код`.\n\n- раз\n- два")
    assert message.text == "Это важно, а это код.\n\n• раз\n• два"
    assert kinds(message) == [("bold", "важно"), ("code", "код")]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script> & x < y",
        "a <b>не тег</b>",
        "незакрытый **жир",
        "стоит $5 и $10",
        "1 < 2",
    ],
)
def test_keeps_what_only_looks_like_markup(text: str) -> None:
    assert render(text).text == text


def test_offsets_count_utf16_units() -> None:
    assert kinds(render("😀 **жир😀ный** <b>")) == [("bold", "жир😀ный")]


def test_keeps_lines_of_a_poem() -> None:
    assert render("Раз словечко,\nдва словечко —\nбудет песенка.").text.count("\n") == 2


@pytest.mark.parametrize(
    "markdown",
    [
        "\n\n".join(f"Абзац {n}. " + "слово😀 " * 50 for n in range(40)),
        "слово " * 3000,
        "😀" * 9000,
        "начало\n\n```python\n" + "\n".join(f"print({n})" for n in range(1500)) + "\n```\nконец",
    ],
)
def test_splits_within_the_limit_and_loses_nothing(markdown: str) -> None:
    whole = render(markdown)
    parts = split(whole)
    assert len(parts) > 1
    assert all(0 < utf16_len(part.text) <= TEXT_LIMIT for part in parts)
    assert "".join("".join(part.text.split()) for part in parts) == "".join(whole.text.split())
    for part in parts:
        for entity in part.entities:
            assert 0 <= entity.offset < entity.offset + entity.length <= utf16_len(part.text)


def test_splits_between_paragraphs_and_at_the_border_of_code() -> None:
    paragraph = "слово " * 500
    parts = split(render(f"{paragraph}\n\n{paragraph}"))
    assert [part.text for part in parts] == [paragraph.strip(), paragraph.strip()]

    code = "\n".join(["x = 1"] * 300)
    _first, second = split(render(f"{paragraph}\n```\n{code}\n```"))
    assert kinds(second) == [("pre", code)]


def test_all_parts_but_the_last_stay_while_a_text_grows() -> None:
    text = "\n\n".join(f"Абзац {n}. " + "слово " * 60 for n in range(60))
    before = split(render(text[:9000]))
    after = split(render(text[:9500]))
    assert after[: len(before) - 1] == before[:-1]
