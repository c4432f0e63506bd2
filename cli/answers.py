"""Extract code from an answer, and save it to a file."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from cli.shell import Problem, say

_FENCE = re.compile(r" {0,3}(`{3,}+|~{3,}+)([^`\n]*)")


def add_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--extract", action="store_true", help="вывести только первый блок кода из ответа"
    )
    parser.add_argument("--save", type=Path, metavar="ФАЙЛ", help="записать ответ и в файл")


def extract(text: str) -> str:
    """The first code block; the whole answer, with a warning on stderr, when there is none."""
    block = first_code_block(text)
    if block is None:
        say("Блока кода в ответе нет: показан весь ответ.")
        return text
    return block


def first_code_block(text: str) -> str | None:
    """The inside of the first fenced code block, also of one that was cut off; None without."""
    fence = ""
    lines: list[str] = []
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line.rstrip())
        if not fence:
            fence = match[1] if match else ""
        elif match and match[1].startswith(fence) and not match[2].strip():
            return "\n".join(lines)
        else:
            lines.append(line)
    return "\n".join(lines) if fence else None


def save(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a file as a whole or not at all. Raises Problem."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding=encoding, errors="replace", newline="")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Problem(f"файл {path} не записать: {error.strerror or error}") from error
