"""Which models see pictures: a table of names, and a setting for the others."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.chat import Message
from services.env import EnvSettings, read_settings
from services.errors import CannotSee

# By the vendors' lists of July 2026, in lower case and without the organisation before the name.
KNOWN = (
    "gigachat*-pro*", "gigachat*-max*", "gigachat*-ultra*",
    "gpt-4o*", "gpt-4.1*", "gpt-4-turbo*", "gpt-5*", "o3*", "o4*", "chatgpt-4o*",
    "*-vl-*", "*-vl", "*vision*", "*llava*", "*pixtral*", "*internvl*", "*minicpm-v*",
    "gemma-3-4b*", "gemma-3-12b*", "gemma-3-27b*", "gemma-4*", "llama-4-*", "qwen*-omni*",
    "claude-*", "gemini-*", "glm-4*v*", "mistral-small-3*",
)  # fmt: skip
SUGGESTED = {
    "gigachat": "GigaChat-2-Max (GIGA_MODEL_NAME)",
    "local": "Qwen/Qwen2.5-VL-7B-Instruct на Hugging Face (--backend huggingface)",
    "huggingface": "Qwen/Qwen2.5-VL-7B-Instruct (HF_MODEL)",
}
ANY_SERVER = "например Qwen2.5-VL на своём сервере (LLM_MODEL) или GigaChat-2-Max"


class VisionSettings(EnvSettings):
    """`models` are names or patterns of models that see, beside those of the table."""

    models: Annotated[tuple[str, ...], NoDecode] = Field((), alias="VISION_MODELS")

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def can_see(model: str, more: Sequence[str] = ()) -> bool:
    """Whether a model of this name takes pictures; `more` are patterns beside the table's."""
    name = model.lower()
    short = name.rpartition("/")[2].partition(":")[0]
    wanted = (*KNOWN, *(pattern.lower() for pattern in more))
    return any(fnmatchcase(each, pattern) for pattern in wanted for each in (name, short))


def check_pictures(messages: Sequence[Message], model: str, service: str) -> None:
    """Raise CannotSee where there are pictures and the model takes none."""
    if not any(message.attachments for message in messages):
        return
    if can_see(model, read_settings(VisionSettings).models):
        return
    raise CannotSee(
        "the model takes no pictures",
        service=service,
        model=model,
        suggestion=SUGGESTED.get(service, ANY_SERVER),
    )
