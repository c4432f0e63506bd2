"""The tables of the log and their migrations.

`PRAGMA user_version` counts the migrations that a database has had. A migration is never
changed once released: a new one is added at the end.
"""

from __future__ import annotations

import sqlite3

# The index of words knows no «ё», so that «елка» finds «ёлка».
_FOLDED = "replace(replace({0}, 'ё', 'е'), 'Ё', 'Е')"


def _words(row: str) -> str:
    columns = (f"coalesce({row}.{name}, '')" for name in ("prompt", "answer", "system"))
    return ", ".join(_FOLDED.format(column) for column in columns)


_REMOVE = (
    "INSERT INTO words (words, rowid, prompt, answer, system) "
    f"VALUES ('delete', old.id, {_words('old')});"
)
_ADD = f"INSERT INTO words (rowid, prompt, answer, system) VALUES (new.id, {_words('new')});"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE talk (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT UNIQUE,  -- a name that the user gave, or session:ID of the console chat
            tool TEXT NOT NULL,
            created_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE exchange (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            talk_id INTEGER REFERENCES talk (id),  -- NULL in a comparison
            tool TEXT NOT NULL,
            backend TEXT NOT NULL,
            model TEXT NOT NULL,  -- as it was asked for
            answered_by TEXT,  -- as the service named it
            role TEXT NOT NULL,  -- of the last message: user, or function for a tool's result
            system TEXT,
            prompt TEXT NOT NULL,
            answer TEXT,  -- NULL while it is being written
            finish_reason TEXT,  -- stopped: by the user
            error TEXT,
            started_at TEXT NOT NULL,  -- UTC
            first_token_seconds REAL,
            seconds REAL,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            cached_tokens INTEGER,
            approximate INTEGER,  -- 1 when the tokens were counted here
            prompt_price REAL,  -- per million tokens, on that day
            completion_price REAL,
            currency TEXT,
            price_source TEXT,
            cost REAL
        )
        """,
        "CREATE INDEX exchange_of_talk ON exchange (talk_id, id)",
        "CREATE INDEX exchange_by_time ON exchange (started_at)",
        """
        CREATE VIRTUAL TABLE words USING fts5 (
            prompt, answer, system, content='', tokenize='unicode61 remove_diacritics 2'
        )
        """,
        f"CREATE TRIGGER exchange_added AFTER INSERT ON exchange BEGIN {_ADD} END",
        f"CREATE TRIGGER exchange_deleted AFTER DELETE ON exchange BEGIN {_REMOVE} END",
        "CREATE TRIGGER exchange_changed AFTER UPDATE OF prompt, answer, system ON exchange "
        f"BEGIN {_REMOVE} {_ADD} END",
    ),
)
VERSION = len(MIGRATIONS)


class LogTooNew(Exception):
    """The database was written by a newer version of the program."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, in one transaction; raise LogTooNew."""
    if version_of(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(connection)  # another program may have been quicker
        if version > VERSION:
            raise LogTooNew(f"{version} > {VERSION}")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
