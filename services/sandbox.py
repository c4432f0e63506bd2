"""Run a function on untrusted input in a process of its own, under limits of time and memory.

Parsers of files that people send are slow or huge on inputs made to hurt, and a thread can't be
stopped. The process is a fresh interpreter (nothing is inherited by fork), its environment holds
no secrets, and it is killed when its time is over or the caller is cancelled.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Reason = Literal["time", "memory", "crash"]

_PROGRAM = "from services.sandbox import _serve; _serve()"
_INHERITED = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "TZ")
_KILLED_FOR_CPU = -24  # SIGXCPU, where the kernel was faster than our own clock


class Refused(Exception):
    """What a sandboxed function raises for its caller; the text is for the user."""


class SandboxError(Exception):
    """The function gave no result: its time or memory ran out, or it failed."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


async def run(function: Callable[..., T], *args: Any, seconds: float, megabytes: int) -> T:
    """Return `function(*args)`, computed in a process of its own.

    The function must be importable by its name; arguments and result must pickle. Raises
    Refused as the function does, SandboxError for anything else. Memory is limited where
    the platform can do it (not on Windows).
    """
    job = pickle.dumps((function.__module__, function.__qualname__, args, seconds, megabytes))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # a traceback may hold what people wrote
        env=_environment(),
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(job), seconds)
    except TimeoutError:
        raise SandboxError("time", f"more than {seconds:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    result: T = _result(output, process.returncode)
    return result


def _environment() -> dict[str, str]:
    """Where modules are found, and one thread for libraries that reserve memory for each."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}


def _result(output: bytes, code: int | None) -> Any:
    if not output:
        raise SandboxError("time" if code == _KILLED_FOR_CPU else "crash", f"exit {code}")
    kind, value = pickle.loads(output)  # noqa: S301  from our own process
    if kind == "refused":
        raise value
    if kind == "failed":
        raise SandboxError(*value)
    return value


def _serve() -> None:
    """Do the one job that stands in stdin; run in the new process."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answer
    module, name, args, seconds, megabytes = pickle.load(sys.stdin.buffer)  # noqa: S301
    _limit(seconds, megabytes)
    answer = pickle.dumps(_answer(module, name, args))
    with output:
        output.write(answer)


def _answer(module: str, name: str, args: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        __import__(module)
        return "done", getattr(sys.modules[module], name)(*args)
    except Refused as error:
        return "refused", error
    except MemoryError:
        return "failed", ("memory", "")
    except Exception as error:  # noqa: BLE001  whatever a parser stumbled over
        return "failed", ("crash", type(error).__name__)


def _limit(seconds: float, megabytes: int) -> None:
    """Bound this process by itself, so that it ends even when its parent is gone."""
    try:
        import resource
    except ImportError:  # Windows: only the parent's clock
        return
    size = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    cpu = int(seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
