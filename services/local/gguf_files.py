"""Finding a GGUF file: on disk, or on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from services.errors import AccessDenied, ConfigError, ModelNotFound, Unavailable
from services.local import weights
from services.local.config import EMBEDDED

MAGIC = b"GGUF"


def display_name(gguf: str) -> str:
    """What people call the model."""
    if gguf == EMBEDDED:
        return weights.NAME
    return Path(gguf.rpartition(":")[2]).name.removesuffix(".gguf")


def find_file(gguf: str) -> Path:
    """The file of a path or of `repository:file.gguf`; blocks, for it may be downloaded."""
    path = Path(gguf)
    repository, colon, file = gguf.rpartition(":")
    if not path.exists() and colon and "/" in repository:
        path = download(repository, file)
    if not path.is_file():
        raise ConfigError(f"LOCAL_MODEL={gguf}: такого файла нет", service="local")
    with path.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise ConfigError(f"LOCAL_MODEL={gguf}: это не файл GGUF", service="local")
    return path


def download(repository: str, file: str) -> Path:
    """Fetch a file of the hub, or find it in the hub's cache."""
    from huggingface_hub import errors, hf_hub_download

    try:
        return Path(hf_hub_download(repository, file))
    except errors.GatedRepoError:
        page = f"https://huggingface.co/{repository}"
        raise AccessDenied("the model is gated", service="local", url=page) from None
    except errors.LocalEntryNotFoundError as error:  # the hub is away, and it isn't in the cache
        raise _not_downloaded(repository, file, error) from error
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError, errors.HFValidationError):
        raise ModelNotFound(f"{repository}:{file} is not on the hub", service="local") from None
    except (errors.HfHubHTTPError, OSError) as error:
        raise _not_downloaded(repository, file, error) from error


def _not_downloaded(repository: str, file: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"{repository}:{file} не скачивается ({type(error).__name__}). "
        f"LOCAL_MODEL={EMBEDDED} ставится без Hugging Face",
        service="local",
    )
