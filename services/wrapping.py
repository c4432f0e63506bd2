"""The common part of models that wrap another one, to record, charge or extend its answers."""

from __future__ import annotations

from collections.abc import Sequence

from services.chat import ChatModel, Message


class ModelWrapper:
    """Delegates to `model`; a subclass adds `complete` and `stream`."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_length(self) -> int:
        return self._model.context_length

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        return await self._model.count_tokens(messages)

    async def aclose(self) -> None:
        await self._model.aclose()
