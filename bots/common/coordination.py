"""What must be agreed on when a bot runs as several processes; by default it is one.

`Alone` keeps everything in memory. `bots.common.replicas.Replicas` keeps the same in Redis,
so that copies of a bot beside each other never answer one message twice, never talk over
each other in one chat, and count a user's messages together.
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
    """Whether a message may pass: `wait` seconds first if not, to be said only once."""

    wait: float = 0.0
    tell: bool = False


class Coordination(Protocol):
    """The agreements of one bot's replicas."""

    @property
    def replica(self) -> str:
        """This process, among all that ever were."""
        ...

    @property
    def states(self) -> BaseStorage:
        """Where aiogram keeps the states of dialogs."""
        ...

    def lock(
        self, key: ConversationKey, on_lost: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        """Hold a conversation against other replicas; `on_lost` is called if it's taken away."""
        ...

    async def stop_elsewhere(self, key: ConversationKey) -> bool:
        """Ask other replicas to stop answering there; False when none answers."""
        ...

    async def listen(self, on_stop: Callable[[ConversationKey], object]) -> None:
        """Begin to obey other replicas' requests to stop."""
        ...

    async def consume_quota(self, user_id: int, per_minute: int) -> RateDecision:
        """Count a message of the user's against `per_minute`."""
        ...

    async def wait_for_leadership(self) -> None:
        """Wait until this replica is the one that polls."""
        ...

    async def others(self) -> Collection[str] | None:
        """The other replicas that live; None while that isn't known."""
        ...

    async def ping(self) -> None:
        """Raise when the agreements can't be kept now."""
        ...

    async def aclose(self) -> None: ...


@dataclass(slots=True)
class _Bucket:
    tokens: float
    updated: float
    told: bool = False


class SingleProcess:
    """One process: nothing to agree on."""

    replica = "alone"
    MAX_BUCKETS = 10_000

    def __init__(self) -> None:
        self.states: BaseStorage = MemoryStorage()
        self._buckets: dict[int, _Bucket] = {}

    def lock(
        self, key: ConversationKey, on_lost: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def stop_elsewhere(self, key: ConversationKey) -> bool:
        return False

    async def listen(self, on_stop: Callable[[ConversationKey], object]) -> None:
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
