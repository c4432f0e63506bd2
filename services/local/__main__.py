"""Fetch the embedded model ahead of a bot's first start: `python -m services.local`."""

from __future__ import annotations

import signal
import sys

from services.env import load_env, read_settings
from services.errors import ServiceError
from services.local.config import LocalModelSettings
from services.local.weights import NAME, Download


def main() -> int:
    """Bring the weights, telling the progress on stderr; 1 with the reason when that fails."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load_env()
    download = Download(read_settings(LocalModelSettings).weights_folder, report)
    try:
        path = download.run()
    except ServiceError as error:
        end_line()
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        download.stop()
        end_line()
        print("Остановлено; скачанное сохранено, повтор продолжит.", file=sys.stderr)  # noqa: T201
        return 130
    end_line()
    print(f"Модель {NAME} на месте: {path}")  # noqa: T201
    return 0


def report(share: float, stage: str) -> None:
    """One line that rewrites itself on a terminal, a line a step in a log."""
    line = f"{NAME}: {round(share * 100)} %, {stage}"
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)  # noqa: T201
    else:
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def end_line() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
