"""Tiny models with random weights and a small real tokenizer, and the embedded model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

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
def tiny_gguf(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same kind of model as a GGUF file, with its tokenizer and template inside."""
    path = tmp_path_factory.mktemp("gguf") / "tiny-qwen2.gguf"
    write_gguf(path, tokenizer, build_model("qwen2", len(tokenizer)))
    return path


TENSORS = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(path: Path, tokenizer: Any, model: Any) -> None:
    import gguf
    import torch

    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(SIZES["max_position_embeddings"])
    writer.add_embedding_length(SIZES["hidden_size"])
    writer.add_block_count(SIZES["num_hidden_layers"])
    writer.add_feed_forward_length(SIZES["intermediate_size"])
    writer.add_head_count(SIZES["num_attention_heads"])
    writer.add_head_count_kv(SIZES["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(1e-6)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL for t, _ in vocabulary]
    )
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_eos_token_id(SPECIAL.index("<|im_end|>"))
    writer.add_bos_token_id(SPECIAL.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
    with torch.no_grad():
        model.lm_head.weight[: len(SPECIAL)] = 0  # so that answers seldom end by chance
    for name, tensor in model.state_dict().items():
        where, _, kind = name.rpartition(".")
        if where.startswith("model.layers."):
            number, _, where = where.removeprefix("model.layers.").partition(".")
            writer.add_tensor(f"blk.{number}.{TENSORS[where]}.{kind}", tensor.float().numpy())
        else:
            writer.add_tensor(f"{TENSORS[where]}.{kind}", tensor.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Where the embedded model lies: fetched once, shared by checkouts and later runs."""
    from platformdirs import user_cache_path

    from services.local.weights import Download

    folder = Path(os.environ.get("TEST_MODEL_CACHE") or user_cache_path("llm-bots") / "models")
    Download(folder, lambda share, stage: None).run()
    return folder
