"""Which engine runs the model of the settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from services.chat import ChatModel
from services.errors import ConfigError
from services.local.config import EMBEDDED, LocalModelSettings

# Hub ids of transformers models, and the official GGUF file of each, quantised to four bits.
GGUF_SIBLINGS: dict[str, str] = {
    f"Qwen/{name}": f"Qwen/{name}-GGUF:{file}-q4_k_m.gguf"
    for name, file in (
        ("Qwen2-0.5B-Instruct", "qwen2-0_5b-instruct"),
        ("Qwen2-1.5B-Instruct", "qwen2-1_5b-instruct"),
        ("Qwen2.5-0.5B-Instruct", "qwen2.5-0.5b-instruct"),
        ("Qwen2.5-1.5B-Instruct", "qwen2.5-1.5b-instruct"),
        ("Qwen2.5-3B-Instruct", "qwen2.5-3b-instruct"),
        ("Qwen2.5-Coder-0.5B-Instruct", "qwen2.5-coder-0.5b-instruct"),
        ("Qwen2.5-Coder-1.5B-Instruct", "qwen2.5-coder-1.5b-instruct"),
        ("Qwen2.5-Coder-3B-Instruct", "qwen2.5-coder-3b-instruct"),
        ("Qwen2.5-Coder-7B-Instruct", "qwen2.5-coder-7b-instruct"),
    )
}


def open_local_model(settings: LocalModelSettings) -> ChatModel:
    """Open LOCAL_MODEL on the server, or on the engine, that fits; it begins to load.

    Raises ConfigError when LOCAL_ENGINE can't run the model.
    """
    if settings.server_url:
        from services.local.server import ServedModel

        return ServedModel(settings)
    gguf = find_gguf(settings)
    if gguf is None:
        from services.local.client import LocalModel

        return LocalModel(settings)
    from services.local.llamacpp import LlamaCppModel

    return LlamaCppModel(settings, gguf)


def find_gguf(settings: LocalModelSettings) -> str | None:
    """The GGUF that llama.cpp is to run: EMBEDDED, a path or `repo:file`; None: transformers."""
    model, engine = settings.model, settings.engine
    if model == EMBEDDED or model.lower().endswith(".gguf"):
        if engine == "transformers":
            raise ConfigError(
                f"LOCAL_ENGINE=transformers не читает GGUF: для LOCAL_MODEL={model} нужен "
                "LOCAL_ENGINE=llamacpp или auto"
            )
        return model
    sibling = None if Path(model).is_dir() else GGUF_SIBLINGS.get(model)
    if engine == "llamacpp" and sibling is None:
        raise ConfigError(
            f"LOCAL_ENGINE=llamacpp: для {model} файл GGUF неизвестен, назови его в LOCAL_MODEL "
            "(путь или репозиторий:файл.gguf)"
        )
    if engine == "transformers" or (engine == "auto" and not prefers_llamacpp(settings)):
        return None
    return sibling


def prefers_llamacpp(settings: LocalModelSettings) -> bool:
    """Whether llama.cpp is installed and there is no GPU for transformers to use."""
    if find_spec("xllamacpp") is None:
        return False
    return settings.device == "cpu" or (settings.device == "auto" and not has_gpu())


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU, found without importing torch, which takes seconds."""
    return Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists()
