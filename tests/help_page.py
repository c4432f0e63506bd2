"""`docs/commands.md`: what each command answers to --help. `make docs` writes it anew."""

from __future__ import annotations

import os
import subprocess
import sys

from services.env import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "commands.md"
COMMANDS = (
    ("main.py",),
    ("cli/hf_cli.py",),
    ("cli/hf_cli.py", "log"),
    ("cli/hf_cli.py", "usage"),
    ("cli/hf_llama3_openai.py",),
    ("cli/history chat/console_chat.py",),
    ("-m", "cli.grisha_data"),
    ("-m", "cli.grisha_memory"),
    ("-m", "cli.import_listings"),
    ("-m", "cli.make_sample_listings"),
    ("-m", "cli.move_database"),
)


def help_page() -> str:
    """The page as it should be today."""
    sections = ["# Команды\n\nЧто отвечает каждая на `--help`.\n"]
    for command in COMMANDS:
        shown = " ".join(f'"{part}"' if " " in part else part for part in command)
        sections.append(f"## `python {shown}`\n\n```text\n{help_of(*command)}```\n")
    return "\n".join(sections)


def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command, "--help"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "COLUMNS": "90", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    return done.stdout


if __name__ == "__main__":
    PAGE.write_text(help_page(), "utf-8")
