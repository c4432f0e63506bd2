"""The database: where it is, how it is opened, what every table derives from."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from sqlalchemy import DateTime, Dialect, TypeDecorator, event
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from services.env import PROJECT_ROOT, EnvSettings


class StorageSettings(EnvSettings):
    """Where run-time state lives."""

    data_dir: Path = Field(PROJECT_ROOT / "var", alias="DATA_DIR")

    @property
    def database_url(self) -> str:
        return f"sqlite+aiosqlite:///{self.data_dir / 'bots.sqlite3'}"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its zone; SQLite keeps none, so UTC goes in and comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(timezone.utc) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo:
            return value
        return value.replace(tzinfo=timezone.utc)


class Base(DeclarativeBase):
    """What every table of the project derives from."""

    type_annotation_map: ClassVar = {datetime: UtcDateTime}


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Database:
    """An async SQLAlchemy engine over one database file.

    Use it as `async with Database.open(settings) as database`, then `database.session()`
    for a transaction that commits at the end of its block.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    def open(cls, settings: StorageSettings) -> Database:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(settings.database_url)
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        return cls(engine)

    async def __aenter__(self) -> Database:
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction: `async with database.session() as session` commits at its end."""
        return self._sessions.begin()

    async def aclose(self) -> None:
        await self._engine.dispose()


def _configure_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # WAL with NORMAL loses nothing when the process dies, only when the power does.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=10000",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
