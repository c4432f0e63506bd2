"""What hostile documents cost: `python -m benchmarks.documents`.

Each file is read as a bot reads it, in a process of its own; printed are its size, what came of
it, the seconds and the most memory that the reader took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from typing import Any

from services.media.documents import DocumentRefused, read_document
from tests.fakes.hostile_documents import HOSTILE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(asyncio.run(_measure(arguments.one))))
        return 0
    reports = [_in_own_process(name) for name in HOSTILE]
    if arguments.json:
        print(json.dumps(reports, ensure_ascii=False, indent=2))
        return 0
    for report in reports:
        print(
            f"{report['file']:45} {report['megabytes']:5} МБ {report['seconds']:5} с "
            f"{report['peak_mb']:5} МБ  {report['outcome']}"
        )
    return 0


def _in_own_process(name: str) -> dict[str, Any]:
    """Measured apart: what children took is known to their parent as one maximum only."""
    command = [sys.executable, "-m", "benchmarks.documents", "--one", name]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


async def _measure(name: str) -> dict[str, Any]:
    content = HOSTILE[name].make()
    started = time.perf_counter()
    try:
        document = await read_document(content, f"file.{name[:4].strip(': ').lower()}")
        outcome = f"прочитано: {document.characters} знаков" + (
            f", {document.omitted}" if document.omitted else ""
        )
    except DocumentRefused as error:
        outcome = str(error)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "file": name,
        "megabytes": round(len(content) / 2**20, 1),
        "seconds": round(seconds, 1),
        "peak_mb": peak // 1024,
        "outcome": outcome,
    }


if __name__ == "__main__":
    sys.exit(main())
