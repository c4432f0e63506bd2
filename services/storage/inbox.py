"""Journal of Telegram's updates: each is handled once, also when the process dies meanwhile.

Telegram deletes an update as soon as the next ones are requested, long before it is answered.
So an update is stored here first; its body is deleted when it is handled. Updates that still
have a body and whose owner, a replica, no longer lives were interrupted and run again.
Replicas share the journal: the one that stores an update handles it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, bindparam, delete, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from services.storage.database import (
    Base,
    Database,
    is_retry,
    retry_when_unavailable,
    utc_now,
)
from services.storage.group_commit import GroupCommit

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3  # so that an update that kills the process doesn't do so forever
KEEP_DONE = timedelta(days=2)  # Telegram repeats an update for 24 hours at most

_OPEN = text("body IS NOT NULL")


class InboxRow(Base):
    __tablename__ = "inbox"
    __table_args__ = (Index("inbox_unfinished", "bot", postgresql_where=_OPEN, sqlite_where=_OPEN),)

    bot: Mapped[str] = mapped_column(primary_key=True)
    update_id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str | None]
    attempts: Mapped[int]
    received_at: Mapped[datetime]
    owner: Mapped[str] = mapped_column(server_default="")


# SQLAlchemy caches compiled statements, but not those with a dialect's own ON CONFLICT, and
# compiling takes longer than all the rest. `_post_values_clause` is private:
# tests/services/storage/test_sqlalchemy.py says when it no longer works.
_WRITE_DOWN = insert(InboxRow).returning(InboxRow.update_id)
_WRITE_DOWN._post_values_clause = text("ON CONFLICT DO NOTHING")
_DONE = (
    update(InboxRow)
    .where(
        InboxRow.bot == bindparam("of_bot"),
        InboxRow.update_id.in_(bindparam("handled", expanding=True)),
    )
    .values(body=None)
    .execution_options(synchronize_session=False)
)


def _nobody(_: int) -> bool:
    return False


class Inbox:
    """The journal of one bot's updates; `owner` names the replica that writes here."""

    def __init__(self, database: Database, bot: str, owner: str = "") -> None:
        self._database = database
        self._bot = bot
        self._owner = owner
        self._receive = GroupCommit(self._receive_each)
        self._finish = GroupCommit(self._finish_each)

    async def receive(self, update_id: int, body: str) -> bool:
        """Store an update as JSON; False when it was received before."""
        return await self._receive((update_id, body))

    async def receive_all(self, bodies: Mapping[int, str]) -> Collection[int]:
        """Store updates in one transaction; return the numbers that are new."""
        if not bodies:
            return ()
        now = utc_now()
        rows = [
            {
                "bot": self._bot,
                "update_id": update_id,
                "body": body,
                "attempts": 1,
                "received_at": now,
                "owner": self._owner,
            }
            for update_id, body in bodies.items()
        ]
        return await self._write_down(rows, now)

    @retry_when_unavailable
    async def _write_down(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> set[int]:
        """Insert rows; return the numbers that are new, also those of a try before this one."""
        new = await self._database.run(lambda it: set(it.scalars(_WRITE_DOWN, rows)))
        if is_retry():
            numbers = [row["update_id"] for row in rows]
            mine = select(InboxRow.update_id).where(
                InboxRow.bot == self._bot,
                InboxRow.update_id.in_(numbers),
                InboxRow.owner == self._owner,
                InboxRow.received_at == now,
            )
            new |= await self._database.run(lambda it: set(it.scalars(mine)))
        return new

    @retry_when_unavailable
    async def rewrite(self, update_id: int, body: str) -> None:
        """Replace the body of an update that isn't handled yet."""
        unfinished = update(InboxRow).where(
            InboxRow.bot == self._bot,
            InboxRow.update_id == update_id,
            InboxRow.body.is_not(None),
        )
        async with self._database.session() as session:
            await session.execute(unfinished.values(body=body))

    async def finish(self, update_id: int) -> None:
        """Mark an update as handled: keep its number, delete its body."""
        await self._finish(update_id)

    @retry_when_unavailable
    async def interrupted(
        self, at_work: Callable[[int], bool] = _nobody, others: Collection[str] = ()
    ) -> Sequence[str]:
        """Take over the updates that nobody handles; return their bodies in order of arrival.

        `at_work` tells which updates this process handles; `others` are the other live owners.
        Each takeover is an attempt; after MAX_ATTEMPTS an update is dropped.
        """
        unfinished = (InboxRow.bot == self._bot, InboxRow.body.is_not(None))
        found = (
            select(InboxRow.update_id, InboxRow.attempts)
            .where(*unfinished, InboxRow.owner.not_in(others))
            .with_for_update(skip_locked=True)
        )
        async with self._database.session() as session:
            # Call `at_work` only now: updates come and end during the query.
            left = {
                update_id: attempts
                for update_id, attempts in await session.execute(found)
                if not at_work(update_id)
            }
            again = [update_id for update_id, attempts in left.items() if attempts < MAX_ATTEMPTS]
            taken = update(InboxRow).where(*unfinished, InboxRow.update_id.in_(again))
            bodies = (
                await session.execute(
                    taken.values(attempts=InboxRow.attempts + 1, owner=self._owner)
                    .returning(InboxRow.update_id, InboxRow.body)
                    .execution_options(synchronize_session=False)
                )
            ).all()
            given_up = left.keys() - again
            await session.execute(_DONE, self._handled(given_up))
        for update_id in sorted(given_up):
            logger.error("update %d was interrupted too often: given up", update_id)
        return [body for _, body in sorted(bodies)]

    @retry_when_unavailable
    async def forget_old(self) -> None:
        """Delete the numbers of updates that Telegram won't send again."""
        done = delete(InboxRow).where(InboxRow.bot == self._bot, InboxRow.body.is_(None))
        async with self._database.session() as session:
            await session.execute(done.where(InboxRow.received_at < utc_now() - KEEP_DONE))

    async def _receive_each(self, updates: Sequence[tuple[int, str]]) -> Sequence[bool]:
        fresh = set(await self.receive_all(dict(updates)))
        results = []
        for update_id, _ in updates:
            results.append(update_id in fresh)
            fresh.discard(update_id)
        return results

    @retry_when_unavailable
    async def _finish_each(self, update_ids: Sequence[int]) -> Sequence[None]:
        handled = self._handled(update_ids)
        await self._database.run(lambda it: it.execute(_DONE, handled))
        return [None] * len(update_ids)

    def _handled(self, update_ids: Collection[int]) -> Mapping[str, object]:
        return {"of_bot": self._bot, "handled": list(update_ids)}
