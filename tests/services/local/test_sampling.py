"""Tokens are chosen as `generate` chooses them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from services.local.sampling import CANDIDATES, Sampler, Sampling

CPU = torch.device("cpu")


def expected(logits: torch.Tensor, prompt: list[int], sampling: Sampling) -> torch.Tensor:
    """The probabilities of transformers' own processors, in `generate`'s order."""
    steps: list[Any] = [
        RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty),
        TemperatureLogitsWarper(sampling.temperature),
    ]
    if sampling.top_k:
        steps.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        steps.append(TopPLogitsWarper(sampling.top_p))
    scores = LogitsProcessorList(steps)(torch.tensor([prompt]), logits[None].clone())
    return torch.softmax(scores[0], -1)


@given(
    seed=st.integers(0, 10_000),
    temperature=st.floats(0.05, 3),
    top_p=st.one_of(st.just(1.0), st.floats(0.05, 0.99)),
    top_k=st.one_of(st.none(), st.integers(1, 60)),
    penalty=st.floats(0.5, 2),
    size=st.sampled_from([40, 3 * CANDIDATES]),
)
@settings(max_examples=200, deadline=None)
def test_weights_are_those_of_generate(
    seed: int, temperature: float, top_p: float, top_k: int | None, penalty: float, size: int
) -> None:
    logits = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    prompt = [1, 5, 5, 7]
    sampling = Sampling(temperature, top_p, top_k, penalty)
    tokens, weights = Sampler(sampling, prompt, CPU).candidates(logits)
    actual = torch.zeros(size, dtype=torch.float64)
    actual[tokens] = weights / weights.sum()
    torch.testing.assert_close(actual, expected(logits, prompt, sampling))


def test_draws_are_distributed_like_the_weights() -> None:
    logits = torch.randn(12, generator=torch.Generator().manual_seed(1))
    sampling = Sampling(temperature=1.2, top_p=0.9, seed=3)
    sampler = Sampler(sampling, [0], CPU)
    draws = torch.tensor([sampler.choose(logits) for _ in range(4000)])
    shares = torch.bincount(draws, minlength=12) / len(draws)
    torch.testing.assert_close(shares, expected(logits, [0], sampling), atol=0.025, rtol=0)


def test_written_tokens_are_penalised_too() -> None:
    logits = torch.tensor([1.0, 1.1, -1.0])
    sampler = Sampler(Sampling(repetition_penalty=1.5), [2], CPU)
    assert [sampler.choose(logits) for _ in range(3)] == [1, 0, 1]


def test_impossible_logits_are_an_error() -> None:
    sampler = Sampler(Sampling(temperature=1.0), [0], CPU)
    with pytest.raises(RuntimeError):
        sampler.choose(torch.full((4,), float("nan")))
