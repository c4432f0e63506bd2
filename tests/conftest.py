"""What every test runs with: no credentials, a DATA_DIR of its own, no network."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SECRETS = ("TOKEN", "KEY", "GIGA_", "HF_", "LLM_", "LOCAL_", "GRISHA_", "BOT_", "CHAT_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the developer's `.env` nor the shell's variables reach a test."""
    for name in list(os.environ):
        if any(part in name for part in SECRETS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
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
