"""llama.cpp's server as a child process of this one."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from services.env import PROJECT_ROOT
from services.errors import ConfigError, Unavailable
from services.local.background import SERVICE
from services.local.config import LocalModelSettings
from services.local.hardware import available_cpus

BATCH = 64  # tokens computed at once: about a second of an old processor
STOP_SECONDS = 5.0


@dataclass(slots=True)
class LlamaServer:
    """A running server: where it is, the key it asks for, and how to end it."""

    process: subprocess.Popen[str]
    address: str
    key: str
    context: int
    identity: str  # of the model and whatever a saved cache depends on
    complaints: deque[str] = field(default_factory=lambda: deque(maxlen=5))

    @classmethod
    def start(cls, model: Path, settings: LocalModelSettings, prefixes: Path) -> LlamaServer:
        """Load `model` in a new process; blocks. Raises ConfigError when it can't be loaded."""
        prefixes.mkdir(parents=True, exist_ok=True)
        key = secrets.token_urlsafe(24)
        launch = {
            "model": str(model.resolve()),
            "slots": settings.parallel,
            "context": settings.context_length,
            "threads": settings.threads or available_cpus(),
            "batch": BATCH,
            "key": key,
            "prefixes": f"{prefixes.resolve()}{os.sep}",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "services.local.llama_process"],
            cwd=PROJECT_ROOT,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        state = model.stat()
        identity = f"{model.name} {state.st_size} {state.st_mtime_ns} {settings.context_length}"
        server = cls(process, "", key, settings.context_length, identity)
        threading.Thread(target=server._listen, name="llama-stderr", daemon=True).start()
        try:
            server.address = server._greet(json.dumps(launch), model)
        except BaseException:
            server.close()
            raise
        return server

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def has_died(self) -> bool:
        return self.process.poll() is not None

    @property
    def last_words(self) -> str:
        return " | ".join(self.complaints)

    def close(self) -> None:
        """End the process; answers under way are cut off."""
        process = self.process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _greet(self, launch: str, model: Path) -> str:
        """Send the orders, wait for the address."""
        process = self.process
        stdin, stdout = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            stdin.write(launch + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline() or "{}")
        except (OSError, ValueError):
            answer = {}
        if address := answer.get("address"):
            return str(address)
        if "ModuleNotFoundError" in answer.get("error", ""):
            raise ConfigError(
                "llama.cpp не установлен: pip install xllamacpp (или -r requirements-demo.txt)",
                service=SERVICE,
            )
        if process.poll() is not None and process.returncode == -9:
            raise Unavailable("процесс llama.cpp убит: не хватило памяти?", service=SERVICE)
        raise ConfigError(
            f"llama.cpp не смог загрузить {model.name}: файл повреждён или такая модель ему "
            f"незнакома ({answer.get('error') or self.last_words or 'без объяснения'})",
            service=SERVICE,
        )

    def _listen(self) -> None:
        """Keep llama.cpp's last complaints; read, so that the pipe never fills up."""
        with cast(IO[str], self.process.stderr) as stderr:
            for line in stderr:
                self.complaints.append(line.strip())
