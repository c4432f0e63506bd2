"""Databases of every earlier version open with all that is in them."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from services.env import PROJECT_ROOT
from services.storage import (
    Base,
    ConversationKey,
    Database,
    HistoryStore,
    StorageSettings,
    migrations,
)
from services.storage.migrations import HEAD
from tests.test_house import import_all

# The statements of sqlite_master as each version built them.
SCHEMAS: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "schemas.json").read_text("utf-8")
)
ROWS = (
    ("0001", "INSERT INTO messages VALUES (1, 'grisha', 7, 0, 'user', 'привет', 1, 'Аня', 5, "
     "'2026-01-01 10:00:00.000000')"),
    ("0001", "INSERT INTO preferences VALUES ('literary', 7, 'style', '\"сказка\"')"),
    ("0002", "INSERT INTO spending VALUES ('grisha', 7, '2026-01-01', 1, 20, 5)"),
    ("0003", "INSERT INTO grisha_users VALUES (7, 'Аня', '2026-01-01 10:00:00', "
     "'2026-01-01 10:00:00')"),
    ("0003", "INSERT INTO retrieval_entries VALUES (3, 'patterns', 'а', 'б', x'00', '', NULL)"),
    ("0004", "INSERT INTO listings (id, key, demo, street, description, price) "
     "VALUES (5, 'k', 0, 'улица Ёлочная', 'светлая квартира', 1000000)"),
    ("0004", "INSERT INTO realty_favourites VALUES (7, 5)"),
    ("0006", "INSERT INTO retrieval_signs VALUES (3, '01')"),
)  # fmt: skip


def build(path: Path, revision: str) -> list[str]:
    """Make a database of a version with a row in each kind of table; return their tables."""
    rows = [statement for since, statement in ROWS if since <= revision]
    with sqlite3.connect(path) as old:
        for statement in SCHEMAS[revision]:
            old.execute(statement)
        old.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        for statement in rows:
            old.execute(statement)
    old.close()
    return [match[1] for row in rows if (match := re.match(r"INSERT INTO (\w+)", row))]


def differences(connection: Connection) -> list[object]:
    options = {
        "compare_type": False,  # SQLite has one type for all integers
        "include_name": lambda name, kind, _: not str(name).startswith("listings_text"),
    }
    context = MigrationContext.configure(connection, opts=options)
    assert context.get_current_revision() == HEAD
    return list(compare_metadata(context, Base.metadata))


@pytest.mark.parametrize("revision", sorted(SCHEMAS))
async def test_a_database_of_an_earlier_version_opens_unchanged(
    revision: str, tmp_path: Path
) -> None:
    import_all(r"\bclass \w+\(Base\)|= Table\(")
    tables = build(tmp_path / "bots.sqlite3", revision)
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        assert (await HistoryStore(database).recent(ConversationKey("grisha", 7), 1))[0].content
        async with database.engine.connect() as connection:
            assert await connection.run_sync(differences) == []
            for table in tables:
                assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 1
            if "listings" in tables:
                found = "SELECT rowid FROM listings_text WHERE listings_text MATCH 'елочная'"
                assert await connection.scalar(text(found)) == 5


def test_the_history_is_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(migrations._locations()))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert not [step.revision for step in script.walk_revisions() if step.is_branch_point]


def test_shared_storage_names_no_bot() -> None:
    bots = {path.parent.name for path in (PROJECT_ROOT / "bots").glob("*/bot.py")}
    assert len(bots) == 4
    for path in (PROJECT_ROOT / "services" / "storage").rglob("*.py"):
        code = path.read_text("utf-8").lower()
        assert not [name for name in (*bots, "realty", "listings") if name in code], path
