"""The database: its address, its connections, the base class of all tables, retries."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

from pydantic import Field, SecretStr
from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    Table,
    TypeDecorator,
    create_engine,
    delete,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.util import greenlet_spawn

from services.env import STATE_DIR, EnvSettings, make_private_folder
from services.errors import ConfigError, Unavailable
from services.storage.migrations import migrate

logger = logging.getLogger(__name__)

PATIENCE = 15 * 60.0  # seconds that a store waits for a database that went away
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
WRITE_LIFE = timedelta(days=1)  # longer than PATIENCE, so that no retry outlives its record

P = ParamSpec("P")
T = TypeVar("T")


class StorageSettings(EnvSettings):
    """Where run-time state lives: a file under DATA_DIR, or the database of DATABASE_URL."""

    data_dir: Path = Field(STATE_DIR, alias="DATA_DIR")
    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")

    @property
    def url(self) -> URL:
        """What SQLAlchemy connects to; raises ConfigError when DATABASE_URL can't be that."""
        if self.database_url is None:
            return make_url(f"sqlite+aiosqlite:///{self.data_dir / 'bots.sqlite3'}")
        try:
            url = make_url(self.database_url.get_secret_value())
        except (ArgumentError, ValueError):
            raise ConfigError(
                "DATABASE_URL не похож на postgresql://имя:пароль@host/база"
            ) from None
        if url.port is not None and not 0 < url.port < 2**16:
            raise ConfigError(f"DATABASE_URL: порта {url.port} не бывает")
        driver = _DRIVERS.get(url.drivername)
        if driver is None:
            raise ConfigError(f"DATABASE_URL: нужно postgresql://, а не {url.drivername}://")
        return url.set(drivername=driver)


