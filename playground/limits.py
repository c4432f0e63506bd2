"""Rate limits: token buckets per chat, per group and overall."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_MAX_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per second on average, and the largest burst."""

    per_second: float
    burst: int


class Bucket:
    """A token bucket; `wait` returns the seconds until a token is free."""

    __slots__ = ("_rate", "_tokens", "_updated")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._updated = now

    def wait(self, now: float) -> float:
        gained = (now - self._updated) * self._rate.per_second
        self._tokens = min(float(self._rate.burst), self._tokens + gained)
        self._updated = now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate.per_second

    def take(self) -> None:
        self._tokens -= 1


class RateLimits:
    """Telegram's limits as far as they are known: one a second in a chat with short bursts
    let through, 20 a minute in a group, 30 a second over all.

    `scale` multiplies every rate and burst; `enabled` switches them off for a benchmark.
    """

    def __init__(
        self,
        *,
        enabled: bool = True,
        scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.enabled = enabled
        self.scale = scale
        self._clock = clock
        self._buckets: dict[tuple[str, int], Bucket] = {}

    def charge(self, chat_id: int, *, group: bool) -> float:
        """Take a call's tokens and return 0, or take none and return the wait in seconds."""
        if not self.enabled:
            return 0.0
        now = self._clock()
        buckets = [
            self._bucket("all", 0, Rate(30, 30), now),
            self._bucket("chat", chat_id, Rate(1, 5), now),
        ]
        if group:
            buckets.append(self._bucket("group", chat_id, Rate(20 / 60, 20), now))
        wait = max(bucket.wait(now) for bucket in buckets)
        if not wait:
            for bucket in buckets:
                bucket.take()
        return wait

    def _bucket(self, kind: str, chat_id: int, rate: Rate, now: float) -> Bucket:
        bucket = self._buckets.get((kind, chat_id))
        if bucket is None:
            if len(self._buckets) >= _MAX_BUCKETS:
                self._buckets.clear()
            scaled = Rate(rate.per_second * self.scale, max(1, round(rate.burst * self.scale)))
            bucket = self._buckets[kind, chat_id] = Bucket(scaled, now)
        return bucket
