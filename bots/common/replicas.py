"""Coordination of several processes of one bot through Redis.

While Redis is unavailable, running answers go on and everything else waits for it. All times
are Redis's, so the clocks of the machines don't matter.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder
from aiogram.fsm.storage.redis import RedisStorage
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from bots.common.coordination import RateDecision
from services.errors import ConfigError
from services.storage import ConversationKey

logger = logging.getLogger(__name__)

LOCK_TTL = 30.0  # seconds until a lock or a heartbeat expires without renewal
HEARTBEAT_INTERVAL = 5.0
LOCK_POLL = 0.05
RELEASE_TIMEOUT = 2.0  # after that the lock is left to expire
MAX_RETRIES = 450  # of up to two seconds each: a quarter of an hour

# Acquire or renew a lock: 1 when this process holds it now.
_ACQUIRE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

# Token bucket of ARGV[1] tokens, refilled within a minute: {wait in ms, tell}.
_CONSUME = """
local now = redis.call('TIME')
now = now[1] * 1000 + now[2] / 1000
local capacity = tonumber(ARGV[1])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'updated', 'told')
local passed = now - (tonumber(bucket[2]) or now)
local tokens = (tonumber(bucket[1]) or capacity) + math.max(0, passed) * capacity / 60000
tokens = math.min(capacity, tokens)
local wait, tell, told = 0, 0, bucket[3] or '0'
if tokens >= 1 then
    tokens, told = tokens - 1, '0'
