"""Linear layers for a processor: faster than torch's own for few rows, and in int8.

A decode step multiplies every weight matrix by one row per conversation. torch gives that
to MKL, which is good at one row and at a hundred, and several times slower than
memory in between; oneDNN isn't. Its operators are torch's inner ones, so they are looked
up, and where they are missing the layers stay as they are. In float32 no weight is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from services.errors import ConfigError
from services.local.allocator import give_back_memory

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

FEW_ROWS = 8  # up to here MKL keeps pace on a layer's matrices
FEW_ROWS_OF_HEAD = 3  # and on the vocabulary's

KEPT_EXACT = "down_proj"  # reads a product of two vectors: its outliers cost the most in int8

Forward = Callable[[Any], Any]


def adapt(model: PreTrainedModel, calibration: Sequence[int] | None) -> None:
    """Give the model the layers that suit its device.

    With `calibration`, tokens of a usual text, they compute in int8; ConfigError when
    that can't be had.
    """
    import torch

    on_cpu = model.device.type == "cpu" and model.dtype == torch.float32 and has_operators()
    if calibration and not on_cpu:
        raise ConfigError("LOCAL_QUANT=int8 needs a processor, float32 and oneDNN: unset it")
    quantizers = calibrate(model, calibration) if calibration else {}
    for name, layer in linears(model) if on_cpu else ():
        is_head = layer is model.lm_head
        quantize = None if name.endswith(KEPT_EXACT) else quantizers.get(layer)
        layer.forward = int8_linear(layer, quantize) if quantize else float_linear(layer, is_head)
        if quantize:
            layer.weight = None  # laid out anew; the embedding keeps a tied one
    if quantizers:
        give_back_memory()


def linears(model: PreTrainedModel) -> list[tuple[str, Any]]:
    import torch

    return [
        (name, layer) for name, layer in model.named_modules() if type(layer) is torch.nn.Linear
    ]


def has_operators() -> bool:
    import torch

    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.onednn, "qlinear_pointwise")
    )


def float_linear(layer: Any, is_head: bool) -> Forward:
    """A float32 layer."""
    import torch

    weight, bias = layer.weight.detach(), layer.bias
    few_rows = FEW_ROWS_OF_HEAD if is_head else FEW_ROWS
    many_rows = tall_product if is_head else product

    def forward(x: torch.Tensor) -> Any:
        if x.shape[-2] <= few_rows:
            return torch.nn.functional.linear(x, weight, bias)
        return many_rows(x, weight, bias)

    return forward


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> Any:
    import torch

    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def tall_product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> Any:
    """The same with the sides exchanged.

    oneDNN lays out anew what it takes for the weights: here the few rows, not a matrix of
    hundreds of megabytes, which so needs no second copy beside the embedding's.
    """
    result = product(weight, x.reshape(-1, x.shape[-1]), None).t().contiguous()
    result = result.view(*x.shape[:-1], -1)
    return result if bias is None else result.add_(bias)


def calibrate(model: PreTrainedModel, tokens: Sequence[int]) -> dict[Any, RowQuantizer]:
    """Read the text, and see how large each layer's inputs are, channel by channel.

    Layers that read the same rows get one quantizer.
    """
    import torch

    found: dict[Any, RowQuantizer] = {}
    latest: tuple[Any, Any] = (None, None)

    def watch(layer: Any, inputs: tuple[Any, ...]) -> None:
        nonlocal latest
        if inputs[0] is not latest[0]:
            largest = inputs[0].abs().amax((0, 1))
            latest = inputs[0], RowQuantizer(largest.clamp_min(1e-5).sqrt())
        found[layer] = latest[1]

    hooks = [layer.register_forward_pre_hook(watch) for _, layer in linears(model)]
    with torch.no_grad():
        model(torch.tensor([tokens]))
    for hook in hooks:
        hook.remove()
    return found


class RowQuantizer:
    """Rows to uint8 around 128, each by a scale of its own.

    One scale for a whole prompt would lose what is small beside its outliers. For those within
    a row half of a channel's size is moved into the weights (arXiv 2211.10438): `channels` is
    what rows are divided by and weights multiplied. The last result is remembered.
    """

    def __init__(self, channels: torch.Tensor) -> None:
        self.channels = channels
        self._rows: torch.Tensor | None = None
        self._result: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self._result is None or rows is not self._rows:
            self._rows, self._result = rows, self._quantize(rows / self.channels)
        return self._result

    def _quantize(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        scale = rows.abs().amax(-1, keepdim=True).clamp_min_(1e-8).div_(127)
        return (rows / scale).add_(128.5).to(torch.uint8), scale


def int8_linear(layer: Any, quantize: RowQuantizer) -> Forward:
    """A layer with int8 weights, a scale per output, and rows quantized on the way in."""
    import torch

    weight, bias = layer.weight.detach() * quantize.channels, layer.bias
    scales = weight.abs().amax(1).clamp_min(1e-8) / 127
    packed = torch.ops.onednn.qlinear_prepack(
        (weight / scales[:, None]).round_().to(torch.int8), None
    )
    zeros = torch.zeros(len(scales), dtype=torch.int64)

    def forward(x: torch.Tensor) -> Any:
        rows, scale = quantize(x)
        result = torch.ops.onednn.qlinear_pointwise(
            rows, 1.0, 128, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        result = result.mul_(scale)
        return result if bias is None else result.add_(bias)

    return forward
