"""A function under limits: results come back, hogs are ended, nothing is left running."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress

import pytest

from services.sandbox import Refused, SandboxError, run


def double(number: int) -> int:
    print("noise that isn't the answer")  # noqa: T201
    return number * 2


def refuse() -> None:
    raise Refused("файл пуст")


def fail() -> None:
    raise KeyError("xl/workbook.xml")


def hang() -> None:
    while True:
        pass


def hang_and_tell(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    hang()


def hoard() -> int:
    return len(bytearray(2**31))


def die() -> None:
    os._exit(3)


def environment() -> dict[str, str]:
    return dict(os.environ)


async def test_result_comes_back() -> None:
    assert await run(double, 21, seconds=30, megabytes=512) == 42


async def test_refusal_keeps_its_text() -> None:
    with pytest.raises(Refused, match=r"^файл пуст$"):
        await run(refuse, seconds=30, megabytes=512)


@pytest.mark.parametrize(
    ("function", "seconds", "reason"),
    [(hang, 1, "time"), (hoard, 30, "memory"), (fail, 30, "crash"), (die, 30, "crash")],
)
async def test_failure_is_told_by_its_reason(function, seconds: float, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SandboxError) as caught:
        await run(function, seconds=seconds, megabytes=512)
    assert caught.value.reason == reason


async def test_cancelling_the_caller_ends_the_process(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "pid"
    task = asyncio.create_task(run(hang_and_tell, str(file), seconds=30, megabytes=512))
    while not (file.exists() and file.read_text()):  # noqa: ASYNC110  another process writes
        await asyncio.sleep(0.02)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


async def test_loop_goes_on_meanwhile() -> None:
    task = asyncio.create_task(run(hang, seconds=1, megabytes=512))
    longest, before = 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    assert isinstance(task.exception(), SandboxError)
    assert longest < 0.3


async def test_no_secret_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", "1:secret")
    found = await run(environment, seconds=30, megabytes=512)
    assert "BOT_TOKEN" not in found
