"""Decide which channel posts Grisha comments on: each once, with a limit per hour."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from bots.grisha.messages import Post
from services.storage import Base, ConversationKey, Database
from services.storage.database import retry_when_unavailable, utc_now


class PostRow(Base):
    __tablename__ = "grisha_posts"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    root_id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    text: Mapped[str]
    commented_at: Mapped[datetime | None]


class Comments:
    """Channel posts by discussion group and id of the thread's first message."""

    def __init__(self, database: Database, per_hour: int, pause: float) -> None:
        self._database = database
        self._per_hour = per_hour
        self._pause = pause
        self._commenting = asyncio.Lock()

    @retry_when_unavailable
    async def note(self, key: ConversationKey, post: Post) -> None:
        """Store a post, so that its thread's comments are answered in its context."""
        async with self._database.session() as session:
            if await session.get(PostRow, (key.chat_id, key.thread_id)) is None:
                session.add(
                    PostRow(
                        chat_id=key.chat_id,
                        root_id=key.thread_id,
                        channel=post.channel,
                        text=post.text,
                    )
                )

    @retry_when_unavailable
    async def post_of(self, key: ConversationKey) -> Post | None:
        """The post that a thread belongs to, or None."""
        async with self._database.session() as session:
            row = await session.get(PostRow, (key.chat_id, key.thread_id))
        return Post(row.channel, row.text) if row else None

    async def claim(self, key: ConversationKey) -> bool:
        """Take the right to comment, for ever; waits for the pause between two comments.

        False when the post has its comment, or the hour has had enough of them. Claimed
        before it is sent: after a crash a comment may be missing, but never be there twice.
        """
        async with self._commenting:
            await asyncio.sleep(await self._wait())
            if not await self.may_comment(key):
                return False
            return await self._mark(key, utc_now())

    @retry_when_unavailable
    async def _mark(self, key: ConversationKey, moment: datetime) -> bool:
        """Note when a post was commented on; False if another replica was quicker."""
        mine = update(PostRow).filter_by(chat_id=key.chat_id, root_id=key.thread_id)
        mine = mine.where(or_(PostRow.commented_at.is_(None), PostRow.commented_at == moment))
        async with self._database.session() as session:
            marked = await session.execute(
                mine.values(commented_at=moment).returning(PostRow.chat_id)
            )
            return marked.first() is not None

    @retry_when_unavailable
    async def may_comment(self, key: ConversationKey) -> bool:
        """Whether it is worth asking the model for a comment."""
        hour = utc_now() - timedelta(hours=1)
        recent = select(func.count()).select_from(PostRow).where(PostRow.commented_at > hour)
        async with self._database.session() as session:
            row = await session.get(PostRow, (key.chat_id, key.thread_id))
            count = await session.scalar(recent)
        return row is not None and row.commented_at is None and (count or 0) < self._per_hour

    @retry_when_unavailable
    async def _wait(self) -> float:
        """Seconds until the pause after the last comment is over."""
        async with self._database.session() as session:
            last = await session.scalar(
                select(PostRow.commented_at)
                .where(PostRow.commented_at.is_not(None))
                .order_by(PostRow.commented_at.desc())
                .limit(1)
            )
        gone = (utc_now() - last).total_seconds() if last else self._pause
        return max(0.0, self._pause - gone)
