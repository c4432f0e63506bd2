"""The newest valuation model in the database, from which every replica takes it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, Table, delete, func, select

from services.storage import Base, Database
from services.storage.database import retry_when_unavailable

models = Table(
    "realty_models",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)


class SharedModel:
    """One model under a number that grows with each new one; 0 is none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_when_unavailable
    async def newest(self) -> int:
        async with self._database.session() as session:
            return int(await session.scalar(select(func.max(models.c.id))) or 0)

    @retry_when_unavailable
    async def read(self, number: int) -> bytes | None:
        """The model of this number; None when a newer one has replaced it."""
        async with self._database.session() as session:
            query = select(models.c.content).where(models.c.id == number)
            content: bytes | None = await session.scalar(query)
        return content

    @retry_when_unavailable
    async def publish(self, content: bytes) -> int:
        """Replace the model for all replicas; return its number."""
        async with self._database.session() as session:
            added = await session.execute(
                models.insert().values(content=content).returning(models.c.id)
            )
            number: int = added.scalar_one()
            await session.execute(delete(models).where(models.c.id < number))
        return number
