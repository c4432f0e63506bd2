"""What Grisha says; knows nothing of Telegram."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from bots.grisha.prompts import PERSONA
from services.chat import Chunk, Message
from services.dialogue import Dialogue
from services.storage import ConversationKey, StoredMessage

NAME = "Гриша"


@dataclass(frozen=True, slots=True)
class Grisha:
    """The character: his persona over a remembered dialogue."""

    dialogue: Dialogue

    def answer(self, key: ConversationKey, text: str, author: str) -> AsyncGenerator[Chunk, None]:
        """Stream the answer to what `author` wrote."""
        return self.dialogue.stream(key, Message("user", text, name=author), system=PERSONA)

    async def remember(self, key: ConversationKey, question: StoredMessage, answer: str) -> None:
        await self.dialogue.remember(key, question, answer, assistant=NAME)

    async def reset(self, key: ConversationKey) -> None:
        await self.dialogue.history.clear(key)
