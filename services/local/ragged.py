"""One forward pass over pieces of many sequences, of any lengths, without padding.

The pieces stand one after another in a batch of one: every linear layer reads its
weights once for all of them, and attention runs sequence by sequence over
each one's own keys and values. It is hung into transformers as an attention
implementation, so that the model code stays the library's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

ATTENTION = "ragged"
SERVED = ("qwen2", "qwen3", "llama", "mistral", "gemma3_text")  # compared with `generate` in tests


class SequenceCache:
    """Keys and values of one sequence: (layer, key or value, head, position, dimension).

    `tokens` are those whose keys and values are in; `capacity` is fixed at birth.
    """

    def __init__(self, data: torch.Tensor, tokens: list[int]) -> None:
        self.data = data
        self.tokens = tokens

    @property
    def capacity(self) -> int:
        return int(self.data.shape[3])

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return int(self.data.nbytes)

    def copy(self, length: int, capacity: int) -> SequenceCache:
        """A new cache of `capacity` that begins with the first `length` tokens of this one."""
        data = self.data.new_empty((*self.data.shape[:3], capacity, self.data.shape[4]))
        data[:, :, :, :length] = self.data[:, :, :, :length]
        return SequenceCache(data, self.tokens[:length])


@dataclass(frozen=True, slots=True)
class Piece:
    """The next tokens of a sequence, to be computed on top of what its cache holds."""

    cache: SequenceCache
    tokens: Sequence[int]


@dataclass(slots=True)
class Batch:
    """The pieces of one pass, with what every layer needs to know about them."""

    pieces: Sequence[Piece]
    device: torch.device
    masks: dict[tuple[int, int | None], torch.Tensor] = field(default_factory=dict)

    def mask(self, number: int, window: int | None, groups: int) -> torch.Tensor:
        """Who of a piece's tokens sees which position; the same for every layer of its kind."""
        key = (number, window)
        if key not in self.masks:
            self.masks[key] = self._build_mask(self.pieces[number], window).repeat(groups, 1)
        return self.masks[key]

    def _build_mask(self, piece: Piece, window: int | None) -> torch.Tensor:
        import torch

        start = len(piece.cache.tokens)
        end = start + len(piece.tokens)
        seen = torch.arange(first_seen(start, window), end, device=self.device)
        asking = torch.arange(start, end, device=self.device)[:, None]
        mask = seen <= asking
        return mask if window is None else mask & (seen > asking - window)


def first_seen(position: int, window: int | None) -> int:
    """The first position that a token at `position` sees."""
    return 0 if window is None else max(0, position - window + 1)


class RaggedModel:
    """A causal language model of transformers, run over pieces of many sequences."""

    def __init__(self, model: PreTrainedModel) -> None:
        config = model.config
        if config.model_type not in SERVED:
            raise ConfigError(f"LOCAL_MODEL: {config.model_type} нет среди {', '.join(SERVED)}")
        self._model = model
        heads = config.num_key_value_heads
        width = getattr(config, "head_dim", None) or (
            config.hidden_size // config.num_attention_heads
        )
        self._shape = (config.num_hidden_layers, 2, heads)
        self._width = width
        self.device = model.device
        self.token_bytes: int = config.num_hidden_layers * 2 * heads * width * model.dtype.itemsize
        register()
        model.set_attn_implementation(ATTENTION)

    def new_cache(self, capacity: int) -> SequenceCache:
        import torch

        shape = (*self._shape, capacity, self._width)
        return SequenceCache(torch.empty(shape, dtype=self._model.dtype, device=self.device), [])

    def forward(self, pieces: Sequence[Piece], ask: Sequence[int]) -> torch.Tensor:
        """Compute the pieces into their caches; return the logits after each piece in `ask`.

        If it raises, the caches are as before: their `tokens` grow only at the end.
        """
        hidden = self.hidden(pieces)
        logits = self.logits(hidden[self._ends(pieces, ask)]) if ask else hidden[:0]
        for piece in pieces:
            piece.cache.tokens.extend(piece.tokens)
        return logits

    def hidden(self, pieces: Sequence[Piece]) -> torch.Tensor:
        """What the last layer says of every token: (token, dimension)."""
        import torch

        tokens = [token for piece in pieces for token in piece.tokens]
        positions = [
            position
            for piece in pieces
            for position in range(
                len(piece.cache.tokens), len(piece.cache.tokens) + len(piece.tokens)
            )
        ]
        with torch.inference_mode():
            hidden: torch.Tensor = self._model.model(
                input_ids=torch.tensor([tokens], device=self.device),
                position_ids=torch.tensor([positions], device=self.device),
                use_cache=False,
                ragged=Batch(pieces, self.device),
            ).last_hidden_state[0]
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of every next token, in float32 or finer."""
        import torch

        with torch.inference_mode():
            logits: torch.Tensor = self._model.lm_head(hidden)
        return logits if logits.dtype.itemsize >= 4 else logits.float()

    def _ends(self, pieces: Sequence[Piece], ask: Sequence[int]) -> list[int]:
        ends, end = [], -1
        for piece in pieces:
            end += len(piece.tokens)
            ends.append(end)
        return [ends[number] for number in ask]


def register() -> None:
    """Make the attention known to transformers; doing it twice changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, attend)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: None,
    *,
    ragged: Batch,
    scaling: float,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it.

    In: (1, head, token, dimension); out: (1, token, head, dimension).
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    heads, dimension = query.shape[1], query.shape[3]
    kv_heads = key.shape[1]
    groups = heads // kv_heads
    output = torch.empty_like(query[0])
    keys_and_values = torch.stack((key[0], value[0]))
    begin = 0
    for number, piece in enumerate(ragged.pieces):
        length = len(piece.tokens)
        end, start = begin + length, len(piece.cache.tokens)
        layer = piece.cache.data[module.layer_idx]
        layer[:, :, start : start + length] = keys_and_values[:, :, begin:end]
        first = first_seen(start, sliding_window)
        seen = layer[:, None, :, first : start + length]
        # Query heads that share a key head are asked as more tokens of it: nothing is repeated.
        asked = query[0, :, begin:end].reshape(1, kv_heads, groups * length, dimension)
        mask = None if length == 1 else ragged.mask(number, sliding_window, groups)
        answer = scaled_dot_product_attention(
            asked, seen[0], seen[1], attn_mask=mask, scale=scaling
        )
        output[:, begin:end] = answer.view(heads, length, dimension)
        begin = end
    return output.transpose(0, 1)[None], None
