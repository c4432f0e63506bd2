"""Fetch Whisper ahead of the first voice message: `python -m services.media`.

Does nothing where the settings name another recogniser, or none.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from services.env import load_env, read_settings
from services.local.fetching import fetch
from services.media.config import SpeechSettings
from services.media.whisper_weights import WHISPER, embedded, is_embedded


def main() -> int:
    load_env()
    settings = read_settings(SpeechSettings)
    if settings.base_url or not is_embedded(settings.model) or find_spec("faster_whisper") is None:
        return 0
    return fetch(WHISPER.name, lambda report: embedded(settings, report))


if __name__ == "__main__":
    sys.exit(main())
