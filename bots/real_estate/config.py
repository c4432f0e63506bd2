"""Settings of the real-estate bot."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.env import EnvSettings


class RealEstateSettings(EnvSettings):
    """Who may import, whether a model comments on results, whether a made-up sample is loaded."""

    admin_ids: Annotated[frozenset[int], NoDecode] = Field(frozenset(), alias="REALTY_ADMIN_IDS")
    comments: Literal["auto", "always", "never"] = Field("auto", alias="REALTY_COMMENTS")
    sample: bool = Field(True, alias="REALTY_SAMPLE")

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _split_ids(cls, value: Any) -> Any:
        return re.findall(r"[^\s,;]+", value) if isinstance(value, str) else value
