"""Updates on their way: none is handled twice, none is lost when the process dies.

Telegram forgets an update as soon as the next one is asked for, long before the
answer is out. So an update is written here before it is handled and loses its body
when that is done; what is still here at a start was interrupted and runs again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from services.storage.database import Base, Database, utc_now

MAX_ATTEMPTS = 3  # an update that kills the process must not do so for ever
KEEP_DONE = timedelta(days=2)  # Telegram repeats an update for 24 hours at most


class InboxRow(Base):
    __tablename__ = "inbox"

    bot: Mapped[str] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    body: Mapped[str | None]
    attempts: Mapped[int]
    received_at: Mapped[datetime]


class Inbox:
    """The journal of one bot's updates."""

    def __init__(self, database: Database, bot: str) -> None:
        self._database = database
        self._bot = bot

    async def receive(self, update_id: int, body: str) -> bool:
        """Write an update down as JSON; False when it was received before."""
        row = InboxRow(
            bot=self._bot, update_id=update_id, body=body, attempts=1, received_at=utc_now()
        )
        try:
            async with self._database.session() as session:
                session.add(row)
        except IntegrityError:
            return False
        return True

    async def finish(self, update_id: int) -> None:
        """The update is handled: keep its number, drop its body."""
        async with self._database.session() as session:
            await session.execute(
                update(InboxRow).filter_by(bot=self._bot, update_id=update_id).values(body=None)
            )

    async def unfinished(self) -> Sequence[str]:
        """The bodies of interrupted updates in order of arrival, each one more attempt."""
        pending = select(InboxRow).filter_by(bot=self._bot).where(InboxRow.body.is_not(None))
        async with self._database.session() as session:
            await session.execute(
                delete(InboxRow)
                .filter_by(bot=self._bot)
                .where(InboxRow.received_at < utc_now() - KEEP_DONE)
            )
            rows = list(await session.scalars(pending.order_by(InboxRow.update_id)))
            bodies = []
            for row in rows:
                if row.attempts < MAX_ATTEMPTS and row.body is not None:
                    row.attempts += 1
                    bodies.append(row.body)
                else:
                    row.body = None
        return bodies
