"""Files that only this user may read, whatever the umask."""

from __future__ import annotations

import os
import secrets
import string
from pathlib import Path

SECRET_LENGTH = 35  # what Telegram's tokens have behind the bot's id
_LETTERS = string.ascii_letters + string.digits


def private_folder(path: Path) -> Path:
    """Create a folder with mode 0700; one that exists keeps what it has."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file with mode 0600 and flush it to the disk."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


_BINARY = getattr(os, "O_BINARY", 0)  # Windows


def kept_secret(path: Path) -> str:
    """Read the secret part of the bot's token; make it up at the first start."""
    try:
        kept = path.read_text("ascii").strip()
    except (FileNotFoundError, ValueError):
        kept = ""
    if len(kept) == SECRET_LENGTH and set(kept) <= set(_LETTERS):
        path.chmod(0o600)
        return kept
    made = new_secret()
    write_private(path, made.encode())
    return made


def new_secret() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(SECRET_LENGTH))
