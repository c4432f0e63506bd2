"""Why transformers' own continuous batching doesn't carry `LocalModel`.

It is asked for what the bots ask of a model. It can't do a penalty for repeating, neither one
for all requests nor one of a request's own, nor a seed. When one of these tests fails, because a
new transformers can: look again whether it may replace services/local/scheduler.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:Passing `repetition_penalty`:UserWarning")
PENALTY = 1.5
PROMPT = [1, 5, 30, 41, 7, 2, 9, 30]


@pytest.fixture(scope="module")
def model(tiny_qwen: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_qwen, dtype=torch.float32).eval()


@pytest.fixture
def manager(model: Any) -> Iterator[Any]:
    from transformers.generation import ContinuousBatchingConfig, GenerationConfig

    # What isn't set here, when it begins, can't be set per request.
    generation = GenerationConfig(
        do_sample=True,
        temperature=0.9,
        top_p=0.9,
        repetition_penalty=PENALTY,
        eos_token_id=-1,
        pad_token_id=0,
    )
    config = ContinuousBatchingConfig(
        num_blocks=64, max_batch_tokens=64, page_size=32, per_request_processors=True
    )
    with model.continuous_batching_context_manager(
        generation, continuous_batching_config=config, warmup=False
    ) as manager:
        yield manager


def ask(manager: Any, **options: Any) -> Any:
    name = manager.add_request(PROMPT, max_new_tokens=24, eos_token_id=-1, **options)
    while (output := manager.get_result(request_id=name, timeout=5)) is not None:
        if output.is_finished() or output.error:
            return output
    raise AssertionError("no answer came")


def test_it_takes_a_temperature_per_request(manager: Any) -> None:
    cold = [ask(manager, temperature=1e-4).generated_tokens for _ in range(2)]
    assert cold[0] == cold[1]
    assert ask(manager, temperature=50.0).generated_tokens != cold[0]


def test_it_drops_the_penalty_for_repeating(model: Any, manager: Any) -> None:
    """It was begun with one, and writes what `generate` writes without."""
    import torch

    def generate(penalty: float) -> list[int]:
        output = model.generate(
            torch.tensor([PROMPT]),
            do_sample=False,
            repetition_penalty=penalty,
            max_new_tokens=24,
            eos_token_id=None,
            pad_token_id=0,
        )
        tokens: list[int] = output[0, len(PROMPT) :].tolist()
        return tokens

    assert generate(1.0) != generate(PENALTY)
    assert ask(manager, temperature=1e-4).generated_tokens == generate(1.0)


@pytest.mark.parametrize("option", [{"repetition_penalty": 1.5}, {"seed": 5}])
def test_it_refuses_a_penalty_or_a_seed_per_request(manager: Any, option: dict[str, Any]) -> None:
    refused = ask(manager, temperature=1.0, **option)
    assert refused.generated_tokens == []
    assert f"Unknown logit_processor_kwargs: {{'{next(iter(option))}'}}" in refused.error
