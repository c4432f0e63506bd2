"""Where the vectors of dialogues are searched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.env import EnvSettings


class RetrievalSettings(EnvSettings):
    """Where vectors are searched: `memory` is fastest, `postgresql` saves memory.

    200,000 dialogues take about 1 GB in every process with `memory`.
    """

    store: Literal["memory", "postgresql"] = Field("memory", alias="RETRIEVAL_STORE")
