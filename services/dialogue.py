"""Conversations with stored history."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from services.chat import DEFAULT_OPTIONS, ChatModel, Chunk, GenerationOptions, Message
from services.context import fit
from services.storage import ConversationKey, HistoryStore, StoredMessage

HISTORY_MESSAGES = 20
ANSWER_SHARE = 4  # one in so many tokens of the context is reserved for the answer
CHARACTERS_PER_TOKEN = 2.5  # of Russian text; a low estimate for all models in use


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Answers questions with the stored history as context."""

    model: ChatModel
    history: HistoryStore
    limit: int = HISTORY_MESSAGES

    async def stream(
        self,
        key: ConversationKey,
        question: Message,
        *,
        system: str,
        options: GenerationOptions = DEFAULT_OPTIONS,
        model: ChatModel | None = None,
    ) -> AsyncGenerator[Chunk, None]:
        """Stream the answer to `question`, with the history before it; store nothing."""
        model = model or self.model
        past = [
            Message(turn.role, turn.content, name=turn.author_name)
            for turn in await self.history.recent(key, self.limit)
        ]
        budget = model.context_length * CHARACTERS_PER_TOKEN * (ANSWER_SHARE - 1) / ANSWER_SHARE
        messages = fit([Message("system", system), *past, question], int(budget))
        stream = model.stream(messages, options)
        try:
            async for chunk in stream:
                yield chunk
        finally:
            await stream.aclose()

    async def remember(
        self,
        key: ConversationKey,
        question: StoredMessage,
        answer: str,
        *,
        assistant: str | None = None,
    ) -> None:
        """Store a question with its answer; with an empty answer, neither."""
        if not answer.strip():
            return
        await self.history.append(
            key,
            question,
            StoredMessage("assistant", answer, author_name=assistant, source_id=question.source_id),
        )
