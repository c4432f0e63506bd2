import asyncio
from contextlib import suppress

import pytest

from bots.common.turns import MAX_WAITING, Interrupted, Interruption, Turns
from services.errors import Busy
from services.storage import ConversationKey

KEY = ConversationKey("bot", 1)
OTHER = ConversationKey("bot", 2)


async def take(turns: Turns, key: ConversationKey, log: list[str], name: str) -> None:
    async with turns.turn(key):
        log.append(f"{name} starts")
        await asyncio.sleep(0.01)
        log.append(f"{name} ends")


async def test_one_turn_at_a_time_per_conversation() -> None:
    turns, log = Turns(), []
    await asyncio.gather(*(take(turns, KEY, log, name) for name in "abc"))
    assert log == [f"{name} {what}" for name in "abc" for what in ("starts", "ends")]


async def test_conversations_do_not_wait_for_each_other() -> None:
    turns, log = Turns(), []
    await asyncio.gather(take(turns, KEY, log, "a"), take(turns, OTHER, log, "b"))
    assert log[:2] == ["a starts", "b starts"]


async def test_refuses_when_too_many_wait() -> None:
    turns = Turns()
    tasks = [asyncio.create_task(take(turns, KEY, [], "x")) for _ in range(MAX_WAITING + 1)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        async with turns.turn(KEY):
            pass
    await asyncio.gather(*tasks)


async def test_stop_cancels_the_work_and_those_who_wait() -> None:
    turns = Turns()
    started = asyncio.Event()
    outcomes: list[object] = []
    cancelled = False

    async def work() -> None:
        nonlocal cancelled
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled = True
            raise

    async def first() -> None:
        async with turns.turn(KEY) as turn:
            with pytest.raises(Interrupted):
                await turn.run(work())
            outcomes.append((cancelled, turn.interruption))

    async def second() -> None:
        with pytest.raises(Interrupted):
            async with turns.turn(KEY):
                outcomes.append("ran")

    tasks = [asyncio.create_task(first()), asyncio.create_task(second())]
    await started.wait()
    assert await turns.stop(KEY)
    await asyncio.gather(*tasks)
    assert outcomes == [(True, Interruption.STOPPED)]
    assert not await turns.stop(KEY)


async def test_drain_lets_a_short_turn_finish_and_interrupts_a_long_one() -> None:
    turns = Turns()
    seen: dict[str, Interruption | None] = {}

    async def answer(key: ConversationKey, name: str, seconds: float) -> None:
        async with turns.turn(key) as turn:
            with suppress(Interrupted):
                await turn.run(asyncio.sleep(seconds))
            seen[name] = turn.interruption

    tasks = [
        asyncio.create_task(answer(KEY, "short", 0.02)),
        asyncio.create_task(answer(OTHER, "long", 60)),
    ]
    await asyncio.sleep(0)
    await turns.drain(0.2)
    await asyncio.gather(*tasks)
    assert seen == {"short": None, "long": Interruption.SHUTDOWN}
    with pytest.raises(Interrupted):
        async with turns.turn(KEY):
            pass
