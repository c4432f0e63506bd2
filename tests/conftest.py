"""What every test runs with: no credentials, a DATA_DIR of its own, no network."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from services.storage import StorageSettings
from tests.servers import Absent, Postgres, Redis

# Before torch is imported anywhere: its waiting threads would spin, and take the processors
# from whatever else runs here (minutes in place of seconds for a test with a model).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

T = TypeVar("T", Postgres, Redis)

# A pseudo-terminal is what these tests are about.
_AT_A_TERMINAL = ["cli/history_chat/test_app.py", "cli/test_terminal.py"]
collect_ignore = _AT_A_TERMINAL if sys.platform == "win32" else []

SECRETS = (
    "TOKEN",
    "KEY",
    "GIGA_",
    "HF_",
    "LLM_",
    "LOCAL_",
    "GRISHA_",
    "BOT_",
    "CHAT_",
    "DATABASE_",
    "REDIS_",
    "WEB",
    "ADMIN_",
    "DAILY_",
    "LOG_",
    "STT_",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the developer's `.env` nor the shell's variables reach a test."""
    for name in list(os.environ):
        if any(part in name for part in SECRETS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("STT_MODEL", "off")
    monkeypatch.setenv("LLM_USER_DIR", str(tmp_path / "user"))
    monkeypatch.setattr("services.env.ENV_FILE", tmp_path / "no.env")


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """A socket to anywhere but this machine fails the test that opened it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise PermissionError(f"tests may not connect to {host}")
        return connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests."""
    yield from _running(Postgres)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """One Redis for all tests."""
    yield from _running(Redis)


def _running(kind: type[T]) -> Iterator[T]:
    try:
        server = kind()
    except Absent as error:
        pytest.skip(str(error))
    with server:
        yield server


_numbers = itertools.count(1)


@pytest.fixture
def postgres_database(postgres: Postgres) -> str:
    """The address of an empty database."""
    name = f"test_{next(_numbers)}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return f"{postgres.url.rpartition('/')[0]}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    """Both engines, one after the other."""
    if request.param == "sqlite":
        return StorageSettings(data_dir=tmp_path)
    return StorageSettings(
        data_dir=tmp_path, database_url=request.getfixturevalue("postgres_database")
    )


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The address of an empty Redis."""
    with socket.create_connection(("127.0.0.1", redis_server.port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16) == b"+OK\r\n"
    return redis_server.url
