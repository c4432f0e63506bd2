"""The history of prices, alerts, and one valuation model for all replicas."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore, search
from bots.real_estate.listings.keeping import SavedItems
from bots.real_estate.listings.prices import (
    PricePeriod,
    days_on_market,
    price_move,
    with_observation,
)
from bots.real_estate.request import Slots
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.wording import card, price_history, search_facts
from services.env import PROJECT_ROOT
from services.storage import Database, StorageSettings

FLAT = Flat(
    city="Москва", district="Строгино", rooms=2, total_area=54.0, floor=5, floors_total=9,
    street="Лукоморская улица", house_id="7", date="2025-01-10", price=15_000_000.0,
)  # fmt: skip
WANTED = Slots(district="Строгино", price_max=20_000_000)


@pytest.fixture
async def database(storage: StorageSettings) -> AsyncIterator[Database]:
    """On both engines."""
    async with Database.open(storage) as database:
        yield database


def at(price: float, day: str, **others: object) -> Listing:
    return Listing(replace(FLAT, price=price, date=day, **others))  # type: ignore[arg-type]


async def test_imports_make_a_history_and_the_same_one_changes_nothing(database: Database) -> None:
    store = ListingStore(database)
    for _ in range(2):
        for listing in (at(15e6, "2025-01"), at(15e6, "2025-01-20"), at(14e6, "2025-02-10")):
            await store.upsert([listing])
    [item] = (await search(store, Slots())).listings
    assert await store.prices(item.id) == [
        PricePeriod("2025-01-01", "2025-01-20", 15e6),
        PricePeriod("2025-02-10", "2025-02-10", 14e6),
    ]


async def test_one_file_with_several_dates_of_a_flat_makes_a_history(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert([at(14e6, "2025-02-10"), at(15e6, "2025-01-05"), at(14.5e6, "2025-01-25")])
    [item] = (await search(store, Slots())).listings
    assert [period.price for period in await store.prices(item.id)] == [15e6, 14.5e6, 14e6]
    assert item.flat.price == 14e6


@pytest.mark.parametrize("in_order", [True, False])
def test_history_holds_what_was_seen(in_order: bool) -> None:
    chance = random.Random(1)
    for _ in range(300):
        days = [chance.randint(1, 15) for _ in range(12)]
        seen: dict[str, float] = {}
        periods: list[PricePeriod] = []
        for number in sorted(set(days)) if in_order else days:
            day, price = f"2025-01-{number:02}", float(chance.randint(1, 3))
            seen[day] = price
            periods = with_observation(periods, day, price)
            held = [item.price for item in periods if item.day <= day <= item.last_day]
            assert held == [price]
            assert all(one.last_day < next_.day for one, next_ in pairwise(periods))
        assert (periods[0].day, periods[-1].last_day) == (min(seen), max(seen))
        if in_order:
            for day, price in seen.items():
                assert [p.price for p in periods if p.day <= day <= p.last_day] == [price]


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        ([("2025-03-01", "2025-03-20", 10e6), ("2025-04-19", "2025-04-19", 9.3e6)],
         "Подешевела на 7 % за месяц · на рынке 49 дней"),
        ([("2025-03-01", "2025-03-01", 10e6), ("2025-03-13", "2025-03-13", 9.75e6)],
         "Подешевела на 2,5 % за 12 дней · на рынке 12 дней"),
        ([("2025-01-01", "2025-01-02", 10e6), ("2025-01-20", "2025-05-01", 11e6)],
         "Подорожала на 10 % за 4 месяца · на рынке 120 дней"),
        ([("2025-03-01", "2025-03-11", 10e6)], "На рынке 10 дней"),
        ([("2025-03-01", "2025-03-01", 10e6)], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_history_in_words(periods: list[tuple[str, str, float]], said: str) -> None:
    assert price_history([PricePeriod(*period) for period in periods]) == said


def test_card_tells_the_history() -> None:
    periods = [
        PricePeriod("2025-03-01", "2025-03-20", 10e6),
        PricePeriod("2025-04-19", "2025-04-19", 9.3e6),
    ]
    text = card(at(9.3e6, "2025-04-19"), periods).replace("\u00a0", " ")
    assert "Подешевела на 7 % за месяц · на рынке 49 дней" in text
    assert days_on_market(periods) == 49
    assert price_move(periods[:1]) is None


async def test_bargains_come_with_the_reason(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert([at(9e6, "2025-01-01"), at(12e6, "2025-01-01", floor=6)])
    first, second = (await search(store, Slots())).listings
    await store.set_estimates({first.id: (10e6, 9e6, 11e6), second.id: (16e6, 15e6, 17e6)})
    page = await search(store, Slots(), sort="discount")
    text = search_facts(page, 0, "discount").replace("\u00a0", " ")
    assert text.index("на 25 % ниже оценки 16 млн ₽") < text.index("на 10 % ниже оценки 10 млн ₽")


async def test_price_drop_is_told_once(database: Database) -> None:
    store = ListingStore(database)
    saved_items = SavedItems(store)
    await store.upsert([at(25e6, "2025-01-01"), at(15e6, "2025-01-01", floor=6)])
    assert await saved_items.save_search(1, 10, WANTED)
    assert await saved_items.take_alerts() == []
    cheaper = [at(19e6, "2025-02-01"), at(16e6, "2025-02-01", floor=6)]  # the second rose
    await store.upsert(cheaper)
    [alert] = await saved_items.take_alerts()
    assert (alert.kind, alert.total, alert.listings[0].flat.price) == ("cheaper", 1, 19e6)
    await store.upsert(cheaper)
    assert await saved_items.take_alerts() == []


async def test_new_flats_and_cheaper_ones_are_told_apart(database: Database) -> None:
    store = ListingStore(database)
    saved_items = SavedItems(store)
    await store.upsert([at(15e6, "2025-01-01")])
    await saved_items.save_search(1, 10, WANTED)
    await store.upsert([at(14e6, "2025-02-01"), at(13e6, "2025-02-01", floor=6)])
    await store.upsert([at(12e6, "2025-02-02", floor=6)])  # new still, though cheaper since
    alerts = await saved_items.take_alerts()
    assert [(alert.kind, alert.total) for alert in alerts] == [("new", 1), ("cheaper", 1)]


async def test_dropped_and_raised_again_is_no_news(database: Database) -> None:
    store = ListingStore(database)
    saved_items = SavedItems(store)
    await store.upsert([at(15e6, "2025-01-01")])
    await saved_items.save_search(1, 10, WANTED)
    await store.upsert([at(14e6, "2025-02-01")])
    await store.upsert([at(16e6, "2025-02-02")])
    assert await saved_items.take_alerts() == []


async def test_replicas_tell_each_alert_once(storage: StorageSettings) -> None:
    async with Database.open(storage) as one, Database.open(storage) as other:
        saved = [SavedItems(ListingStore(database)) for database in (one, other)]
        for owner in range(12):
            await saved[0].save_search(owner, owner, WANTED)
        await ListingStore(one).upsert([at(15e6, "2025-01-01")])
        told: list[int] = []

        async def tell(items: SavedItems) -> None:
            for _ in range(30):
                told.extend(alert.chat_id for alert in await items.take_alerts())
                await asyncio.sleep(0)

        await asyncio.gather(*(tell(items) for items in saved))
        assert sorted(told) == list(range(12))


async def test_forgetting_takes_waiting_alerts_away(database: Database) -> None:
    store = ListingStore(database)
    saved_items = SavedItems(store)
    await saved_items.save_search(1, 10, WANTED)
    await store.upsert([at(15e6, "2025-01-01")])
    await saved_items.queue_alerts()
    await saved_items.forget(1)
    assert await saved_items.take_alert() is None


SENDER = """
import asyncio, sys
from pathlib import Path
from bots.real_estate.listings import ListingStore
from bots.real_estate.listings.keeping import SavedItems
from services.storage import Database, StorageSettings

