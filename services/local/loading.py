"""Finding and loading the weights: slow work, for a thread of its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services import native
from services.errors import AccessDenied, ConfigError, ModelNotFound, Unavailable
from services.local.config import EMBEDDED, LocalModelSettings
from services.local.hardware import available_cpus

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

logger = logging.getLogger(__name__)

WEIGHTS = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
PREPARED = 0.9  # of the progress shown, when the folder with the weights is there


@dataclass(frozen=True, slots=True)
class Loaded:
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    end_tokens: frozenset[int]


def display_name(settings: LocalModelSettings) -> str:
    """What people call the model."""
    return Path(settings.model).name if Path(settings.model).is_dir() else settings.model


def load(settings: LocalModelSettings, report: Callable[[float], None]) -> Loaded:
    """Load the model of the settings; blocks, reporting the share done.

    Raises ServiceError: ConfigError, ModelNotFound, AccessDenied, Unavailable.
    """
    # Waiting threads that spin take the processor from everything else on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with native.loading():
        import torch

    if settings.quant != "none":
        logger.warning(
            "LOCAL_QUANT больше ничего не делает: сжатые веса — это GGUF, назови файл в LOCAL_MODEL"
        )
    began = time.monotonic()
    folder = find_folder(settings)
    report(PREPARED)
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    if device.type == "cpu":
        torch.set_num_threads(settings.threads or available_cpus())
    loaded = read_folder(folder, device, dtype)
    logger.info(
        "%s is ready in %.1f s: %s, %s, %d threads",
        display_name(settings),
        time.monotonic() - began,
        device,
        str(dtype).removeprefix("torch."),
        torch.get_num_threads(),
    )
    return loaded


def find_folder(settings: LocalModelSettings) -> Path:
    if Path(settings.model).is_dir():
        return Path(settings.model)
    return download(settings.model)


def download(repository: str) -> Path:
    """Fetch the model from the hub, or from its cache when the hub can't be reached."""
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=list(WEIGHTS)))
    except errors.GatedRepoError:
        page = f"https://huggingface.co/{repository}"
        raise AccessDenied("the model is gated", service="local", url=page) from None
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise ModelNotFound(
            f"LOCAL_MODEL={repository} is neither a folder nor a model of the hub", service="local"
        ) from None
    except (errors.HfHubHTTPError, OSError, ConnectionError) as error:
        raise Unavailable(
            f"{repository} can't be downloaded ({type(error).__name__}); "
            f"LOCAL_MODEL={EMBEDDED} needs no hub",
            service="local",
        ) from error


def read_folder(folder: Path, device: torch.device, dtype: torch.dtype) -> Loaded:
    with native.loading():
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"transformers не загружает модель из {folder}: {type(error).__name__}"
        ) from error
    model.to(device).eval()
    return Loaded(model, tokenizer, end_tokens(model, tokenizer))


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer, wherever the model's files name them."""
    configured = model.generation_config.eos_token_id
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*ids, tokenizer.eos_token_id) if token is not None)


def choose_device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"LOCAL_DEVICE={name}: такого устройства здесь нет") from error


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """bfloat16 where the processor computes in it; elsewhere it is slower than float32."""
    import torch

    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if has_bf16_instructions() else torch.float32


def has_bf16_instructions() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    words = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})
