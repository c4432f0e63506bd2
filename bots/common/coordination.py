"""State that the processes of one bot share: locks, rate limits, dialog states, leadership.

`SingleProcess` keeps it in memory. `bots.common.replicas.Replicas` keeps it in Redis, so that
replicas never answer one message twice, never answer at once in one conversation, and count a
user's messages together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from aiogram.fsm.storage.base import BaseStorage
from aiogram.fsm.storage.memory import MemoryStorage

from services.storage import ConversationKey


class RateDecision(NamedTuple):
    """The verdict of the rate limit.

    `wait` is how many seconds the user must wait, 0 when the message may pass; `tell` is true
    for the first refused message only, so that the user is warned once.
    """

    wait: float = 0.0
    tell: bool = False


class Coordination(Protocol):
    """State that the replicas of one bot share."""

    @property
    def replica(self) -> str:
        """ID of this process, unique over all processes and restarts."""
        ...

    @property
    def states(self) -> BaseStorage:
        """aiogram's storage of dialog states (FSM)."""
        ...

    def lock(
        self, key: ConversationKey, on_lost: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        """Lock a conversation against other replicas; `on_lost` is called if the lock expires."""
        ...

    async def stop_elsewhere(self, key: ConversationKey, person: int | None = None) -> bool:
        """Ask other replicas to stop their answer in a conversation; False when none runs.

        With `person` they stop only answers to that person.
        """
        ...

    async def listen(self, on_stop: Callable[[ConversationKey, int | None], object]) -> None:
        """Call `on_stop` with what another replica asks to stop."""
        ...

    async def consume_quota(self, user_id: int, per_minute: int) -> RateDecision:
        """Count one message against the user's `per_minute` limit."""
        ...

    async def wait_for_leadership(self) -> None:
        """Wait until this replica is the leader, the only one that polls Telegram."""
        ...

    async def others(self) -> Collection[str] | None:
        """IDs of the other live replicas, or None while unknown."""
        ...

    async def ping(self) -> None:
        """Raise if the shared state can't be reached."""
        ...

    async def aclose(self) -> None: ...


@dataclass(slots=True)
class _Bucket:
    tokens: float
    updated: float
    told: bool = False


class SingleProcess:
    """Coordination of a bot that runs as one process: all state is in memory."""

    replica = "alone"
    MAX_BUCKETS = 10_000

    def __init__(self) -> None:
        self.states: BaseStorage = MemoryStorage()
        self._buckets: dict[int, _Bucket] = {}

    def lock(
        self, key: ConversationKey, on_lost: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def stop_elsewhere(self, key: ConversationKey, person: int | None = None) -> bool:
        return False

    async def listen(self, on_stop: Callable[[ConversationKey, int | None], object]) -> None:
        pass

    async def consume_quota(self, user_id: int, per_minute: int) -> RateDecision:
        bucket = self._bucket(user_id, per_minute)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.told = False
            return RateDecision()
        tell, bucket.told = not bucket.told, True
        return RateDecision((1 - bucket.tokens) * 60 / per_minute, tell)

    async def wait_for_leadership(self) -> None:
        pass

    async def others(self) -> Collection[str] | None:
        return ()

    async def ping(self) -> None:
        pass

    async def aclose(self) -> None:
        await self.states.close()

    def _bucket(self, user_id: int, per_minute: int) -> _Bucket:
        now = time.monotonic()
        if len(self._buckets) > self.MAX_BUCKETS:  # after a minute they are full again
            self._buckets = {
                user: bucket for user, bucket in self._buckets.items() if now - bucket.updated < 60
            }
        bucket = self._buckets.setdefault(user_id, _Bucket(per_minute, now))
        refilled = bucket.tokens + (now - bucket.updated) * per_minute / 60
        bucket.tokens, bucket.updated = min(per_minute, refilled), now
        return bucket
