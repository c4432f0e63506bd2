"""Canaries for what the stores use of SQLAlchemy beyond its documented interface."""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite

from services.storage.inbox import _WRITE_DOWN


def test_on_conflict_reaches_the_statement_through_a_private_attribute() -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        statement = str(_WRITE_DOWN.compile(dialect=dialect))
        assert "ON CONFLICT DO NOTHING RETURNING" in " ".join(statement.split()), (
            "SQLAlchemy ignores Insert._post_values_clause: build _WRITE_DOWN in "
            "services/storage/inbox.py with the dialect's own insert().on_conflict_do_nothing()"
        )


def test_the_statement_is_cached() -> None:
    key = _WRITE_DOWN._generate_cache_key()
    assert key is not None, "_WRITE_DOWN isn't cached any more: each update compiles it anew"
