"""Whisper in a process of its own: started at the first recording, one recording at a time."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from services.env import PROJECT_ROOT
from services.errors import BadResponse, Busy, ConfigError, Timeout, Unavailable
from services.extras import missing_package
from services.local.hardware import available_cpus
from services.media.config import SpeechSettings
from services.media.speech import MAX_BYTES, NotUnderstood, Transcript
from services.media.whisper_weights import embedded, find_model, is_embedded

logger = logging.getLogger(__name__)

SERVICE = "speech"
START_SECONDS = 120.0
COMMAND = (sys.executable, "-m", "services.media.whisper_process")
_KEPT = (
    "PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "OMP_NUM_THREADS",
)  # fmt: skip


class LocalWhisper:
    """Recordings wait in a bounded queue. A cancelled or overdue one ends with its process."""

    def __init__(self, settings: SpeechSettings, *, command: tuple[str, ...] = COMMAND) -> None:
        self._settings = settings
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._one = asyncio.Lock()
        self._waiting = 0
        self._closed = False

    async def transcribe(
        self,
        recording: bytes,
        *,
        hints: str = "",
        name: str = "voice.ogg",
        report: Callable[[str], None] | None = None,
    ) -> Transcript:
        if len(recording) > MAX_BYTES:
            raise NotUnderstood("large")
        if self._waiting >= self._settings.queue_size:
            raise Busy("too many recordings wait", service=SERVICE)
        self._waiting += 1
        try:
            async with self._one:
                return await self._transcribe(recording, hints, report)
        finally:
            self._waiting -= 1

    async def aclose(self) -> None:
        self._closed = True
        await self._kill()

    async def _transcribe(
        self, recording: bytes, hints: str, report: Callable[[str], None] | None
    ) -> Transcript:
        process = await self._running(report)
        job = {"size": len(recording), "hints": hints, "language": self._settings.language}
        try:
            answer = await asyncio.wait_for(_ask(process, job, recording), self._settings.timeout)
        except TimeoutError:
            await self._kill()
            raise Timeout("the recording takes too long", service=SERVICE) from None
        except BaseException:  # cancelled too: only the process's end stops the computation
            await self._kill()
            raise
        if answer is None:
            logger.warning("the speech process ended with %s", process.returncode)
            await self._kill()
            raise NotUnderstood("broken")
        if reason := answer.get("reason"):
            raise NotUnderstood(reason)
        if error := answer.get("error"):
            raise BadResponse(str(error), service=SERVICE)
        return Transcript(**answer)

    async def _running(self, report: Callable[[str], None] | None) -> asyncio.subprocess.Process:
        """The process, started and with the model loaded."""
        if self._closed:
            raise Unavailable("speech recognition is closed", service=SERVICE)
        if self._process and self._process.returncode is None:
            return self._process
        folder = await self._folder(report)
        launch = {
            "folder": str(folder.resolve()),
            "threads": self._settings.threads or available_cpus(),
        }
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=PROJECT_ROOT,
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a traceback may hold what people said
        )
        try:
            answer = await asyncio.wait_for(_ask(process, launch), START_SECONDS)
        except BaseException:
            await self._kill()
            raise
        if answer is None or "error" in answer:
            await self._kill()
            reason = answer["error"] if answer else "процесс завершился"
            raise ConfigError(f"Whisper не загружается из {folder}: {reason}", service=SERVICE)
        return process

    async def _folder(self, report: Callable[[str], None] | None) -> Path:
        """Where the model lies; it is fetched when it isn't here yet."""
        if find_spec("faster_whisper") is None and self._command is COMMAND:
            error = missing_package(ModuleNotFoundError(name="faster_whisper"))
            raise error or ConfigError("Нет пакета faster-whisper")
        model = self._settings.model
        if not is_embedded(model):
            return await asyncio.to_thread(find_model, model)
        tell = report or (lambda _: None)
        loop = asyncio.get_running_loop()

        def progress(_: float, stage: str) -> None:
            loop.call_soon_threadsafe(tell, stage)

        download = embedded(self._settings, progress)
        try:
            return (await asyncio.to_thread(download.run)).parent
        except asyncio.CancelledError:
            download.stop()
            raise

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        if process.stdin:
            process.stdin.close()
        await process.wait()


async def _ask(
    process: asyncio.subprocess.Process, message: dict[str, Any], body: bytes = b""
) -> dict[str, Any] | None:
    """Send a message to the process; None when it ends without an answer."""
    assert process.stdin is not None  # noqa: S101  for mypy
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(json.dumps(message).encode() + b"\n" + body)
        await process.stdin.drain()
        line = await process.stdout.readline()
        answer: dict[str, Any] | None = json.loads(line) if line else None
    except (OSError, ValueError):
        return None
    return answer


def _environment() -> dict[str, str]:
    """No secrets: the process reads files of strangers."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1", "OMP_WAIT_POLICY": "PASSIVE"}
