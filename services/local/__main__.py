"""Fetch the embedded model ahead of a bot's first start: `python -m services.local`."""

from __future__ import annotations

import sys

from services.env import load_env, read_settings
from services.local.config import LocalModelSettings
from services.local.fetching import fetch
from services.local.weights import NAME, Download


def main() -> int:
    load_env()
    folder = read_settings(LocalModelSettings).weights_folder
    return fetch(NAME, lambda report: Download(folder, report))


if __name__ == "__main__":
    sys.exit(main())
