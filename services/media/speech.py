"""Speech recognition: one door, and behind it Whisper here or an OpenAI-compatible server.

    speech = open_speech(read_settings(SpeechSettings))
    transcript = await speech.transcribe(recording, hints="двушка, этаж, метро Сокол")

What can't be understood raises NotUnderstood with its reason; a failure of the engine or the
server raises a ServiceError, as every service does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, Protocol

from services.media.config import AUTO, OFF, SpeechSettings

MAX_BYTES = 20 * 2**20  # what a bot may download from Telegram
MAX_SECONDS = 600

Reason = Literal["large", "long", "silence", "noise", "broken"]


class NotUnderstood(Exception):
    """The recording holds nothing to transcribe; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. `confidence` is 0..1, None when the engine gives none."""

    text: str
    language: str = ""  # ISO 639-1, "" when not known
    seconds: float = 0.0  # of the recording
    confidence: float | None = None


class Speech(Protocol):
    """Turns recordings into text."""

    async def transcribe(
        self,
        recording: bytes,
        *,
        hints: str = "",
        name: str = "voice.ogg",
        report: Callable[[str], None] | None = None,
    ) -> Transcript:
        """Return what a recording says. Cancelling the call ends the work.

        `hints` are words that are likely to occur; `name` is the file's; `report` is told in
        Russian what takes long (the first start of an engine).
        Raises NotUnderstood or ServiceError.
        """
        ...

    async def aclose(self) -> None: ...


def open_speech(settings: SpeechSettings) -> Speech | None:
    """Open what the settings name; None where speech recognition is off.

    Nothing is loaded before the first recording comes. STT_MODEL=auto is the server where
    STT_BASE_URL is set, else the embedded model where faster-whisper is installed.
    """
    if settings.model == OFF:
        return None
    if settings.base_url:
        from services.media.transcription_server import TranscriptionServer

        return TranscriptionServer(settings)
    if settings.model == AUTO and find_spec("faster_whisper") is None:
        return None
    from services.media.whisper_client import LocalWhisper

    return LocalWhisper(settings)
