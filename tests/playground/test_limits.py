"""Rates and injected trouble."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramNetworkError, TelegramRetryAfter

from playground import Playground, RateLimits
from tests.playground.conftest import Api


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_chat_bears_a_burst_and_then_one_a_second() -> None:
    clock = Clock()
    limits = RateLimits(clock=clock)
    assert [limits.charge(1, group=False) for _ in range(6)] == [0, 0, 0, 0, 0, 1]
    clock.now += 1
    assert [limits.charge(1, group=False) for _ in range(2)] == [0, 1]
    assert limits.charge(2, group=False) == 0


def test_a_group_bears_twenty_a_minute() -> None:
    clock = Clock()
    limits = RateLimits(clock=clock)
    for _ in range(20):
        clock.now += 1
        assert limits.charge(-1, group=True) == 0
    clock.now += 1
    waits = []
    while not (wait := limits.charge(-1, group=True)):
        clock.now += 1
        waits.append(wait)
    assert len(waits) < 12
    assert wait <= 3


def test_all_chats_together_bear_thirty_a_second() -> None:
    limits = RateLimits(clock=Clock())
    waits = [limits.charge(chat, group=False) for chat in range(31)]
    assert waits[:30] == [0] * 30
    assert waits[30] == pytest.approx(1 / 30)


def test_limits_scale_and_switch_off() -> None:
    assert all(RateLimits(enabled=False).charge(1, group=True) == 0 for _ in range(100))
    wide = RateLimits(scale=10, clock=Clock())
    assert [wide.charge(1, group=False) for _ in range(51)].index(pytest.approx(0.1)) == 50


async def test_a_flood_is_answered_with_retry_after(http: aiohttp.ClientSession) -> None:
    async with Playground(limits=RateLimits(clock=Clock())) as playground:
        api = Api(http, playground)
        chat = playground.person("Аня").private.send("привет").chat.id
        for number in range(5):
            await api.result("sendMessage", chat_id=chat, text=str(number))
        refused = await api("sendMessage", chat_id=chat, text="5")
        assert refused == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 1",
            "parameters": {"retry_after": 1},
        }
        broken = await api.error("sendMessage", chat_id=chat, text="")
        assert broken == "Bad Request: message text is empty"
        assert len(playground.person("Аня").private.messages) == 6


async def test_an_injected_flood_meets_the_next_call(playground: Playground, bot: Bot) -> None:
    chat = playground.person("Аня").private.send("привет").chat.id
    playground.faults.inject("flood", retry_after=7, methods=["sendMessage"])
    assert (await bot.get_me()).username == "test_bot"
    with pytest.raises(TelegramRetryAfter) as raised:
        await bot.send_message(chat, "x")
    assert raised.value.retry_after == 7
    assert (await bot.send_message(chat, "x")).text == "x"
    assert [(call.status, call.error) for call in playground.calls[-2:]] == [
        (429, "Too Many Requests: retry after 7"),
        (200, ""),
    ]


async def test_broken_answers(playground: Playground, bot: Bot) -> None:
    chat = playground.person("Аня").private.send("привет").chat.id
    playground.faults.inject("garbage")
    with pytest.raises(ClientDecodeError):
        await bot.send_message(chat, "x")
    playground.faults.inject("reset")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(chat, "x")
    playground.faults.inject("hang")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(chat, "x", request_timeout=1)
    assert len(playground.person("Аня").private.messages) == 1


async def test_a_delay_holds_answers_back(playground: Playground, api: Api) -> None:
    playground.faults.delay = 30
    call = asyncio.create_task(api("getMe"))
    done, _ = await asyncio.wait((call,), timeout=0.1)
    assert not done
    call.cancel()
    playground.faults.clear()
    assert (await api("getMe"))["ok"]


async def test_the_log_is_bounded_and_leaves_successful_polls_out(
    playground: Playground, api: Api
) -> None:
    await api("getUpdates")
    for _ in range(510):
        await api("getMe")
    assert len(playground.calls) == 500
    assert {call.method for call in playground.calls} == {"getMe"}
