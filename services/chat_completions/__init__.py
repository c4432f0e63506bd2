"""The chat-completions API of OpenAI-compatible servers.

`ChatCompletionsModel` knows the wire format; its subclasses in `services.openai_compatible`
and `services.huggingface` do the I/O with a package of their own.
"""

from services.chat_completions.model import ChatCompletionsModel

__all__ = ["ChatCompletionsModel"]
