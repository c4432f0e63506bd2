"""Settings of the console chat."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.env import EnvSettings

MEMORY_FILE = Path(".chat_memory.json")
SESSION_LIST_LIMIT = 5


class ConsoleSettings(EnvSettings):
    """What the environment says; where it says something, it wins over the command line."""

    memory_file: Path | None = Field(None, alias="CHAT_MEMORY_FILE")
    session_list_limit: int | None = Field(None, alias="CHAT_MEMORY_LIST_LIMIT", ge=0)
    facts: bool = Field(False, alias="CHAT_FACTS")
    input_price: float | None = Field(None, alias="CHAT_PRICE_INPUT", ge=0)
    output_price: float | None = Field(None, alias="CHAT_PRICE_OUTPUT", ge=0)

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Roubles for so many tokens, None where a price isn't set."""
        if self.input_price is None or self.output_price is None:
            return None
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1000