async def main():
    async with Database.open(StorageSettings(data_dir=Path(sys.argv[1]))) as database:
        items = SavedItems(ListingStore(database))
        await items.queue_alerts()
        while alert := await items.take_alert():
            print(alert.chat_id, flush=True)
            await asyncio.sleep(0.2)

asyncio.run(main())
"""


async def test_killed_while_sending_goes_on_without_repeating(tmp_path: Path) -> None:
    settings = StorageSettings(data_dir=tmp_path)
    async with Database.open(settings) as database:
        items = SavedItems(ListingStore(database))
        for owner in range(9):
            await items.save_search(owner, owner, WANTED)
        await ListingStore(database).upsert([at(15e6, "2025-01-01")])
    command = [sys.executable, "-c", SENDER, str(tmp_path)]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)  # noqa: ASYNC220
    assert killed.stdout
    told = [int(await asyncio.to_thread(killed.stdout.readline)) for _ in range(3)]
    killed.send_signal(signal.SIGKILL)
    told += [int(line) for line in killed.stdout.read().split()]
    killed.stdout.close()
    await asyncio.to_thread(killed.wait)
    async with Database.open(settings) as database:
        rest = await SavedItems(ListingStore(database)).take_alerts()
    told += [alert.chat_id for alert in rest]
    assert sorted(told) == list(range(9))


async def test_replicas_take_over_a_new_valuation_model(
    store: ListingStore, flats: list[Flat], tmp_path: Path
) -> None:
    await store.upsert(Listing(flat, demo=True) for flat in flats[300:400])
    one, other = Appraiser(store, tmp_path / "one"), Appraiser(store, tmp_path / "other")
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    assert not await other.refresh()
    assert await one.train()
    assert await other.refresh()
    assert one.model
    assert other.model
    assert other.model.accuracy == one.model.accuracy
    assert not await other.refresh()
    assert not await one.refresh()
