"""The models to choose from, opened when somebody wants them."""

from __future__ import annotations

from services.backends import Backend, open_chat_model
from services.chat import ChatModel
from services.storage import PreferenceStore

NAMES = ("deepseek", "llama3", "qwen2")


class ModelShelf:
    """Remembers each user's choice; on other services than Hugging Face there is one model."""

    def __init__(self, backend: Backend, default: ChatModel, preferences: PreferenceStore) -> None:
        self.names = NAMES if backend == "huggingface" else ()
        self._backend: Backend = backend
        self._default = default
        self._preferences = preferences
        self._opened: dict[str, ChatModel] = {}

    async def chosen(self, user_id: int) -> ChatModel:
        name = await self._preferences.get(user_id, "model")
        if name not in self.names:
            return self._default
        if name not in self._opened:
            self._opened[name] = open_chat_model(self._backend, name)
        return self._opened[name]

    async def choose(self, user_id: int, name: str) -> ChatModel:
        await self._preferences.set(user_id, "model", name)
        return await self.chosen(user_id)

    async def aclose(self) -> None:
        for model in self._opened.values():
            await model.aclose()
