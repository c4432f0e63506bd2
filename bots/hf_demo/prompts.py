"""The system prompt and generation options."""

from services.chat import GenerationOptions

SYSTEM = "Ты — помощник. Отвечай по-русски, коротко и точно."
OPTIONS = GenerationOptions(max_tokens=2000)  # answers are paid for by the token
