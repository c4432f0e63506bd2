"""Facts that the user told of themselves, by the rules and tables of Grisha's memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bots.grisha.facts import Fact, FactMemory

OWNER = 0  # nobody in Telegram has this id
BEARS_FROM = 0.3  # score of a fact that is worth its place in a request


class Facts:
    """The facts of whoever sits at this console."""

    def __init__(self, memory: FactMemory) -> None:
        self._memory = memory

    async def hear(self, text: str, question: str) -> None:
        """Keep what a line tells; `question` is the answer before it."""
        from bots.grisha.facts import Said

        number = time.time_ns() // 1000
        await self._memory.hear(Said(OWNER, OWNER, number, text, datetime.now(UTC), question))

    async def bearing_on(self, question: str) -> Sequence[str]:
        found = await self._memory.recall(OWNER, OWNER, question, BEARS_FROM)
        return [f"«{fact.text}» ({fact.said_at:%d.%m.%Y})" for fact in found]

    async def all(self) -> Sequence[Fact]:
        """Newest first."""
        return list(reversed(await self._memory.store.of(OWNER, OWNER)))

    async def delete(self, fact: Fact) -> None:
        await self._memory.store.delete(OWNER, fact.id)


@asynccontextmanager
async def open_facts(*, on: bool) -> AsyncIterator[Facts | None]:
    """The facts in the database of the bots; None, and nothing is opened, when they are off."""
    if not on:
        yield None
        return
    from bots.grisha.facts import FactMemory, FactStore
    from services.env import read_settings
    from services.retrieval import QueryEncoder, open_encoder
    from services.storage import Database, StorageSettings

    encoder = open_encoder()
    async with Database.open(read_settings(StorageSettings)) as database:
        yield Facts(FactMemory(FactStore(database), QueryEncoder(encoder) if encoder else None))
