"""Launcher: this folder's name has a space, so the code lives in `cli.history_chat`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cli.history_chat.app import main

if __name__ == "__main__":
    sys.exit(main())
