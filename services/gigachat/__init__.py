"""GigaChat: an async client behind the ChatModel protocol."""

from services.gigachat.client import GigaChatModel
from services.gigachat.config import GigaChatSettings
from services.gigachat.reply import ModelInfo

__all__ = ["GigaChatModel", "GigaChatSettings", "ModelInfo"]
