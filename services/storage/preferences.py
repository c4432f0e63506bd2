"""Settings that users choose: a style, a model, temperatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from services.storage.database import Base, Database, retry_when_unavailable


class PreferenceRow(Base):
    __tablename__ = "preferences"

    bot: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)


# Several are read for every message: a single statement, built once.
_VALUE = select(PreferenceRow.value).where(
    PreferenceRow.bot == bindparam("bot"),
    PreferenceRow.owner_id == bindparam("owner_id"),
    PreferenceRow.key == bindparam("key"),
)


class PreferenceStore:
    """Key-value settings of one bot for each owner, a user or a chat; values are JSON."""

    def __init__(self, database: Database, bot: str) -> None:
        self._database = database
        self._bot = bot

    @retry_when_unavailable
    async def get(self, owner_id: int, key: str, default: Any = None) -> Any:
        asked = {"bot": self._bot, "owner_id": owner_id, "key": key}
        row = await self._database.run(lambda it: it.execute(_VALUE, asked).first())
        return default if row is None else row.value

    @retry_when_unavailable
    async def set(self, owner_id: int, key: str, value: Any) -> None:
        insert = self._database.insert(PreferenceRow).values(
            bot=self._bot, owner_id=owner_id, key=key, value=value
        )
        keys = [PreferenceRow.bot, PreferenceRow.owner_id, PreferenceRow.key]
        async with self._database.session() as session:
            await session.execute(
                insert.on_conflict_do_update(index_elements=keys, set_={"value": value})
            )

    @retry_when_unavailable
    async def change(
        self, owner_id: int, key: str, change: Callable[[Any], Any], default: Any = None
    ) -> Any:
        """Replace a value by what `change` makes of it; no other replica comes between.

        Returns the new value.
        """
        row = {"bot": self._bot, "owner_id": owner_id, "key": key}
        kept = select(PreferenceRow).filter_by(**row).with_for_update()
        first = self._database.insert(PreferenceRow).values(**row, value=default)
        async with self._database.session() as session:
            new = await self._database.is_new(session)
            if new:
                await session.execute(first.on_conflict_do_nothing())
            found = (await session.scalars(kept)).one()
            if new:
                found.value = change(found.value)
            return found.value

    @retry_when_unavailable
    async def drop(self, owner_id: int, ending: str) -> None:
        """Delete an owner's values whose keys end so."""
        rows = delete(PreferenceRow).filter_by(bot=self._bot, owner_id=owner_id)
        ended = PreferenceRow.key.endswith(ending, autoescape=True)
        async with self._database.session() as session:
            await session.execute(rows.where(ended))

    @retry_when_unavailable
    async def all(self, owner_id: int) -> dict[str, Any]:
        query = select(PreferenceRow).filter_by(bot=self._bot, owner_id=owner_id)
        async with self._database.session() as session:
            return {row.key: row.value for row in await session.scalars(query)}

    @retry_when_unavailable
    async def forget(self, owner_id: int) -> None:
        async with self._database.session() as session:
            await session.execute(delete(PreferenceRow).filter_by(bot=self._bot, owner_id=owner_id))
