"""Check, convert and import a data set of dialogues for Grisha.

python -m cli.grisha_data data/full_dataset.jsonl
python -m cli.grisha_data alpaca.json --output data/full_dataset.jsonl
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bots.grisha.knowledge import BadLine, Knowledge, read_dataset
from cli.shell import prepare
from services.arguments import Parser
from services.env import read_settings
from services.errors import ServiceError
from services.retrieval import Exchange, RetrievalSettings, open_encoder, open_index
from services.storage import Database, StorageSettings

SHOWN = 20  # bad lines that are named one by one


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="grisha_data",
        description="Проверяет набор диалогов (messages, Alpaca, ShareGPT) и отдаёт его Грише.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="JSONL или массив JSON")
    parser.add_argument("--check", action="store_true", help="только проверить")
    parser.add_argument(
        "--output", type=Path, help="записать пары в этот JSONL вместо того, чтобы загружать их"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 is done (bad lines are skipped), 1 a failure, 2 wrong usage."""
    arguments = build_parser().parse_args(argv)
    logging.getLogger("bots.grisha.knowledge").setLevel(logging.ERROR)  # told here instead
    try:
        prepare()
        if arguments.check:
            return _check(arguments.file)
        if arguments.output:
            return _convert(arguments.file, arguments.output)
        return asyncio.run(_import(arguments.file))
    except (ServiceError, OSError, UnicodeDecodeError) as error:
        print(f"Ошибка: {error}", file=sys.stderr)
        return 1


def _check(path: Path) -> int:
    good, bad = _sorted(read_dataset(path))
    return _report(len(good), bad)


def _convert(path: Path, output: Path) -> int:
    good, bad = _sorted(read_dataset(path))
    with output.open("w", encoding="utf-8") as lines:
        for exchange in good:
            turns = zip(("user", "assistant"), exchange, strict=True)
            messages = [{"role": role, "content": content} for role, content in turns]
            lines.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    return _report(len(good), bad)


async def _import(path: Path) -> int:
    storage = read_settings(StorageSettings)
    async with Database.open(storage) as database:
        index = await open_index(database, open_encoder(), read_settings(RetrievalSettings))
        bad = await Knowledge(index).load(path, _progress)
        return _report(await index.count(path.stem), bad)


def _progress(done: int, total: int) -> None:
    print(f"\r{done} из {total} ({100 * done // total} %)", end="", file=sys.stderr, flush=True)
    if done == total:
        print(file=sys.stderr)


def _sorted(items: Iterable[Exchange | BadLine]) -> tuple[list[Exchange], list[BadLine]]:
    good: list[Exchange] = []
    bad: list[BadLine] = []
    for item in items:
        if isinstance(item, BadLine):
            bad.append(item)
        else:
            good.append(item)
    return good, bad


def _report(good: int, bad: Sequence[BadLine]) -> int:
    for line in bad[:SHOWN]:
        print(f"строка {line.number}: {line.problem}", file=sys.stderr)
    if len(bad) > SHOWN:
        print(f"и ещё {len(bad) - SHOWN}", file=sys.stderr)
    print(f"Пар: {good}, пропущено строк: {len(bad)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
