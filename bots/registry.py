"""The bots of this project; each module is imported only when its bot is chosen."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pydantic import SecretStr

from services.backends import Backend


@dataclass(frozen=True, slots=True)
class BotSpec:
    """One bot: where its code is, which variables may hold its token, what it talks to."""

    name: str
    title: str
    module: str
    token_env: tuple[str, ...]
    backend: Backend
    summary: str
    extra: str = ""  # of pyproject.toml: what the bot needs beside the basic packages

    @property
    def token(self) -> SecretStr | None:
        """The first token that is set among `token_env`."""
        found = next((value for name in self.token_env if (value := os.environ.get(name))), None)
        return SecretStr(found) if found else None


BOTS = (
    BotSpec(
        "real_estate",
        "Квартирный помощник",
        "bots.real_estate.bot",
        ("BOT_TOKEN",),
        "gigachat",
        "находит и оценивает квартиры, в разных стилях общения",
        "realty",
    ),
    BotSpec(
        "literary",
        "Литературная температура",
        "bots.literary.bot",
        ("BOT_TOKEN",),
        "gigachat",
        "показывает, как температура меняет ответы модели",
    ),
    BotSpec(
        "hf_demo",
        "Модели Hugging Face",
        "bots.hf_demo.bot",
        ("HF_BOT_TOKEN",),
        "huggingface",
        "пробует модели Hugging Face: deepseek, llama3, qwen2",
    ),
    BotSpec(
        "grisha",
        "Гриша",
        "bots.grisha.bot",
        ("GRISHA_BOT_TOKEN", "BOT_TOKEN"),
        "local",
        "персонаж с памятью на локальной модели",
        "retrieval",
    ),
)
