"""The admins' command /usage: who uses the bot, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import Message

from bots.common import texts
from bots.common.replies import send_reply
from services.storage import Database, Spending, SpendingStore
from services.storage.database import utc_now

MAX_USERS = 20  # in one answer


def create_router(admin_ids: frozenset[int]) -> Router:
    """Router of /usage; for anybody but `admin_ids` the command doesn't exist."""
    router = Router(name="admin")
    router.message.register(
        on_usage, Command("usage"), F.from_user.id.in_(admin_ids), flags={"free": True}
    )
    return router


async def on_usage(message: Message, database: Database, bot_name: str) -> None:
    store, today = SpendingStore(database, bot_name), utc_now().date()
    day, week = await store.since(today), await store.since(today - timedelta(days=6))
    await send_reply(message, usage_text(day, week))


def usage_text(day: Sequence[tuple[int, Spending]], week: Sequence[tuple[int, Spending]]) -> str:
    """Format today's and the week's totals, then the users who spent most in the week."""
    users = [
        texts.USAGE_USER.format(user_id=user_id, requests=spent.requests, tokens=spent.tokens)
        for user_id, spent in week[:MAX_USERS]
    ]
    return texts.USAGE.format(
        today=_total(day), week=_total(week), users="\n".join(users) or texts.USAGE_NOBODY
    )


def _total(users: Sequence[tuple[int, Spending]]) -> str:
    total = sum((spent for _, spent in users), Spending())
    return texts.USAGE_TOTAL.format(users=len(users), requests=total.requests, tokens=total.tokens)
