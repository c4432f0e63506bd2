"""The file of prompts: JSON Lines, each a string or an object with `prompt`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cli.shell import Problem
from services.decoding import decode


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt; `id` is what a report calls it."""

    id: str
    text: str
    system: str | None = None


def read_prompts(path: Path, system: str | None) -> list[Prompt]:
    """Read the file. Raises Problem that names the wrong line."""
    try:
        text = decode(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"файл запросов {path} не прочитать: {error}") from error
    prompts = [
        _prompt(line, number, path, system)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not prompts:
        raise Problem(f'в {path} нет запросов: нужна строка вида {{"prompt": "…"}} на каждый')
    return prompts


def _prompt(line: str, number: int, path: Path, system: str | None) -> Prompt:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise Problem(f'{path}, строка {number}: это не JSON, нужно {{"prompt": "…"}}') from None
    data = {"prompt": data} if isinstance(data, str) else data
    if not isinstance(data, dict) or not isinstance(data.get("prompt"), str):
        raise Problem(f"{path}, строка {number}: нет текста в поле prompt")
    if not data["prompt"].strip():
        raise Problem(f"{path}, строка {number}: запрос пуст")
    own = data.get("system")
    if own is not None and not isinstance(own, str):
        raise Problem(f"{path}, строка {number}: system — это текст")
    return Prompt(str(data.get("id", number)), data["prompt"].strip(), own or system)
