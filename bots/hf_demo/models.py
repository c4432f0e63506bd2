"""The models that users choose from, opened on first use."""

from __future__ import annotations

from collections.abc import Callable

from services.backends import Backend, open_chat_model
from services.chat import ChatModel
from services.env import read_settings
from services.huggingface.config import MODELS, HuggingFaceSettings
from services.storage import PreferenceStore


class ModelShelf:
    """Remembers each user's choice; on other services than Hugging Face there is one model."""

    def __init__(
        self,
        backend: Backend,
        default: ChatModel,
        preferences: PreferenceStore,
        metered: Callable[[ChatModel], ChatModel],
    ) -> None:
        self.names = tuple(MODELS) if backend == "huggingface" else ()
        self.default = _short_name(default) if self.names else default.name
        self._backend: Backend = backend
        self._preferences = preferences
        self._default_model = default
        self._metered = metered
        self._opened: dict[str, ChatModel] = {}

    async def chosen(self, user_id: int) -> str:
        """The name of the user's model."""
        name: str = await self._preferences.get(user_id, "model", self.default)
        return name if name in self.names else self.default

    async def choose(self, user_id: int, name: str) -> None:
        await self._preferences.set(user_id, "model", name)

    def others(self, name: str) -> tuple[str, ...]:
        return tuple(other for other in self.names if other != name)

    def open(self, name: str) -> ChatModel:
        """Open the model of this name once; raise KeyError for one that isn't offered."""
        if name == self.default:
            return self._default_model
        if name not in self.names:
            raise KeyError(name)
        if name not in self._opened:
            self._opened[name] = self._metered(open_chat_model(self._backend, name))
        return self._opened[name]

    async def aclose(self) -> None:
        for model in self._opened.values():
            await model.aclose()


def _short_name(model: ChatModel) -> str:
    settings = read_settings(HuggingFaceSettings)
    return next((name for name in MODELS if settings.card(name).id == model.name), model.name)