else
    wait = (1 - tokens) * 60000 / capacity
    if told == '0' then tell, told = 1, '1' end
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'updated', now, 'told', told)
redis.call('PEXPIRE', KEYS[1], 60000)
return {math.ceil(wait), tell}
"""


class Replicas:
    """`Coordination` in Redis, under the keys `bots:<bot>:`."""

    def __init__(self, redis: Redis, bot: str) -> None:
        self.replica = secrets.token_hex(8)
        self._redis = redis
        self._prefix = f"bots:{bot}"
        self._tokens = itertools.count()
        self._consume = redis.register_script(_CONSUME)
        self._acquire = redis.register_script(_ACQUIRE)
        self._drop = redis.register_script(_RELEASE)
        self._tasks: list[asyncio.Task[None]] = []
        self._seen: set[str] | None = None
        self.states: BaseStorage = RedisStorage(
            redis, DefaultKeyBuilder(prefix=f"{self._prefix}:fsm", with_bot_id=True)
        )

    @classmethod
    async def open(cls, url: str, bot: str) -> Replicas:
        """Connect to Redis; raise ConfigError if it doesn't answer at `url`."""
        try:
            redis = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=5,
                retry=Retry(ExponentialBackoff(cap=2, base=0.1), MAX_RETRIES),
                retry_on_error=[Disconnected, TimedOut, OSError],
                health_check_interval=30,
            )
        except ValueError:  # its text may quote the password
            raise ConfigError("REDIS_URL не похож на адрес Redis: redis://host:6379/0") from None
        replicas = cls(redis, bot)
        try:
            await replicas.ping()
        except (TimeoutError, RedisError, OSError, OverflowError) as error:
            await redis.aclose()
            raise ConfigError(
                f"Redis не отвечает ({type(error).__name__}): проверь REDIS_URL"
            ) from None
        await replicas._send_heartbeat()
        replicas._tasks.append(asyncio.create_task(replicas._heartbeat()))
        return replicas

    @asynccontextmanager
    async def lock(self, key: ConversationKey, on_lost: Callable[[], None]) -> AsyncIterator[None]:
        name, token = _lock_name(key), f"{self.replica}:{next(self._tokens)}"
        try:  # from the start: whoever is cancelled while it asks may have got the lock
            while not await self._hold(name, token):  # noqa: ASYNC110  (the event is Redis's)
                await asyncio.sleep(LOCK_POLL)
            renewal = asyncio.create_task(self._renew(name, token, on_lost))
            try:
                yield
            finally:
                await _end(renewal)
        finally:
            await self._release(name, token)

    async def stop_elsewhere(self, key: ConversationKey, person: int | None = None) -> bool:
        held = await self._redis.exists(f"{self._prefix}:{_lock_name(key)}")
        if held:
            await self._redis.publish(f"{self._prefix}:stop", json.dumps([*key, person]))
        return bool(held)

    async def listen(self, on_stop: Callable[[ConversationKey, int | None], object]) -> None:
        ready = asyncio.Event()
        self._tasks.append(asyncio.create_task(self._listen(on_stop, ready)))
        await ready.wait()

    async def consume_quota(self, user_id: int, per_minute: int) -> RateDecision:
        wait, tell = await self._consume(keys=[f"{self._prefix}:pace:{user_id}"], args=[per_minute])
        return RateDecision(wait / 1000, bool(tell))

    async def wait_for_leadership(self) -> None:
        while not await self._hold("poller", self.replica):  # noqa: ASYNC110
            await asyncio.sleep(HEARTBEAT_INTERVAL)

    async def others(self) -> Collection[str] | None:
        """Replicas with a heartbeat at this call or the one before.

        One look is not enough: a Redis that was restarted without its data knows nobody at first.
        """
        before, self._seen = self._seen, await self._alive()
        return None if before is None else (before | self._seen) - {self.replica}

    async def ping(self) -> None:
        await asyncio.wait_for(self._redis.ping(), 2)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._release("poller", self.replica)
        with suppress(RedisError, asyncio.TimeoutError):
            key = self._heartbeat_key(self.replica)
            await asyncio.wait_for(self._redis.delete(key), RELEASE_TIMEOUT)
        await self._redis.aclose()

    async def _hold(self, name: str, token: str) -> bool:
        key = f"{self._prefix}:{name}"
        return bool(await self._acquire(keys=[key], args=[token, int(LOCK_TTL * 1000)]))

    async def _renew(self, name: str, token: str, on_lost: Callable[[], None]) -> None:
        held = True
        while held:
            await asyncio.sleep(HEARTBEAT_INTERVAL)
            held = await self._hold(name, token)
        # This process was suspended too long, or Redis lost its data: another replica answers.
        logger.error("another replica took over a conversation")
        on_lost()

    async def _release(self, name: str, token: str) -> None:
        with suppress(RedisError, asyncio.TimeoutError):
            release = self._drop(keys=[f"{self._prefix}:{name}"], args=[token])
            await asyncio.wait_for(release, RELEASE_TIMEOUT)

    async def _listen(
        self, on_stop: Callable[[ConversationKey, int | None], object], ready: asyncio.Event
    ) -> None:
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(f"{self._prefix}:stop")
                    ready.set()
                    async for message in channel.listen():
                        *key, person = json.loads(message["data"])
                        on_stop(ConversationKey(*key), person)
            except (RedisError, OSError) as error:
                logger.warning("can't receive stop requests: %s", type(error).__name__)
                await asyncio.sleep(1)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL)
            try:
                await self._send_heartbeat()
            except RedisError as error:
                logger.warning("heartbeat failed: %s", type(error).__name__)

    async def _send_heartbeat(self) -> None:
        await self._redis.set(self._heartbeat_key(self.replica), "", px=int(LOCK_TTL * 1000))

    async def _alive(self) -> set[str]:
        prefix = self._heartbeat_key("")
        return {key[len(prefix) :] async for key in self._redis.scan_iter(match=f"{prefix}*")}

    def _heartbeat_key(self, replica: str) -> str:
        return f"{self._prefix}:replica:{replica}"


async def _end(renewal: asyncio.Task[None]) -> None:
    """Cancel a renewal for good: one that outlived its lock would take it again for ever.

    `asyncio.wait_for` of Python 3.11, which redis-py sends with, swallows a cancellation that
    comes just as it is done.
    """
    while not renewal.done():
        renewal.cancel()
        await asyncio.wait((renewal,), timeout=RELEASE_TIMEOUT)


def _lock_name(key: ConversationKey) -> str:
    return f"lock:{key.chat_id}:{key.thread_id}"
