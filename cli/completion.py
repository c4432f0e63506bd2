"""Completion by Tab for bash, zsh and fish."""

from __future__ import annotations

import argparse
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")


def add_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--completion",
        choices=SHELLS,
        help="вывести дополнение по Tab для этой оболочки; как включить — docs/hf_cli.md",
    )


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes what `parser` understands."""
    import shtab

    _complete_files(parser)
    text: str = shtab.complete(parser, shell)
    return text


def _complete_files(parser: argparse.ArgumentParser) -> None:
    import shtab

    for action in parser._actions:
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                _complete_files(sub)
