"""Native libraries load in one thread while another looks through them."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each import of these takes the system loader's lock with the interpreter's held.
RACE = """
import _imp, importlib.util, threading
import numpy, threadpoolctl
from services import native
{mend}
specs = [importlib.util.find_spec(name) for name in ("_asyncio", "_heapq", "_json", "_csv")]
specs = [spec for spec in specs if spec.origin and spec.origin.endswith(".so")]
found, ended = [], threading.Event()

def scan():
    for _ in range(300):
        found[:] = threadpoolctl.threadpool_info()
    ended.set()

threading.Thread(target=scan, daemon=True).start()
while specs and not ended.is_set():
    for spec in specs:
        _imp.create_dynamic(spec)
ended.wait()
print(sorted(item["internal_api"] for item in found))
"""
ALONE = """
import numpy, threadpoolctl
print(sorted(item["internal_api"] for item in threadpoolctl.threadpool_info()))
"""


def run(code: str, timeout: float) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], timeout=timeout, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the lock is glibc's")
def test_imports_beside_a_scan_end() -> None:
    mended = run(RACE.format(mend="native.list_without_callback()"), 120)
    assert mended == run(ALONE, 60)  # threadpoolctl finds what it found before
