"""Prepare the embedded model ahead of a bot's first start: `python -m services.local`."""

from __future__ import annotations

import signal
import sys

from services.env import load_env, read_settings
from services.errors import ServiceError
from services.local.config import LocalModelSettings
from services.local.embedded import NAME, prepare


def main() -> int:
    """Prepare the model, telling the progress; 1 with the reason when that fails."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that half-made files are removed
    load_env()
    try:
        folder = prepare(read_settings(LocalModelSettings).data_dir, report)
    except ServiceError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"100 % {NAME}: {folder}", flush=True)  # noqa: T201
    return 0


def report(share: float, stage: str) -> None:
    print(f"{round(share * 100):3} % {NAME}: {stage}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
