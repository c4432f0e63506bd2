"""How the next token is chosen: the same rules, in the same order, as `generate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CANDIDATES = 512  # a nucleus is nearly always within the likeliest few; sorting 262,144 is slow


@dataclass(frozen=True, slots=True)
class Sampling:
    """One request's way to choose; `temperature` 0 takes the likeliest token."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int | None = None
    repetition_penalty: float = 1.0
    seed: int | None = None


class Sampler:
    """Chooses the tokens of one answer, with a random generator of its own."""

    def __init__(self, sampling: Sampling, prompt: list[int], device: torch.device) -> None:
        import torch

        self._sampling = sampling
        self._generator = torch.Generator(device)
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)
        self._seen = set(prompt)
        self._seen_tensor = torch.tensor(sorted(self._seen), device=device)

    def choose(self, logits: torch.Tensor) -> int:
        """The next token by `logits` of shape (vocabulary,)."""
        if self._sampling.temperature <= 0:
            token = int(self._penalise(logits).argmax())
        else:
            token = self._draw(logits)
        self._see(token)
        return token

    def candidates(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens that may be drawn, and their weights."""
        return self._nucleus(self._penalise(logits) / self._sampling.temperature)

    def _penalise(self, logits: torch.Tensor) -> torch.Tensor:
        import torch

        penalty = self._sampling.repetition_penalty
        if penalty == 1.0:
            return logits
        seen = logits[self._seen_tensor]
        logits = logits.clone()
        logits[self._seen_tensor] = torch.where(seen < 0, seen * penalty, seen / penalty)
        return logits

    def _see(self, token: int) -> None:
        import torch

        if token not in self._seen:
            self._seen.add(token)
            new = torch.tensor([token], device=self._seen_tensor.device)
            self._seen_tensor = torch.cat((self._seen_tensor, new))

    def _draw(self, logits: torch.Tensor) -> int:
        import torch

        tokens, weights = self.candidates(logits)
        return int(tokens[torch.multinomial(weights, 1, generator=self._generator)])

    def _nucleus(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        top_p, size = self._sampling.top_p, logits.shape[-1]
        if self._sampling.top_k:
            logits, tokens = torch.topk(logits, min(size, self._sampling.top_k))
            return self._cut(tokens, torch.softmax(logits, -1))
        weights = torch.softmax(logits, -1)
        if top_p >= 1:
            return torch.arange(size, device=logits.device), weights
        likeliest, tokens = torch.topk(weights, min(size, CANDIDATES))
        if float(likeliest.sum()) < top_p:
            likeliest, tokens = torch.sort(weights, descending=True)
        return self._cut(tokens, likeliest)

    def _cut(
        self, tokens: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The fewest likeliest tokens that together reach top_p."""
        before = weights.cumsum(-1) - weights
        keep = max(1, int((before < self._sampling.top_p).sum()))
        return tokens[:keep], weights[:keep]
