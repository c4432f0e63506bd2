"""Models that Hugging Face's inference providers serve, under one token."""

from services.huggingface.client import HuggingFaceModel
from services.huggingface.config import HuggingFaceSettings

__all__ = ["HuggingFaceModel", "HuggingFaceSettings"]
