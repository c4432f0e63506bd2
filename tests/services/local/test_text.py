"""Text from tokens: whole characters, stop strings anywhere, nothing shown too early."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.local.text import Loop, TextStream


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


@cache
def byte_fallback() -> Any:
    """A tokenizer of Gemma's and Llama's kind: what has no token is written in bytes."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"▁да": 256, "нет": 257}
    backend = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@given(st.lists(st.one_of(st.integers(0, 257), st.sampled_from("🙂жé")), max_size=20))
@settings(max_examples=300, deadline=None)
def test_bytes_that_make_no_character_end_nothing(pieces: list[int | str]) -> None:
    tokens = [
        token
        for piece in pieces
        for token in (piece.encode() if isinstance(piece, str) else [piece])
    ]
    shown = "".join(stream(byte_fallback(), [*tokens, 256, 257]))
    assert shown.endswith("данет")


def test_a_character_before_bytes_that_make_none_was_shown() -> None:
    tokens = [*"🙂".encode(), 0xD0, 256]
    assert "".join(stream(byte_fallback(), tokens)) == "🙂 да"


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


def pieces_till_a_loop(text: str) -> int | None:
    loop = Loop()
    return next((at for at, letter in enumerate(text, 1) if loop.closes(letter)), None)


def test_a_loop_is_noticed_at_its_fourth_turn() -> None:
    begun, said = "Вот сказка—", "Он любил пить и спать. "
    assert pieces_till_a_loop(begun + said * 9) == len(begun + said * 4)


def test_a_sentence_said_again_and_again_is_a_loop() -> None:
    said = "Он был создан для того, чтобы быть наилучшим другом людей."
    text = "".join(f"{said} Почему {number}? " for number in range(9))
    assert pieces_till_a_loop(text) == text.index("3? ") - len(" Почему ")


@pytest.mark.parametrize(
    "text",
    [
        "ха-ха-ха" * 60,
        "| --- | --- |\n" * 40,
        "".join(f"Строка {number} из таблицы умножения. " for number in range(100)),
        "Припев повторяется три раза. " * 3,
    ],
)
def test_laughter_tables_and_refrains_are_no_loops(text: str) -> None:
    assert pieces_till_a_loop(text) is None
