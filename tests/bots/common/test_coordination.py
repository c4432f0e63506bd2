"""What replicas agree on: the same contract for one process and for many on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bots.common import replicas as replicas_module
from bots.common.coordination import Coordination, SingleProcess
from bots.common.replicas import Replicas
from bots.common.turns import Interruption, Turns
from services.budgets import payer
from services.errors import ConfigError
from services.storage import ConversationKey
from tests.bots.common.test_edge import until
from tests.servers import Redis

KEY = ConversationKey("grisha", -1_002_147_483_648, 3)
OTHER = ConversationKey("grisha", 5)


@pytest.fixture(params=["alone", "redis"])
async def coordination(request: pytest.FixtureRequest) -> AsyncIterator[Coordination]:
    opened: Coordination = SingleProcess()
    if request.param == "redis":
        opened = await Replicas.open(request.getfixturevalue("redis_url"), "grisha")
    yield opened
    await opened.aclose()


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[tuple[Replicas, Replicas]]:
    one, two = await Replicas.open(redis_url, "grisha"), await Replicas.open(redis_url, "grisha")
    yield one, two
    await one.aclose()
    await two.aclose()


class TestContract:
    async def test_a_bucket_empties_tells_once_and_fills(self, coordination: Coordination) -> None:
        user = 5_000_000_001
        assert [await coordination.consume_quota(user, 1200) for _ in range(1200)].count(
            (0.0, False)
        ) > 1100
        while not (pace := await coordination.consume_quota(user, 1200)).wait:
            pass
        assert pace.tell
        assert 0 < pace.wait <= 0.05
        again = await coordination.consume_quota(user, 1)
        assert not again.tell or not again.wait
        assert (await coordination.consume_quota(7, 1)).wait == 0
        assert (await coordination.consume_quota(7, 1)).wait == pytest.approx(60, abs=5)
        assert not (await coordination.consume_quota(7, 1)).tell

    async def test_nobody_else_answers(self, coordination: Coordination) -> None:
        await coordination.listen(lambda key: pytest.fail("nobody asked to stop"))
        assert not await coordination.stop_elsewhere(KEY)
        await coordination.wait_for_leadership()
        await coordination.wait_for_leadership()
        await coordination.ping()
        assert not await coordination.others()

    async def test_turns_work_over_it(self, coordination: Coordination) -> None:
        turns = Turns(coordination)
        async with turns.turn(KEY), turns.turn(OTHER):
            assert await turns.stop(KEY)
            assert not await turns.stop(ConversationKey("grisha", 6))


class TestReplicas:
    async def test_a_renewal_that_misses_its_cancellation_takes_nothing_again(
        self, two: tuple[Replicas, Replicas], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replicas_module, "HEARTBEAT_INTERVAL", 0.01)
        one, other = two
        taking = asyncio.current_task()
        renewing, hold = asyncio.Event(), one._hold

        async def deaf(name: str, token: str) -> bool:
            if not renewing.is_set() and asyncio.current_task() is not taking:
                renewing.set()
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    return True
            return await hold(name, token)

        monkeypatch.setattr(one, "_hold", deaf)
        async with one.lock(KEY, lambda: None):
            await renewing.wait()
        await asyncio.sleep(0.1)  # several renewals
        assert not await other._redis.exists(f"bots:grisha:{replicas_module._lock_name(KEY)}")

    async def test_one_chat_is_held_by_one(self, two: tuple[Replicas, Replicas]) -> None:
        log: list[str] = []
        running = 0

        async def answer(turns: Turns) -> None:
            nonlocal running
            async with turns.turn(KEY):
                running += 1
                log.append(str(running))
                await asyncio.sleep(0.02)
                running -= 1

        both = [Turns(replica) for replica in two]
        await asyncio.gather(*(answer(turns) for turns in both for _ in range(4)))
        assert log == ["1"] * 8

    async def test_stop_reaches_the_replica_that_answers(
        self, two: tuple[Replicas, Replicas]
    ) -> None:
        here, there = (Turns(replica) for replica in two)
        for replica, turns in zip(two, (here, there), strict=True):
            await replica.listen(turns.stop_here)
        async with there.turn(KEY) as turn:
            work = asyncio.create_task(turn.run(asyncio.sleep(60)))
            await asyncio.sleep(0)
            assert await here.stop(KEY)
            await asyncio.wait({work}, timeout=5)
            assert turn.interruption is Interruption.STOPPED
        assert not await here.stop(KEY)

    async def test_stop_for_one_person_leaves_the_answers_to_others(
        self, two: tuple[Replicas, Replicas]
    ) -> None:
        here, there = (Turns(replica) for replica in two)
        for replica, turns in zip(two, (here, there), strict=True):
            await replica.listen(turns.stop_here)
        payer.set(7)
        async with there.turn(KEY) as turn:
            await here.stop(KEY, 8)
            assert not there.stop_here(KEY, 8)
            await here.stop(KEY, 7)
            await until(lambda: turn.interruption is not None)

    async def test_messages_are_counted_together(self, two: tuple[Replicas, Replicas]) -> None:
        paces = [await replica.consume_quota(1, 3) for _ in range(2) for replica in two]
        assert [bool(pace.wait) for pace in paces] == [False, False, False, True]
        assert not (await two[0].consume_quota(1, 3)).tell

    async def test_one_polls_and_the_other_takes_over(
        self, two: tuple[Replicas, Replicas], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replicas_module, "HEARTBEAT_INTERVAL", 0.05)
        await two[0].wait_for_leadership()
        waiting = asyncio.create_task(two[1].wait_for_leadership())
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        await two[0].aclose()
        await asyncio.wait_for(waiting, 5)

    async def test_the_living_are_known_at_the_second_look(
        self, two: tuple[Replicas, Replicas], redis_url: str
    ) -> None:
        assert await two[0].others() is None
        assert await two[0].others() == {two[1].replica}
        await two[1]._redis.flushall()  # a Redis that came back without its memory
        assert await two[0].others() == {two[1].replica}
        assert await two[0].others() == set()

    async def test_a_lock_that_another_took_interrupts(
        self, two: tuple[Replicas, Replicas], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replicas_module, "HEARTBEAT_INTERVAL", 0.05)
        async with Turns(two[0]).turn(KEY) as turn:
            work = asyncio.create_task(turn.run(asyncio.sleep(60)))
            await asyncio.sleep(0)
            await two[0]._redis.flushall()
            await asyncio.sleep(0.2)
            assert turn.interruption is None  # it took the forgotten lock again
            await two[0]._redis.set("bots:grisha:lock:-1002147483648:3", "another")
            await asyncio.wait({work}, timeout=5)
            assert turn.interruption is Interruption.SHUTDOWN

    async def test_waits_for_a_redis_that_went_away(
        self, redis_server: Redis, two: tuple[Replicas, Replicas]
    ) -> None:
        async with Turns(two[0]).turn(KEY):
            await asyncio.to_thread(redis_server.stop)
            with pytest.raises((asyncio.TimeoutError, OSError)):
                await two[0].ping()
            waiting = asyncio.create_task(self._answer(Turns(two[1])))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(redis_server.start)
        await asyncio.wait_for(waiting, 10)

    async def _answer(self, turns: Turns) -> None:
        async with turns.turn(KEY):
            pass

    async def test_a_redis_that_is_not_there_is_named(self) -> None:
        with pytest.raises(ConfigError, match="REDIS_URL"):
            await Replicas.open("redis://127.0.0.1:9/0", "grisha")
