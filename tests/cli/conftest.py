from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.env import PROJECT_ROOT
from tests.fakes.openai_server import OpenAIServer

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: its exit code and both of its outputs."""

    code: int
    out: str
    err: str


class Shell:
    """Runs the project's commands as a person would, with the model's server on loopback."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONWARNINGS": "error",
            "DATA_DIR": str(data_dir),
            "HF_TOKEN": "hf_secret",
            "HF_BASE_URL": url,
            "LLM_BASE_URL": url,
            "LLM_MODEL": "test-model",
        }

    async def start(self, *command: str, **env: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=PROJECT_ROOT,
            env=self.env | env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *command: str, stdin: str = "", **env: str) -> Outcome:
        process = await self.start(*command, **env)
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), PATIENCE)
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer().running() as server:
        yield server


@pytest.fixture
def shell(server: OpenAIServer, tmp_path: Path) -> Shell:
    return Shell(server.url, tmp_path)
