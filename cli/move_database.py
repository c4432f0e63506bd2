"""Copy the database from SQLite to PostgreSQL: `python -m cli.move_database`.

One transaction copies all tables and compares them before the commit.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.shell import prepare
from services.arguments import Parser
from services.env import read_settings
from services.errors import ConfigError
from services.storage import Database, StorageSettings

BATCH = 1000

Row = dict[str, Any]


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m cli.move_database",
        description="Переносит всё из SQLite в PostgreSQL. Останови ботов перед переносом.",
    )
    parser.add_argument("--source", type=Path, help="файл SQLite (обычно из DATA_DIR)")
    parser.add_argument("--target", help="postgresql://... (обычно DATABASE_URL)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    prepare()
    try:
        moved = asyncio.run(_move(args.source, args.target))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    for name, rows in moved.items():
        print(f"{name:<24} {rows:>10}")
    print("Перенесено и сверено.")
    return 0


# The target has its own version, and needs no records of writes that were made elsewhere.
STAYING = ("alembic_version", "writes")
# SQLite's full-text index is built from a table that moves.
LEFT_ON_PURPOSE = (*STAYING, "listings_text")


async def _move(file: Path | None, address: str | None) -> dict[str, int]:
    settings = read_settings(StorageSettings)
    source = settings.model_copy(update={"database_url": None})
    if file:
        source = StorageSettings(database_url=f"sqlite:///{file}")
    target = StorageSettings(database_url=address) if address else settings
    return await move_database(source, target)


async def move_database(source: StorageSettings, target: StorageSettings) -> dict[str, int]:
    """Copy all tables and compare them; return the number of rows of each.

    Raises ConfigError, and changes nothing, if the source doesn't exist, the target isn't an
    empty PostgreSQL database, or a table would not be copied.
    """
    if not Path(source.url.database or "").is_file():  # noqa: ASYNC240
        raise ConfigError(f"нет базы {source.url.database}: укажи её в --source")
    if target.url.get_backend_name() != "postgresql":
        raise ConfigError("цель — не PostgreSQL: задай DATABASE_URL или --target")
    async with (
        Database.open(source) as old,
        Database.open(target) as new,
        old.engine.connect() as reader,
        new.engine.begin() as writer,
    ):
        # A bot that still runs waits for the file, rather than write what would be left.
        await reader.execute(text("BEGIN IMMEDIATE"))
        tables = await _tables(reader, writer)
        return {table.name: await _move_table(table, reader, writer) for table in tables}


async def _tables(reader: AsyncConnection, writer: AsyncConnection) -> Sequence[Table]:
    """The target's tables, whose types both databases understand."""
    metadata = MetaData()
    await writer.run_sync(metadata.reflect)
    for name in STAYING:
        metadata.remove(metadata.tables[name])
    left = {name for name in await reader.run_sync(_names) if not name.startswith(LEFT_ON_PURPOSE)}
    if left := left - set(metadata.tables):
        raise ConfigError(f"ни одна миграция не создаёт {', '.join(sorted(left))}")
    for table in metadata.sorted_tables:
        if await _count(table, writer):
            raise ConfigError(f"цель не пуста: в {table.name} есть строки")
    return metadata.sorted_tables


def _names(connection: Connection) -> Sequence[str]:
    return inspect(connection).get_table_names()


async def _count(table: Table, connection: AsyncConnection) -> int:
    return await connection.scalar(select(func.count()).select_from(table)) or 0


async def _move_table(table: Table, reader: AsyncConnection, writer: AsyncConnection) -> int:
    async for rows in _batches(table, reader):
        await writer.execute(insert(table), rows)
    before, after = await _fingerprint(table, reader), await _fingerprint(table, writer)
    if before != after:
        raise ConfigError(f"{table.name} после копирования отличается: ничего не перенесено")
    for column in table.primary_key:
        if column.server_default is not None:  # the next row counts on from here
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            following = func.coalesce(func.max(column) + 1, 1)
            await writer.execute(select(func.setval(sequence, following, False)))
    return before[0]


async def _fingerprint(table: Table, connection: AsyncConnection) -> tuple[int, int]:
    """The number of rows, and a sum of their hashes, which doesn't depend on their order."""
    count, total = 0, 0
    async for rows in _batches(table, connection):
        for row in rows:
            digest = hashlib.sha256(repr(list(row.values())).encode("utf-8", "replace")).digest()
            count, total = count + 1, total + int.from_bytes(digest, "big")
    return count, total % 2**256


async def _batches(table: Table, connection: AsyncConnection) -> AsyncIterator[list[Row]]:
    async with connection.stream(select(table)) as result:
        async for rows in result.mappings().partitions(BATCH):
            yield [{name: _portable(value) for name, value in row.items()} for row in rows]


def _portable(value: Any) -> Any:
    """SQLite knows no time zones and PostgreSQL no NUL characters; times are in UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return value.replace("\x00", "") if isinstance(value, str) else value


if __name__ == "__main__":
    sys.exit(main())
