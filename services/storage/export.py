"""Everything that the database keeps of one person, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, or_, select

from services.storage.database import Base, Database, retry_when_unavailable

# The columns that name a person. A private chat has its person's id; another column is marked
# with PERSON in its `info`.
_NAMES = frozenset(("owner_id", "author_id", "user_id", "person_id", "chat_id"))
PERSON = "person"


class ExportStore:
    """Reads what one bot keeps of a person, in whatever table."""

    def __init__(self, database: Database, bot: str) -> None:
        self._database = database
        self._bot = bot

    @retry_when_unavailable
    async def of(self, person_id: int) -> dict[str, list[dict[str, Any]]]:
        """The person's rows by table; vectors and other binary values are left out."""
        found: dict[str, list[dict[str, Any]]] = {}
        async with self._database.session() as session:
            for table, naming in _tables():
                query = select(*_readable(table)).where(or_(*(c == person_id for c in naming)))
                if "bot" in table.c:
                    query = query.where(table.c.bot == self._bot)
                rows = (await session.execute(query.order_by(*table.primary_key))).mappings()
                if kept := [dict(row) for row in rows]:
                    found[table.name] = kept
        return found


def _tables() -> Iterator[tuple[Table, list[Column[Any]]]]:
    for table in Base.metadata.sorted_tables:
        naming = [c for c in table.columns if c.name in _NAMES or c.info.get(PERSON)]
        if naming:
            yield table, naming


def _readable(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if not isinstance(column.type, LargeBinary)]
