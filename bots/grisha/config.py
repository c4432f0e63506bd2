"""Grisha's own settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.env import SHIPPED_DATA, WORK_DIR, EnvSettings


class GrishaSettings(EnvSettings):
    """Character, knowledge and when to speak. Times are in seconds."""

    persona_file: Path = Field(SHIPPED_DATA / "grisha_persona.txt", alias="GRISHA_PERSONA_FILE")
    dataset_file: Path = Field(
        WORK_DIR / "data" / "full_dataset.jsonl", alias="GRISHA_DATASET_FILE"
    )
    prompt_tokens: int = Field(1500, alias="GRISHA_PROMPT_TOKENS", ge=200)
    answer_tokens: int = Field(200, alias="GRISHA_ANSWER_TOKENS", ge=16)
    temperature: float | None = Field(None, alias="GRISHA_TEMPERATURE", ge=0, le=2)
    examples: int = Field(3, alias="GRISHA_EXAMPLES", ge=0)
    summaries: bool = Field(True, alias="GRISHA_SUMMARIES")
    read_facts: bool = Field(False, alias="GRISHA_READ_FACTS")
    groups: Annotated[frozenset[int], NoDecode] = Field(frozenset(), alias="GRISHA_GROUPS")
    channels: Annotated[frozenset[str], NoDecode] = Field(frozenset(), alias="GRISHA_CHANNELS")
    comment_min_length: int = Field(40, alias="GRISHA_COMMENT_MIN_LENGTH", ge=0)
    comments_per_hour: int = Field(20, alias="GRISHA_COMMENTS_PER_HOUR", ge=0)
    comment_pause: float = Field(5.0, alias="GRISHA_COMMENT_PAUSE", ge=0)

    @field_validator("groups", "channels", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return re.findall(r"[^\s,;]+", value) if isinstance(value, str) else value

    def names_channel(self, channel_id: int, username: str | None) -> bool:
        """Whether the channel is among those he comments on, by id or by @username."""
        named = {channel.lstrip("@").lower() for channel in self.channels}
        return str(channel_id) in named or bool(username and username.lower() in named)
