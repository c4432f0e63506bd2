"""Conversations with stored history."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from services.chat import DEFAULT_OPTIONS, ChatModel, Chunk, GenerationOptions, Image, Message
from services.context import fit
from services.storage import ConversationKey, HistoryStore, StoredMessage

HISTORY_MESSAGES = 20
ANSWER_SHARE = 4  # one in so many tokens of the context is reserved for the answer
CHARACTERS_PER_TOKEN = 2.5  # of Russian text; a low estimate for all models in use
DOCUMENT_SHARE = 0.4  # of the context, for what documents say


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


def room_for(model: ChatModel) -> int:
    """The characters of documents that a model's prompt has room for."""
    return int(model.context_length * CHARACTERS_PER_TOKEN * DOCUMENT_SHARE)


def with_pictures(text: str, pictures: Sequence[Image]) -> str:
    """A question as the history keeps it: its pictures are noted, their bytes are not kept."""
    notes = " ".join(f"[картинка {it.width}×{it.height}]" for it in pictures)
    return f"{notes} {text}" if notes else text
