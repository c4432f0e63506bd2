"""int8 keeps the quality: prompts and single tokens are read as well as in float32."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from services.errors import ConfigError
from services.local.linear import RowQuantizer, adapt
from services.local.ragged import Piece, RaggedModel
from tests.services.local.conftest import build_model

SAMPLE = list(range(3, 90))


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    loud, quiet = torch.tensor([[1000.0, -1000.0]]), torch.tensor([[0.001, 0.0005]])
    rows, scales = RowQuantizer(torch.ones(2))(torch.cat((loud, quiet)))
    alone, scale = RowQuantizer(torch.ones(2))(quiet)
    assert rows[1].tolist() == alone[0].tolist()
    assert scales[1] == scale


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_adapted_layers_compute_the_same(int8: bool, rows: int) -> None:
    plain, adapted = (build_model("qwen2", 460).float() for _ in range(2))
    adapt(adapted, SAMPLE if int8 else None)
    tokens = torch.arange(3, 3 + rows)[None]
    with torch.inference_mode():
        expected, actual = plain(tokens).logits, adapted(tokens).logits
    error = (actual - expected).norm() / expected.norm()
    assert error < (0.1 if int8 else 1e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_a_portion_of_a_prompt_asks_the_head_nothing(int8: bool) -> None:
    model = build_model("qwen2", 460).float()
    adapt(model, SAMPLE if int8 else None)
    ragged = RaggedModel(model)
    cache = ragged.new_cache(20)
    assert len(ragged.forward([Piece(cache, [3, 4, 5])], [])) == 0
    assert ragged.forward([Piece(cache, [6])], [0]).shape == (1, 460)


def test_int8_is_refused_where_it_cannot_be() -> None:
    model: Any = build_model("qwen2", 460)  # float64
    with pytest.raises(ConfigError, match="LOCAL_QUANT"):
        adapt(model, SAMPLE)