_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A datetime with its time zone; SQLite stores none, so it is converted to UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base class of all tables.

    Integers have 64 bits: Telegram's IDs don't fit 32. In SQLite every integer has 64, and
    only a plain INTEGER autoincrements as a primary key.
    """

    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


def utc_now() -> datetime:
    return datetime.now(UTC)


class Database:
    """Two SQLAlchemy engines over one database: an async one, and a quick one for hot paths.

    Open it with `async with Database.open(settings) as database`. `database.session()` is a
    transaction that commits at the end of its block; `database.run()` runs single statements
    that every message needs.
    """

    def __init__(self, engine: AsyncEngine, quick: Engine) -> None:
        self.engine = engine
        self._quick = quick
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    def open(cls, settings: StorageSettings) -> Database:
        url = settings.url
        # Parameters hold what users wrote: keep them out of errors and logs.
        if url.get_backend_name() == "sqlite":
            make_private_folder(Path(url.database or "").parent)
            engine = create_async_engine(url, hide_parameters=True)
            quick = create_engine(url.set(drivername="sqlite"), hide_parameters=True)
            for each, patience in ((engine.sync_engine, 10_000), (quick, 0)):
                event.listen(each, "connect", partial(_configure_sqlite, patience))
            return cls(engine, quick)
        connect = partial(
            create_async_engine, url, hide_parameters=True, pool_size=5, max_overflow=5
        )
        quick = connect(isolation_level="AUTOCOMMIT").sync_engine
        return cls(connect(pool_pre_ping=True), quick)

    async def __aenter__(self) -> Database:
        try:
            await migrate(self.engine)
        except Exception as error:
            await self.aclose()
            if not isinstance(error, OSError | DBAPIError | sqlite3.Error) and not _state(error):
                raise
            raise ConfigError(
                f"база не открывается ({type(error).__name__}): проверь DATABASE_URL"
                f" или DATA_DIR: {_place(self.engine.url)}"
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction: `async with database.session() as session` commits at its end."""
        return self._sessions.begin()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work`: one statement, or several that need no common transaction.

        On PostgreSQL this takes one round trip; a session takes more, for BEGIN, COMMIT and a
        ping. On SQLite it runs on the event loop, as a switch to a thread takes longer than
        the statement; only if another writer holds the lock does it go to a thread.
        A lost connection raises: use it in methods with `retry_when_unavailable`.
        """
        if self._quick.dialect.is_async:
            return await greenlet_spawn(_transaction, self._quick, work)
        try:
            return _transaction(self._quick, work)
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
        async with self.engine.begin() as connection:
            return await connection.run_sync(work)

    async def is_new(self, session: AsyncSession) -> bool:
        """Record this call of a retried method; False if an earlier try of it was committed.

        For changes that must not be made twice, such as adding to a counter. It belongs into
        the transaction of the change.
        """
        call = _call.get()
        record = self.insert(WriteRow).values(id=call.id, written_at=utc_now())
        stored = await session.execute(record.on_conflict_do_nothing().returning(WriteRow.id))
        if stored.first() is None:
            return False
        await session.execute(delete(WriteRow).where(WriteRow.written_at < utc_now() - WRITE_LIFE))
        return True

    @asynccontextmanager
    async def exclusive(self, work: str) -> AsyncIterator[None]:
        """Hold a named lock, shared by replicas on PostgreSQL."""
        async with self._locks[work]:
            if self.engine.dialect.name != "postgresql":
                yield
                return
            async with self.engine.begin() as connection:
                await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(work))))
                yield

    def insert(self, table: type[Base] | Table) -> postgresql.Insert | sqlite.Insert:
        """An INSERT of this database's dialect, which supports ON CONFLICT."""
        if self.engine.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)

    async def ping(self) -> None:
        """Run an empty query; raises what the driver raises when there is no answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def aclose(self) -> None:
        await self.engine.dispose()
        await greenlet_spawn(self._quick.dispose)


class WriteRow(Base):
    """A committed call of a method that must not change anything twice."""

    __tablename__ = "writes"

    id: Mapped[str] = mapped_column(primary_key=True)
    written_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(slots=True)
class _Call:
    """One call of a retried method: the same over all its tries."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    tries: int = 0


_call: ContextVar[_Call] = ContextVar("call")


def is_retry() -> bool:
    """Whether an earlier try of this call of a retried method may have been committed."""
    return _call.get().tries > 1


def _transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def retry_when_unavailable(
    method: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Retry a store's method, which is one transaction, while the database is unavailable.

    Raises Unavailable after PATIENCE. When the connection is lost during COMMIT, nobody knows
    whether the change was made: the method must be idempotent, or ask `Database.is_new` or
    `is_retry`.
    """

    @wraps(method)
    async def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        waited, pause, call = 0.0, FIRST_PAUSE, _Call()
        while True:
            token = _call.set(call)
            call.tries += 1
            try:
                return await method(*args, **kwargs)
            except Exception as error:
                if not is_passing(error):
                    raise
                if waited >= PATIENCE:
                    raise Unavailable("no answer", service="database") from error
                logger.warning("database: %s, once more in %.1f s", type(error).__name__, pause)
            finally:
                _call.reset(token)
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, LONGEST_PAUSE)

    return patient


# SQLite's messages for passing conditions: another writer, or a full disk.
_PASSING = re.compile(r"locked|busy|disk is full|disk I/O error|unable to open")
# PostgreSQL's error classes: connections, resources, an operator's shutdown.
_PASSING_STATES = ("08", "53", "57P")


def is_passing(error: Exception) -> bool:
    """Whether the same statement may succeed later."""
    if isinstance(error, OSError):
        return True
    if not isinstance(error, DBAPIError):
        # SQLAlchemy leaves asyncpg's refusals of a connection as they are.
        return _state(error).startswith(_PASSING_STATES)
    return (
        error.connection_invalidated
        or isinstance(error, InterfaceError)
        or _state(error.orig).startswith(_PASSING_STATES)
        or bool(_PASSING.search(str(error.orig)))
    )


def _state(error: BaseException | None) -> str:
    """PostgreSQL's five-letter code of an error, if it has one."""
    return getattr(error, "sqlstate", None) or ""


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _configure_sqlite(patience: int, connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # WAL with NORMAL loses nothing when the process dies, only when the power does.
    for pragma in (
        f"busy_timeout={patience}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
