"""Where the vectors of dialogues are searched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.env import EnvSettings


class RetrievalSettings(EnvSettings):
    """`memory` is quickest; `postgresql` keeps 200,000 dialogues' gigabyte out of each process."""

    store: Literal["memory", "postgresql"] = Field("memory", alias="RETRIEVAL_STORE")
