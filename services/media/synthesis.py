"""Speech synthesis by an OpenAI-compatible server: POST /audio/speech, Opus in OGG."""

from __future__ import annotations

import httpx2
import openai
from pydantic import Field, SecretStr

from services.chat_completions.error_mapping import error_of_status
from services.env import EnvSettings
from services.errors import BadResponse, ServiceError, Timeout, Unavailable
from services.transport import DEFAULT_RETRIES, RetryPolicy

SERVICE = "synthesis"
MAX_CHARACTERS = 1500  # spoken of one answer: about two minutes
MAX_BYTES = 10 * 2**20


class SynthesisSettings(EnvSettings):
    """The server of speech; without an address there is none."""

    base_url: str = Field("", alias="TTS_BASE_URL")
    api_key: SecretStr = Field(SecretStr(""), alias="TTS_API_KEY")
    model: str = Field("tts-1", alias="TTS_MODEL")
    voice: str = Field("alloy", alias="TTS_VOICE")
    timeout: float = Field(60.0, alias="TTS_TIMEOUT", gt=0)


class Synthesiser:
    """OpenAI, LocalAI, openedai-speech, Kokoro-FastAPI: any server of the same API."""

    def __init__(
        self, settings: SynthesisSettings, *, retries: RetryPolicy = DEFAULT_RETRIES
    ) -> None:
        key = settings.api_key.get_secret_value()
        self._settings = settings
        self._client = openai.AsyncOpenAI(
            base_url=settings.base_url,
            api_key=key or "none",  # the package insists on one
            timeout=httpx2.Timeout(settings.timeout, connect=10.0),
            max_retries=0,
        )
        self._headers = {} if key else {"Authorization": openai.Omit()}
        self._retries = retries

    async def speak(self, text: str) -> bytes:
        """An OGG/Opus recording of a text, of its beginning where it is long.

        Raises ServiceError.
        """
        return await self._retries.run(lambda: self._send(beginning(text)))

    async def aclose(self) -> None:
        await self._client.close()

    async def _send(self, text: str) -> bytes:
        settings = self._settings
        try:
            async with self._client.audio.speech.with_streaming_response.create(
                input=text,
                model=settings.model,
                voice=settings.voice,
                response_format="opus",
                extra_headers=self._headers,
            ) as reply:
                recording = b""
                async for piece in reply.iter_bytes():
                    recording += piece
                    if len(recording) > MAX_BYTES:
                        raise BadResponse("the recording is too long", service=SERVICE)
        except openai.OpenAIError as error:
            raise _translate(error, settings.model) from error
        except httpx2.HTTPError as error:
            raise Unavailable(type(error).__name__, service=SERVICE) from error
        if not recording.startswith(b"OggS"):
            raise BadResponse("the answer is no OGG", service=SERVICE)
        return recording


def beginning(text: str) -> str:
    """The sentences that fit."""
    if len(text) <= MAX_CHARACTERS:
        return text
    head = text[:MAX_CHARACTERS]
    end = max(head.rfind(mark) for mark in (". ", "! ", "? ", "…", "\n"))
    return head[: end + 1] if end > MAX_CHARACTERS // 2 else head


def open_synthesiser(settings: SynthesisSettings) -> Synthesiser | None:
    """A client of TTS_BASE_URL; None where it isn't set."""
    return Synthesiser(settings) if settings.base_url else None


def _translate(error: openai.OpenAIError, model: str) -> ServiceError:
    match error:
        case openai.APITimeoutError():
            return Timeout("no recording in time", service=SERVICE)
        case openai.APIStatusError():
            headers = error.response.headers
            return error_of_status(
                error.status_code, error.body, service=SERVICE, model=model, headers=headers
            )
        case openai.APIConnectionError():
            return Unavailable(type(error).__name__, service=SERVICE)
    return BadResponse(type(error).__name__, service=SERVICE)
