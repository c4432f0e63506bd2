"""The chat-completions API, whichever package carries it.

`ChatCompletionsModel` speaks the wire format that OpenAI-compatible servers share;
a subclass only does the sending (`services.openai_compatible`, `services.huggingface`).
"""

from services.chat_completions.model import RETRY_PAUSES, ChatCompletionsModel

__all__ = ["RETRY_PAUSES", "ChatCompletionsModel"]
