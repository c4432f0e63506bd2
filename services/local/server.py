"""The local model when it outgrew this process: the same model behind another server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from services.chat import DEFAULT_OPTIONS, Chunk, Completion, GenerationOptions, Message
from services.local.config import LocalModelSettings
from services.openai_compatible import OpenAICompatibleModel, OpenAICompatibleSettings


class ServedModel(OpenAICompatibleModel):
    """LOCAL_MODEL at LOCAL_LLM_BASE_URL: vLLM, llama.cpp's server, `transformers serve`.

    Sampling stays as LOCAL_* say it. Messages go out as they are, the constant system
    message first, which is what these servers' prefix caches live on.
    """

    def __init__(self, settings: LocalModelSettings) -> None:
        super().__init__(
            OpenAICompatibleSettings(
                base_url=settings.server_url,
                api_key=settings.server_key,
                model=settings.model,
                context_length=settings.context_length,
                timeout=settings.queue_timeout,
            )
        )
        self._defaults = settings.defaults(GenerationOptions())

    async def complete(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> Completion:
        return await super().complete(messages, self._filled(options))

    def stream(
        self, messages: Sequence[Message], options: GenerationOptions = DEFAULT_OPTIONS
    ) -> AsyncGenerator[Chunk, None]:
        return super().stream(messages, self._filled(options))

    def _filled(self, options: GenerationOptions) -> GenerationOptions:
        names = ("temperature", "top_p", "max_tokens")
        missing = {name for name in names if getattr(options, name) is None}
        return replace(options, **{name: getattr(self._defaults, name) for name in missing})
