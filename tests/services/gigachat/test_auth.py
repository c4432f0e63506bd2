"""One OAuth call, however many need it and whatever happened to the token."""

from __future__ import annotations

import asyncio
import random
from typing import Literal

import pytest

from services.chat import Message
from services.errors import (
    AuthError,
    BadResponse,
    RateLimited,
    ServiceError,
    Timeout,
    Unavailable,
)
from services.gigachat import GigaChatModel, auth
from services.gigachat.auth import parse_token
from tests.fakes.gigachat import Body, Fail, GigaChatServer, Hang

QUESTION = [Message("user", "Привет!")]
CALLERS = 64


async def ask_all(model: GigaChatModel) -> list[object]:
    calls = [model.complete(QUESTION) for _ in range(CALLERS)]
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)


def wide(server: GigaChatServer, **overrides: object) -> GigaChatModel:
    return GigaChatModel(server.settings(max_parallel=CALLERS, **overrides))


def errors(outcomes: list[object]) -> list[object]:
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


async def test_callers_without_a_token(server: GigaChatServer) -> None:
    server.latency = lambda: random.uniform(0, 0.3)
    async with wide(server) as model:
        assert not errors(await ask_all(model))
    assert server.oauth_calls == 1


async def test_callers_with_a_token_expired_by_our_clock(
    server: GigaChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.latency = lambda: random.uniform(0, 0.3)
    async with wide(server) as model:
        with monkeypatch.context() as patch:
            patch.setattr(auth, "MIN_USE", 0.0)
            patch.setattr(auth, "EARLY", 1e9)
            await model.complete(QUESTION)
        assert not errors(await ask_all(model))
    assert server.oauth_calls == 2


async def test_callers_with_a_token_expired_by_the_server_s_clock(server: GigaChatServer) -> None:
    server.token_life = 0.05
    async with wide(server) as model:
        await model.complete(QUESTION)
        await asyncio.sleep(0.06)
        server.token_life = 1800.0
        server.latency = lambda: random.uniform(0, 0.3)
        assert not errors(await ask_all(model))
    assert server.oauth_calls == 2


async def test_callers_with_a_revoked_token_and_refusals_over_three_seconds(
    server: GigaChatServer,
) -> None:
    async with wide(server) as model:
        await model.complete(QUESTION)
        server.revoke()
        server.latency = lambda: random.uniform(0, 3)
        assert not errors(await ask_all(model))
    assert server.oauth_calls == 2


async def test_oauth_down_is_asked_once(server: GigaChatServer) -> None:
    server.oauth_fault = Fail(500)
    # Ten at a time: those who come later find the failure, not a call under way.
    async with GigaChatModel(server.settings(max_parallel=10)) as model:
        outcomes = await ask_all(model)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * CALLERS
    assert len({id(outcome) for outcome in outcomes}) == CALLERS
    assert server.oauth_calls == 1
    assert not server.requests


async def test_oauth_is_asked_again_when_its_failure_is_old(
    server: GigaChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FAILURE_LIFE", 0.0)
    server.oauth_fault = Fail(500)
    async with GigaChatModel(server.settings()) as model:
        with pytest.raises(Unavailable):
            await model.complete(QUESTION)
        server.oauth_fault = None
        assert (await model.complete(QUESTION)).text


async def test_a_cancelled_caller_leaves_the_token_to_the_others(server: GigaChatServer) -> None:
    server.latency = lambda: 0.1
    async with wide(server) as model:
        first, second = (asyncio.create_task(model.complete(QUESTION)) for _ in range(2))
        await server.oauth_asked.wait()
        first.cancel()
        assert (await second).text
        assert first.cancelled()
    assert server.oauth_calls == 1


async def test_closing_ends_a_refresh_under_way(server: GigaChatServer) -> None:
    server.oauth_fault = Hang()
    model = GigaChatModel(server.settings())
    asking = asyncio.create_task(model.complete(QUESTION))
    await server.oauth_asked.wait()
    asking.cancel()
    await asyncio.wait({asking})
    await asyncio.wait_for(model.aclose(), 5)


async def test_a_key_refused_for_good_is_tried_twice(server: GigaChatServer) -> None:
    server.token_life = -1.0  # every token is expired at birth
    async with GigaChatModel(server.settings()) as model:
        with pytest.raises(AuthError):
            await model.complete(QUESTION)
    assert server.oauth_calls == 2


@pytest.mark.parametrize("expiry", ["ms", "s", "tok"])
async def test_reply_forms_of_oauth(
    server: GigaChatServer, expiry: Literal["ms", "s", "tok"]
) -> None:
    server.expiry = expiry
    async with GigaChatModel(server.settings()) as model:
        for _ in range(3):
            await model.complete(QUESTION)
    assert server.oauth_calls == 1


@pytest.mark.parametrize(
    ("reply", "lifetime"),
    [
        ({"access_token": "t", "expires_at": 1_739_784_663_483}, 1800.483),
        ({"access_token": "t", "expires_at": 1_739_784_663}, 1800.0),
        ({"tok": "t", "exp": 1_739_784_663}, 1800.0),
        ({"access_token": "t", "expires_at": 1_739_780_000_000}, -2863.0),
        ({"access_token": "t"}, 0.0),
        ({"access_token": "t", "expires_at": float("nan")}, 0.0),
        ({"access_token": "t", "expires_at": 10**400}, 0.0),
    ],
)
def test_token_lifetime(reply: object, lifetime: float) -> None:
    token = parse_token(reply, now=1_739_782_863.0)
    assert token.value == "t"
    assert token.lifetime == pytest.approx(lifetime)


async def test_a_clock_ahead_of_the_service_s_costs_no_call_a_request(
    server: GigaChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gigachat.client.time.time", lambda: 9e9)
    async with GigaChatModel(server.settings()) as model:
        for _ in range(3):
            await model.complete(QUESTION)
    assert server.oauth_calls == 1


@pytest.mark.parametrize("reply", [[], "t", {}, {"access_token": None}, {"access_token": "a\nb"}])
def test_a_reply_without_a_token(reply: object) -> None:
    with pytest.raises(BadResponse):
        parse_token(reply, now=0.0)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("GIGA_CLIENT_BASIC", "d3Jvbmc=", "GIGA_CLIENT_BASIC"),
        ("GIGA_SCOPE", "GIGACHAT_API_OTHER", "GIGA_SCOPE"),
        ("GIGA_SCOPE", "", "GIGA_SCOPE"),
    ],
)
async def test_a_refused_key_or_scope_is_named(
    server: GigaChatServer, variable: str, value: str, named: str
) -> None:
    async with GigaChatModel(server.settings(**{variable: value})) as model:
        with pytest.raises(AuthError, match=named) as caught:
            await model.complete(QUESTION)
    assert "d3Jvbmc=" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fail(429, {"Retry-After": "7"}), RateLimited),
        (Fail(503), Unavailable),
        (Body(b"<html>", "text/html"), BadResponse),
        (Body(b"[1]"), BadResponse),
        (Body(b"<html>", "text/html", 502), Unavailable),
        (Hang(), Timeout),
    ],
)
async def test_faults_of_oauth(
    server: GigaChatServer, fault: Fail | Body | Hang, kind: type[ServiceError]
) -> None:
    server.oauth_fault = fault
    async with GigaChatModel(server.settings(read_timeout=0.3)) as model:
        with pytest.raises(kind):
            await model.complete(QUESTION)
    assert server.oauth_calls == 1
