"""What this machine has."""

from __future__ import annotations

import os
from pathlib import Path


def available_cpus() -> int:
    """Processors that this process may use, also inside a container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.exists():
        quota, period = limit.read_text().split()
        if quota != "max":
            return max(1, min(allowed or 1, int(quota) // int(period)))
    return allowed or 1
