"""Open a chat model by the name of its backend.

Each client is imported only when asked for, so that a bot on GigaChat doesn't load torch.
"""

from __future__ import annotations

from typing import Literal, get_args

from services.chat import ChatModel
from services.env import read_settings

Backend = Literal["gigachat", "huggingface", "local", "openai"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

# What must be set before a backend can answer; `main.py --list` shows what is missing.
REQUIRED_SETTINGS: dict[Backend, tuple[str, ...]] = {
    "gigachat": ("GIGA_CLIENT_BASIC",),
    "huggingface": ("HF_TOKEN",),
    "local": (),
    "openai": ("LLM_BASE_URL", "LLM_MODEL"),
}


def open_chat_model(backend: Backend, model: str | None = None) -> ChatModel:
    """Open a model of `backend`; `model` overrides the one in the settings.

    Sends no request; a local model starts to load. The caller closes the model with `aclose`.
    Raises ConfigError that names the missing variable, ValueError for an unknown backend.
    """
    override = {} if model is None else {"model": model}
    if backend == "gigachat":
        from services.gigachat import GigaChatModel, GigaChatSettings

        return GigaChatModel(read_settings(GigaChatSettings).model_copy(update=override))
    if backend == "openai":
        from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings

        return OpenAICompatibleModel(
            read_settings(OpenAICompatibleSettings).model_copy(update=override)
        )
    if backend == "huggingface":
        from services.huggingface.client import HuggingFaceModel
        from services.huggingface.config import HuggingFaceSettings

        return HuggingFaceModel(read_settings(HuggingFaceSettings).model_copy(update=override))
    if backend == "local":
        from services.local import LocalModelSettings, open_local_model

        return open_local_model(read_settings(LocalModelSettings).model_copy(update=override))
    raise ValueError(f"unknown backend: {backend}")
