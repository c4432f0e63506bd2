from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO, StringIO, TextIOWrapper
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
    """Runs the project's commands as a person would, with the model's server on loopback.

    `run` calls a command's `main` in a thread, which is quick; `start` and `spawn` run it
    in a process of its own.
    """

    def __init__(self, url: str, data_dir: Path) -> None:
        self.env = {
            "DATA_DIR": str(data_dir),
            "HF_TOKEN": "hf_secret",
            "HF_BASE_URL": url,
            "LLM_BASE_URL": url,
            "LLM_MODEL": "test-model",
        }

    async def run(self, *command: str, stdin: str = "", **env: str) -> Outcome:
        return await asyncio.to_thread(self._call, command, stdin, self.env | env)

    async def start(self, *command: str) -> asyncio.subprocess.Process:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=PROJECT_ROOT,
            env=inherited | self.env | {"PYTHONWARNINGS": "error"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def spawn(self, *command: str, stdin: str = "") -> Outcome:
        process = await self.start(*command)
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), PATIENCE)
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    def _call(self, command: tuple[str, ...], stdin: str, env: dict[str, str]) -> Outcome:
        file, *arguments = command
        main = import_module(file.removesuffix(".py").replace("/", ".")).main
        out, err = StringIO(), StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin.encode())))
            for name, value in env.items():
                patch.setenv(name, value)
            code: int = main(arguments)
        return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer().running() as server:
        yield server


@pytest.fixture
def shell(server: OpenAIServer, tmp_path: Path) -> Shell:
    return Shell(server.url, tmp_path)
