"""Text from tokens: whole characters, stop strings anywhere, nothing shown too early."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.qwen.text import TextStream


def stream(tokenizer: Any, tokens: list[int], stop: tuple[str, ...] = ()) -> list[str]:
    text = TextStream(tokenizer, stop)
    pieces = []
    for token in tokens:
        pieces.append(text.feed(token))
        if text.stopped:
            return pieces
    return [*pieces, text.finish()]


def letters(tokenizer: Any, text: str) -> list[int]:
    """The text with every byte a token of its own."""
    from tokenizers.pre_tokenizers import ByteLevel

    [(pieces, _)] = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return tokenizer.convert_tokens_to_ids(list(pieces))


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_characters_come_whole(tokenizer: Any, text: str) -> None:
    tokens = letters(tokenizer, text) if text else []
    pieces = stream(tokenizer, tokens)
    assert "".join(pieces) == text.strip()


def test_an_unfinished_character_is_not_shown(tokenizer: Any) -> None:
    assert "".join(stream(tokenizer, letters(tokenizer, "да🙂")[:-1])) == "да"


@given(st.lists(st.integers(3, 600), max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_tokens_can_be_decoded(tokenizer: Any, tokens: list[int]) -> None:
    shown = "".join(stream(tokenizer, tokens))
    whole = tokenizer.decode(tokens).strip()
    assert whole.startswith(shown.rstrip("�"))


@given(st.text("абв \n"), st.lists(st.text("абв \n", min_size=1, max_size=4), max_size=3))
@settings(max_examples=500, deadline=None)
def test_stops_at_the_first_stop_string(tokenizer: Any, text: str, stop: list[str]) -> None:
    tokens = letters(tokenizer, text) if text else []
    shown = "".join(stream(tokenizer, tokens, tuple(stop)))
    body = text.lstrip()
    ends = []
    for length in range(len(body) + 1):  # the earliest moment at which one is complete
        ends = [at for word in stop if (at := body[:length].find(word)) >= 0]
        if ends:
            break
    assert shown == (body[: min(ends)] if ends else body).rstrip()


def test_a_stop_string_across_tokens_is_never_seen(tokenizer: Any) -> None:
    pieces = stream(tokenizer, letters(tokenizer, "Да.\nАня: нет"), ("\nАня:",))
    assert "".join(pieces) == "Да."
    assert all("\n" not in piece for piece in pieces)
