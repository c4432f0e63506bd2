"""The shape of the tables, version by version; brought up to date at every start.

A change of a table needs a new file in `versions/`; a test compares what they build
with what the code declares. Bots of several replicas start at once: the first one
migrates, the others wait for its lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.storage.process_lock import hold

HEAD = "0008"
PATIENCE = 60.0  # seconds for another process to bring the file up to date
_LOCK = 7_305_218_441  # any number, the same for all replicas


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables to the newest version, all of it or nothing."""
    if engine.dialect.name == "sqlite":
        async with _one_at_a_time(Path(f"{engine.url.database}.lock")):
            await _migrate_file(engine)
        return
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if await connection.run_sync(_version) != HEAD:
            await connection.run_sync(_upgrade)


async def _migrate_file(engine: AsyncEngine) -> None:
    # The driver opens no transaction before DDL: ours holds the file's write lock.
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if await connection.run_sync(_version) == HEAD:
            return
        await connection.execute(text("BEGIN IMMEDIATE"))
        try:
            await connection.run_sync(_upgrade)
        except BaseException:
            await connection.execute(text("ROLLBACK"))
            raise
        await connection.execute(text("COMMIT"))


@asynccontextmanager
async def _one_at_a_time(path: Path) -> AsyncIterator[None]:
    """Hold a lock beside the file: its own don't hold while a new one gets its journal mode."""
    lock = await asyncio.to_thread(hold, path, PATIENCE)
    try:
        yield
    finally:
        lock.close()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
