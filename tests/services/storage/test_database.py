"""The database itself: its migrations, its address, its absence."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from services.errors import ConfigError
from services.storage import (
    Base,
    ConversationKey,
    Database,
    HistoryStore,
    StorageSettings,
    StoredMessage,
)
from services.storage.migrations import HEAD
from tests.servers import Postgres
from tests.test_house import import_all

BEFORE_MIGRATIONS = """
CREATE TABLE messages (
    id INTEGER NOT NULL PRIMARY KEY, bot VARCHAR NOT NULL, chat_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL, role VARCHAR NOT NULL, content VARCHAR NOT NULL,
    author_id INTEGER, author_name VARCHAR, source_id INTEGER, created_at DATETIME NOT NULL
);
CREATE TABLE inbox (
    bot VARCHAR NOT NULL, update_id BIGINT NOT NULL, body VARCHAR, attempts INTEGER NOT NULL,
    received_at DATETIME NOT NULL, PRIMARY KEY (bot, update_id)
);
INSERT INTO messages VALUES
    (1, 'grisha', 7, 0, 'user', 'привет', 1, 'Аня', 5, '2026-01-01 10:00:00.000000');
"""


async def test_migrations_build_what_the_code_declares(database: Database) -> None:
    import_all(r"\bclass \w+\(Base\)|= Table\(")

    def differences(connection: Connection) -> list[object]:
        # SQLite has one type for all integers.
        options = {
            "compare_type": connection.dialect.name == "postgresql",
            # SQLite keeps a full-text index in tables of its own.
            "include_name": lambda name, kind, _: not str(name).startswith("listings_text"),
        }
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == HEAD
        return list(compare_metadata(context, Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_from_before_migrations_is_kept(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "bots.sqlite3")
    old.executescript(BEFORE_MIGRATIONS)
    old.close()
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        turns = await HistoryStore(database).recent(ConversationKey("grisha", 7), 10)
    assert [turn.content for turn in turns] == ["привет"]


async def test_replicas_that_start_at_once_migrate_once(storage: StorageSettings) -> None:
    databases = [Database.open(storage) for _ in range(4)]
    await asyncio.gather(*(database.__aenter__() for database in databases))
    await asyncio.gather(*(database.ping() for database in databases))
    await asyncio.gather(*(database.aclose() for database in databases))


async def test_a_broken_migration_leaves_nothing(
    storage: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import services.storage.migrations as migrations

    upgrade = migrations._upgrade

    def broken(connection: Connection) -> None:
        upgrade(connection)
        raise OSError("the disk is gone")

    monkeypatch.setattr(migrations, "_upgrade", broken)
    with pytest.raises(ConfigError):
        await Database.open(storage).__aenter__()
    monkeypatch.setattr(migrations, "_upgrade", upgrade)
    async with Database.open(storage) as database:
        await database.ping()


async def test_waits_for_a_database_that_went_away(
    postgres: Postgres, postgres_database: str
) -> None:
    key = ConversationKey("grisha", 1)
    settings = StorageSettings(database_url=postgres_database)
    async with Database.open(settings) as database:
        history = HistoryStore(database)
        assert not await history.recent(key, 1)
        await asyncio.to_thread(postgres.stop)
        reading = asyncio.create_task(history.recent(key, 1))
        done, _ = await asyncio.wait({reading}, timeout=0.5)
        assert not done
        await asyncio.to_thread(postgres.start)
        assert not await asyncio.wait_for(reading, 15)


async def test_waits_for_another_writer(tmp_path: Path) -> None:
    key, turn = ConversationKey("grisha", 1), StoredMessage("user", "привет")
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        history = HistoryStore(database)
        async with database.session() as session:
            await session.execute(text("DELETE FROM messages"))  # takes the file's lock
            writing = asyncio.create_task(history.append(key, turn))
            done, _ = await asyncio.wait({writing}, timeout=0.3)
            assert not done
        await asyncio.wait_for(writing, 5)
        assert len(await history.recent(key, 2)) == 1


async def test_waits_for_a_full_disk(tmp_path: Path) -> None:
    key, long = ConversationKey("grisha", 1), StoredMessage("user", "слово " * 20_000)
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:

        async def bound(pages: int) -> None:
            pragma = f"PRAGMA max_page_count={pages}"  # of one connection: that of `run`
            await database.run(lambda connection: connection.exec_driver_sql(pragma))

        await bound(1)  # SQLite makes it what the file has now
        writing = asyncio.create_task(HistoryStore(database).append(key, long))
        done, _ = await asyncio.wait({writing}, timeout=0.4)
        assert not done
        await bound(100_000)
        await asyncio.wait_for(writing, 15)
        assert [turn.content for turn in await HistoryStore(database).recent(key, 2)] == [
            long.content
        ]


@pytest.mark.parametrize(
    ("address", "problem"),
    [("mysql://localhost/x", "postgresql://"), ("не адрес", "не похож на")],
)
def test_refuses_an_address_it_cannot_use(address: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        _ = StorageSettings(database_url=address).url


async def test_an_error_at_the_start_names_the_place_and_hides_the_password() -> None:
    settings = StorageSettings(database_url="postgres://bot:secret@127.0.0.1:9/bots")
    with pytest.raises(ConfigError, match=r"DATABASE_URL.*127\.0\.0\.1:9/bots") as caught:
        await Database.open(settings).__aenter__()
    assert "secret" not in str(caught.value)
