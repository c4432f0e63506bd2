"""File locks: one process per bot and folder, one migration at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.errors import ConfigError


def hold(path: Path, timeout: float) -> sqlite3.Connection:
    """Lock a file until the connection is closed or the process ends, by kill -9 too.

    It is an SQLite lock, which works on every system. Raises sqlite3.OperationalError
    ("database is locked") when another process holds it for longer than `timeout` seconds.
    """
    lock = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise
    return lock


@contextmanager
def process_lock(folder: Path, bot: str) -> Iterator[None]:
    """Lock a bot's folder; raise ConfigError when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = hold(folder / f"{bot}.lock", timeout=0)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise ConfigError(
            f"{bot} уже работает с папкой {folder}: останови его или задай копиям общие"
            " DATABASE_URL и REDIS_URL"
        ) from None
    try:
        yield
    finally:
        lock.close()
