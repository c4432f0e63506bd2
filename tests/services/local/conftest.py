"""Tiny models with random weights and a small real tokenizer, and the embedded model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from services.env import PROJECT_ROOT

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CORPUS = [
    "Привет! Как тебя зовут? Меня зовут Гриша, я твой собеседник.",
    "Расскажи о море. Море синее, тёплое и солёное, а берег жёлтый.",
    "Столица России — Москва. Квартира у метро стоит дорого.",
    "user assistant system Hello, world! The quick brown fox jumps over the lazy dog.",
]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
WINDOW = 16  # of the Gemma: much less than the contexts in the tests


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A byte-level BPE of Qwen2's kind with a ChatML template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def build_model(kind: str, vocabulary: int) -> Any:
    """A random model in float64: rounding can't decide which token is the likeliest."""
    import torch
    import transformers

    configs = {
        "qwen2": transformers.Qwen2Config,
        "llama": transformers.LlamaConfig,
        "gemma3": transformers.Gemma3TextConfig,
        "qwen3": transformers.Qwen3Config,
        "mistral": transformers.MistralConfig,
        "gpt_neox": transformers.GPTNeoXConfig,
    }
    extra: dict[str, Any] = {}
    if kind in ("qwen3", "mistral"):
        extra = {"head_dim": 8, "sliding_window": WINDOW}
    if kind == "gemma3":
        extra = {"head_dim": 8, "sliding_window": WINDOW, "query_pre_attn_scalar": 8}
        extra["layer_types"] = ["sliding_attention", "full_attention", "sliding_attention"]
    torch.manual_seed(7)
    config = configs[kind](
        vocab_size=vocabulary,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=False,
        **SIZES,
        **extra,
    )
    return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float64).eval()


@pytest.fixture(scope="session")
def tiny_qwen(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Qwen2, as `LOCAL_MODEL` takes it."""
    folder = tmp_path_factory.mktemp("tiny-qwen")
    build_model("qwen2", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def prepared_data_dir() -> Path:
    """A DATA_DIR where the embedded model is prepared once and found by later runs."""
    from services.local.embedded import Preparation

    data_dir = Path(os.environ.get("TEST_MODEL_CACHE") or PROJECT_ROOT / "var" / "tests")
    Preparation().run(data_dir, lambda share, stage: None)
    return data_dir
