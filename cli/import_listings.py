"""Bring listings into the real-estate bot: `python -m cli.import_listings FILE [--dry-run]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from bots.real_estate.listings import ListingStore
from bots.real_estate.listings.importing import ImportPreview, ImportRefused, read_untrusted
from bots.real_estate.listings.store import Upserted
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.wording import flat_line, money
from cli.shell import prepare
from services.arguments import Parser
from services.env import read_settings
from services.storage import Database, StorageSettings

SHOWN_ROWS, SHOWN_ERRORS = 3, 20


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(description="Загружает объявления из CSV, TSV или XLSX.")
    parser.add_argument("file", type=Path, help="таблица с объявлениями")
    parser.add_argument("--dry-run", action="store_true", help="только показать, что прочиталось")
    parser.add_argument("--source", help="как назвать источник на карточках (имя файла)")
    parser.add_argument("--demo", action="store_true", help="пометить карточки «ДЕМО, вымышлено»")
    parser.add_argument(
        "--keep-personal", action="store_true", help="не вырезать телефоны, почту и ники"
    )
    parser.add_argument("--no-training", action="store_true", help="не переучивать оценку")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the import; 0 is done, 1 a file that can't be taken."""
    arguments = build_parser().parse_args(argv)
    prepare()
    try:
        preview = asyncio.run(_read(arguments))
    except FileNotFoundError:
        print(f"Файла {arguments.file} нет: проверь путь.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Файл {arguments.file} не открывается: {error.strerror}.", file=sys.stderr)
        return 1
    except ImportRefused as error:
        print(error, file=sys.stderr)
        return 1
    print(describe(preview))
    if not arguments.dry_run:
        asyncio.run(_store(preview, train=not arguments.no_training))
    return 0


async def _read(arguments: argparse.Namespace) -> ImportPreview:
    return await read_untrusted(
        arguments.file.name,
        arguments.file.read_bytes(),
        source=arguments.source,
        demo=arguments.demo,
        keep_personal=arguments.keep_personal,
    )


def describe(preview: ImportPreview) -> str:
    lines = [f"Строк с квартирами: {len(preview.listings)}, с ошибками: {preview.bad_rows}"]
    lines += [f"  {theirs} → {ours}" for theirs, ours in preview.columns.items()]
    if preview.personal:
        lines.append(f"Личные данные, не сохраняются: {', '.join(preview.personal)}")
    if preview.unknown:
        lines.append(f"Не узнаны: {', '.join(preview.unknown)}")
    lines += [f"  строка {error.row}: {error.message}" for error in preview.errors[:SHOWN_ERRORS]]
    lines += [
        f"  {money(listing.flat.price or 0)}, {flat_line(listing.flat)}"
        for listing in preview.listings[:SHOWN_ROWS]
    ]
    return "\n".join(lines)


async def _store(preview: ImportPreview, *, train: bool) -> Upserted:
    storage = read_settings(StorageSettings)
    async with Database.open(storage) as database:
        store = ListingStore(database)
        result = await store.upsert(preview.listings)
        print(f"Новых {result.added}, обновлено {result.changed}, без изменений {result.same}")
        if train:
            appraiser = Appraiser(store, storage.data_dir)
            print("Переучиваю оценку…")
            await appraiser.train()
            print(appraiser.accuracy or "Оценки нет: объявлений мало.")
    return result


if __name__ == "__main__":
    raise SystemExit(main())
