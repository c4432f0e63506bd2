"""Speech recognition by an OpenAI-compatible server: POST /audio/transcriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import openai

from services.chat_completions.error_mapping import error_of_status
from services.errors import BadResponse, Busy, ServiceError, Timeout, Unavailable
from services.media.config import AUTO, SpeechSettings
from services.media.speech import MAX_BYTES, NotUnderstood, Transcript
from services.transport import DEFAULT_RETRIES, RetryPolicy

SERVICE = "speech"
USUAL_MODEL = "whisper-1"  # a server with one model ignores the name


class TranscriptionServer:
    """OpenAI, vLLM, faster-whisper-server, LocalAI, Groq: whatever speaks the same form."""

    def __init__(self, settings: SpeechSettings, *, retries: RetryPolicy = DEFAULT_RETRIES) -> None:
        key = settings.api_key.get_secret_value()
        self._client = openai.AsyncOpenAI(
            base_url=settings.base_url,
            api_key=key or "none",  # the package insists on one
            timeout=httpx2.Timeout(settings.timeout, connect=10.0),
            max_retries=0,
        )
        self._headers: dict[str, Any] = {} if key else {"Authorization": openai.Omit()}
        self._model = USUAL_MODEL if settings.model == AUTO else settings.model
        self._language = settings.language
        self._retries = retries
        self._room = settings.queue_size
        self._one = asyncio.Lock()

    async def transcribe(
        self,
        recording: bytes,
        *,
        hints: str = "",
        name: str = "voice.ogg",
        report: Callable[[str], None] | None = None,
    ) -> Transcript:
        if len(recording) > MAX_BYTES:
            raise NotUnderstood("large")
        if self._room == 0:
            raise Busy("too many recordings wait", service=SERVICE)
        self._room -= 1
        try:
            async with self._one:
                return await self._retries.run(lambda: self._send(recording, hints, name))
        finally:
            self._room += 1

    async def aclose(self) -> None:
        await self._client.close()

    async def _send(self, recording: bytes, hints: str, name: str) -> Transcript:
        optional = {"prompt": hints, "language": self._language}
        try:
            reply = await self._client.audio.transcriptions.create(
                file=(name, recording),
                model=self._model,
                response_format="json",
                extra_headers=self._headers,
                **{key: value for key, value in optional.items() if value},  # type: ignore[call-overload]
            )
        except openai.OpenAIError as error:
            raise _translate(error, self._model) from error
        except httpx2.HTTPError as error:
            raise Unavailable(type(error).__name__, service=SERVICE) from error
        text = getattr(reply, "text", None)
        if not isinstance(text, str):
            raise BadResponse("the answer has no text", service=SERVICE)
        if not text.strip():
            raise NotUnderstood("noise")
        return Transcript(text.strip(), self._language)


def _translate(error: openai.OpenAIError, model: str) -> ServiceError:
    match error:
        case openai.APIStatusError():
            return error_of_status(
                error.status_code,
                error.body,
                service=SERVICE,
                model=model,
                headers=error.response.headers,
            )
        case openai.APITimeoutError():
            return Timeout("no answer in time", service=SERVICE)
        case openai.APIConnectionError():
            return Unavailable(type(error.__cause__ or error).__name__, service=SERVICE)
    return BadResponse(type(error).__name__, service=SERVICE)
