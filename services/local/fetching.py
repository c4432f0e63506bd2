"""Fetch weights at the command line, telling the progress on stderr."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial

from services.errors import ServiceError
from services.local.weights import Download, Report


def fetch(name: str, download: Callable[[Report], Download]) -> int:
    """Bring the weights; 0 when they are there, 1 with the reason when that fails."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = download(partial(report, name))
    try:
        path = work.run()
    except ServiceError as error:
        end_line()
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        work.stop()
        end_line()
        print("Остановлено; скачанное сохранено, повтор продолжит.", file=sys.stderr)  # noqa: T201
        return 130
    end_line()
    print(f"Модель {name} на месте: {path}")  # noqa: T201
    return 0


def report(name: str, share: float, stage: str) -> None:
    """One line that rewrites itself on a terminal, a line a step in a log."""
    line = f"{name}: {round(share * 100)} %, {stage}"
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)  # noqa: T201
    else:
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def end_line() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)  # noqa: T201
