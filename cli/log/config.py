"""The settings of the log, and the user's folder of the terminal tools."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, field_validator

from services.env import EnvSettings

Choice = Literal["on", "off"]


class LogSettings(EnvSettings):
    """The log's settings in the environment."""

    mode: Choice | None = Field(None, alias="LLM_LOG")
    user_dir: Path | None = Field(None, alias="LLM_USER_DIR")

    @field_validator("mode", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @property
    def folder(self) -> Path:
        """The user's folder: the log and the templates."""
        return self.user_dir or user_data_path("llm-bots", appauthor=False)

    @property
    def database(self) -> Path:
        return self.folder / "log.sqlite3"

    @property
    def choice_file(self) -> Path:
        """What the user answered when asked: `on` or `off`."""
        return self.folder / "log-choice"
