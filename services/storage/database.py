"""The database: where it is, how it is opened, what every table derives from."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timezone
from functools import partial, wraps
from pathlib import Path
from typing import Any, ClassVar, TypeVar

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
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.util import greenlet_spawn
from typing_extensions import ParamSpec

from services.env import PROJECT_ROOT, EnvSettings, make_private_folder
from services.errors import ConfigError, Unavailable
from services.storage.migrations import migrate

logger = logging.getLogger(__name__)

PATIENCE = 15 * 60.0  # seconds that a store waits for a database that went away
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

P = ParamSpec("P")
T = TypeVar("T")


class StorageSettings(EnvSettings):
    """Where run-time state lives: a file under DATA_DIR, or the database of DATABASE_URL."""

    data_dir: Path = Field(PROJECT_ROOT / "var", alias="DATA_DIR")
    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")

    @property
    def url(self) -> URL:
        """What SQLAlchemy connects to; raises ConfigError when DATABASE_URL can't be that."""
        if self.database_url is None:
            return make_url(f"sqlite+aiosqlite:///{self.data_dir / 'bots.sqlite3'}")
        try:
            url = make_url(self.database_url.get_secret_value())
        except (ArgumentError, ValueError):
            raise ConfigError("DATABASE_URL is no address of a database") from None
        if url.port is not None and not 0 < url.port < 2**16:
            raise ConfigError(f"DATABASE_URL: there is no port {url.port}")
        driver = _DRIVERS.get(url.drivername)
        if driver is None:
            raise ConfigError(f"DATABASE_URL: postgresql:// is expected, not {url.drivername}://")
        return url.set(drivername=driver)


_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}


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
    """What every table of the project derives from.

    Integers have 64 bits: Telegram's ids don't fit 32. SQLite's always have, and only
    its plain INTEGER counts primary keys up.
    """

    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Database:
    """An async SQLAlchemy engine over one database, and a quick one for every message's needs.

    Use it as `async with Database.open(settings) as database`, then `database.session()`
    for a transaction that commits at the end of its block, or `database.run()` for a
    statement that every message needs.
    """

    def __init__(self, engine: AsyncEngine, quick: Engine) -> None:
        self.engine = engine
        self._quick = quick
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    def open(cls, settings: StorageSettings) -> Database:
        url = settings.url
        # Parameters are what people wrote: they stay out of errors and logs.
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
        except (OSError, DBAPIError, sqlite3.Error) as error:
            await self.aclose()
            raise ConfigError(
                f"the database can't be opened ({type(error).__name__}): check DATABASE_URL"
                f" or DATA_DIR: {_place(self.engine.url)}"
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction: `async with database.session() as session` commits at its end."""
        return self._sessions.begin()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` does: one statement, or several of which each may stand alone.

        On PostgreSQL it is one trip, where `session` takes one for each statement, for the
        transaction's ends and for a ping. On SQLite it is none: a trip to a thread takes more
        than the statement, so only what has to wait for another writer goes there.
        A connection that died is an error here: call it where `retry_when_unavailable` calls again.
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

    @asynccontextmanager
    async def exclusive(self, work: str) -> AsyncIterator[None]:
        """Do what must not be done twice at once, be it by replicas on one PostgreSQL."""
        async with self._locks[work]:
            if self.engine.dialect.name != "postgresql":
                yield
                return
            async with self.engine.begin() as connection:
                await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(work))))
                yield

    def insert(self, table: type[Base] | Table) -> postgresql.Insert | sqlite.Insert:
        """An INSERT that knows ON CONFLICT, in this database's dialect."""
        if self.engine.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)

    async def ping(self) -> None:
        """Raise what the database raises when it doesn't answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def aclose(self) -> None:
        await self.engine.dispose()
        await greenlet_spawn(self._quick.dispose)


def _transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def retry_when_unavailable(
    method: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run a store's method, which is one transaction, again when the database went away.

    Raises Unavailable when it stays away. A commit whose answer was cut off may have
    happened: the method must bear a second run.
    """

    @wraps(method)
    async def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        waited, pause = 0.0, FIRST_PAUSE
        while True:
            try:
                return await method(*args, **kwargs)
            except (DBAPIError, OSError) as error:
                if not is_passing(error):
                    raise
                if waited >= PATIENCE:
                    raise Unavailable("no answer", service="database") from error
                logger.warning("database: %s, once more in %.1f s", type(error).__name__, pause)
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, LONGEST_PAUSE)

    return patient


# What SQLite says when it will work later: others write, or the disk is full.
_PASSING = re.compile(r"locked|busy|disk is full|disk I/O error|unable to open")
# PostgreSQL's classes: connections, resources, an operator's shutdown.
_PASSING_STATES = ("08", "53", "57P")


def is_passing(error: DBAPIError | OSError) -> bool:
    """Whether the same statement may work later, with nothing changed here."""
    if isinstance(error, OSError):
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return (
        error.connection_invalidated
        or isinstance(error, InterfaceError)
        or state.startswith(_PASSING_STATES)
        or bool(_PASSING.search(str(error.orig)))
    )


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
