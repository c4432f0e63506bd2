"""Alembic migrations; every start brings the database up to date.

Shared tables have their migrations in `versions/`, a bot's tables in the bot's own package,
`bots/<bot>/migrations/`. All of them form one linear history, so that any bot or tool opens any
database. A test compares what they build with the models. Replicas start at the same time: the
first one migrates, the others wait for its lock.
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

HEAD = "0013"
PATIENCE = 60.0  # seconds for another process to bring the file up to date
_LOCK = 7_305_218_441  # any number, the same for all replicas
_HERE = Path(__file__).parent
_BOTS = _HERE.parents[2] / "bots"


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


def _locations() -> list[str]:
    """The folders with migrations: the shared ones, and those of each installed bot."""
    return [str(path) for path in (_HERE / "versions", *sorted(_BOTS.glob("*/migrations")))]


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_locations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
