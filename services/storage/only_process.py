"""A guard against a second process with the same state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.errors import ConfigError


@contextmanager
def only_process(folder: Path, bot: str) -> Iterator[None]:
    """Hold a bot's folder; raise ConfigError when another process does.

    A lock of SQLite's works on every system, and ends with the process however it dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(folder / f"{bot}.lock", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        lock.close()
        raise ConfigError(
            f"{bot} already runs with {folder}: stop it, or let replicas share"
            " a DATABASE_URL and a REDIS_URL"
        ) from None
    try:
        yield
    finally:
        lock.close()
