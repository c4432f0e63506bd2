"""Starts a bot again and again under load: `python -m benchmarks.chaos.starts`.

Each start opens the sentence encoder in one thread while another imports torch; both load
native libraries, and once they waited for each other for good. A start counts when /healthz
answers within two minutes. The model's folder is empty: torch and transformers are imported,
no weights are read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from services.env import PROJECT_ROOT
from tests.servers import free_port

PATIENCE = 120.0
STAY = 3.0  # seconds after /healthz: torch may be imported only now


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="starts (%(default)s)")
    parser.add_argument("--load", type=int, default=os.cpu_count() or 1, help="busy processes")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, _load(args.load):
        seconds = []
        for number in range(1, args.count + 1):
            seconds.append(asyncio.run(_start(Path(folder))))
            print(f"{number}: {seconds[-1]}", file=sys.stderr, flush=True)
    good = [each for each in seconds if each is not None]
    result = {
        "starts": len(seconds),
        "hung": len(seconds) - len(good),
        "median_s": round(statistics.median(good), 1) if good else None,
        "slowest_s": round(max(good), 1) if good else None,
    }
    print(json.dumps(result) if args.json else f"{result}")
    return int(bool(result["hung"]))


async def _start(folder: Path) -> float | None:
    """Seconds until the bot was ready; None when it never was."""
    port, page, began = free_port(), free_port(), time.monotonic()
    model = folder / "model"
    model.mkdir(exist_ok=True)
    command = f"--bot grisha --backend local --playground --port {page} --model {model}".split()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "main.py", *command),
        cwd=PROJECT_ROOT,
        env={
            **os.environ,
            "DATA_DIR": str(folder / "data"),
            "WEB_PORT": str(port),
            "LOCAL_ENGINE": "transformers",
            **dict.fromkeys(("DATABASE_URL", "REDIS_URL"), ""),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session:
            ready = await _healthy(session, port, began + PATIENCE)
            took = time.monotonic() - began
            await asyncio.sleep(STAY)
            return took if ready and await _healthy(session, port, began + PATIENCE) else None
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _healthy(session: aiohttp.ClientSession, port: int, deadline: float) -> bool:
    while time.monotonic() < deadline:
        try:
            async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
                if response.status == 200:
                    return True
        except (TimeoutError, aiohttp.ClientError):
            pass
        await asyncio.sleep(0.1)
    return False


@contextmanager
def _load(count: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
