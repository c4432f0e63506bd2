"""Daily budgets: reserved before the model is asked, settled by what it took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import date

import pytest
from sqlalchemy import text

from services.budgets import Budget, Meter, asked_in, payer
from services.chat import ChatModel, GenerationOptions, Message
from services.errors import BudgetSpent, Unavailable
from services.storage import Database, Spending, SpendingStore, StorageSettings
from tests.fakes.chat import FakeChatModel

ANYA = 5_000_000_001
QUESTION = [Message("user", "Сколько стоит луна?")]


@pytest.fixture
async def replicas(storage: StorageSettings) -> AsyncIterator[tuple[Database, Database]]:
    """The same database, opened by two processes."""
    async with Database.open(storage) as one, Database.open(storage) as two:
        yield one, two


@pytest.fixture(autouse=True)
def anya() -> None:
    payer.set(ANYA)


def metered(database: Database, model: ChatModel, budget: Budget) -> ChatModel:
    return Meter(SpendingStore(database, "grisha"), budget).on(model)


async def until_asked(model: FakeChatModel) -> None:
    while not model.active:  # noqa: ASYNC110  (the fake has no event for it)
        await asyncio.sleep(0.01)


async def holds(database: Database) -> int:
    async with database.engine.connect() as connection:
        return await connection.scalar(text("SELECT count(*) FROM spending_holds")) or 0


async def test_parallel_asks_stay_within_the_budget(replicas: tuple[Database, Database]) -> None:
    fake = FakeChatModel(delay=0.01)
    models = [metered(database, fake, Budget(requests=1)) for database in replicas]
    asks = [models[number % 2].complete(QUESTION) for number in range(9)]
    results = await asyncio.gather(*asks, return_exceptions=True)
    assert sum(isinstance(result, BudgetSpent) for result in results) == 8
    assert len(fake.history) == 1
    assert (await SpendingStore(replicas[0], "grisha").today(ANYA)).requests == 1
    assert await holds(replicas[0]) == 0


async def test_tokens_are_reserved_too(replicas: tuple[Database, Database]) -> None:
    fake, options = FakeChatModel(), GenerationOptions(max_tokens=600)
    fake.gate.clear()
    models = [metered(database, fake, Budget(tokens=1000)) for database in replicas]
    asks = [
        asyncio.create_task(models[number % 2].complete(QUESTION, options)) for number in range(9)
    ]
    while sum(ask.done() for ask in asks) < 7:
        await asyncio.wait(asks, timeout=0.05)
    fake.gate.set()
    results = await asyncio.gather(*asks, return_exceptions=True)
    assert sum(isinstance(result, BudgetSpent) for result in results) == 7
    spent = await SpendingStore(replicas[0], "grisha").today(ANYA)
    assert spent.tokens == 2 * (6 + 2)  # what the model counted, not what was reserved


async def test_a_failed_call_costs_nothing(replicas: tuple[Database, Database]) -> None:
    fake = FakeChatModel()
    model = metered(replicas[0], fake, Budget(requests=1))
    for _ in range(3):
        fake.enqueue(Unavailable("down"))
        with pytest.raises(Unavailable):
            await model.complete(QUESTION)
    assert await model.complete(QUESTION)


async def test_a_call_cancelled_before_the_first_word_costs_nothing(
    replicas: tuple[Database, Database],
) -> None:
    fake = FakeChatModel()
    model = metered(replicas[0], fake, Budget(requests=1))
    fake.gate.clear()
    for _ in range(3):
        task = asyncio.create_task(model.complete(QUESTION))
        await until_asked(fake)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    fake.gate.set()
    assert await holds(replicas[0]) == 0
    assert await model.complete(QUESTION)


async def test_an_answer_stopped_half_way_is_charged(replicas: tuple[Database, Database]) -> None:
    model = metered(replicas[0], FakeChatModel("слово " * 50), Budget(requests=1))
    async with aclosing(model.stream(QUESTION)) as stream:
        async for _ in stream:
            break
    spent = await SpendingStore(replicas[0], "grisha").today(ANYA)
    assert spent.requests == 1
    assert spent.tokens > 0
    with pytest.raises(BudgetSpent):
        await model.complete(QUESTION)


async def test_the_same_question_after_a_crash_takes_its_reservation_over(
    replicas: tuple[Database, Database],
) -> None:
    asked_in.set("update 7")
    crashed, fake = FakeChatModel(), FakeChatModel()
    crashed.gate.clear()
    task = asyncio.create_task(metered(replicas[0], crashed, Budget(requests=1)).complete(QUESTION))
    await until_asked(crashed)
    model = metered(replicas[1], fake, Budget(requests=1))
    assert await model.complete(QUESTION)  # its first process is gone, with its reservation
    asked_in.set("update 8")
    with pytest.raises(BudgetSpent):
        await model.complete(QUESTION)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_forgetting_gives_no_new_budget(replicas: tuple[Database, Database]) -> None:
    stores = [SpendingStore(database, "grisha", b"key") for database in replicas]
    models = [Meter(store, Budget(requests=1)).on(FakeChatModel()) for store in stores]
    await models[0].complete(QUESTION)
    await stores[0].forget(ANYA)
    assert await stores[0].today(ANYA) == Spending()
    for model in models:
        with pytest.raises(BudgetSpent):
            await model.complete(QUESTION)
    ((user, spent),) = await stores[0].since(date.min)
    assert (user, spent.requests) == (0, 1)


async def test_without_a_budget_charges_are_written_together(
    replicas: tuple[Database, Database],
) -> None:
    model = metered(replicas[0], FakeChatModel(), Budget())
    for _ in range(5):
        await model.complete(QUESTION)
    await model.aclose()
    assert (await SpendingStore(replicas[0], "grisha").today(ANYA)).requests == 5
