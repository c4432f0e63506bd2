"""Storing, finding, keeping."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore, search
from bots.real_estate.listings.keeping import SavedItems, to_csv
from bots.real_estate.request import Slots
from services.storage import Database, StorageSettings


@pytest.fixture
async def database(storage: StorageSettings) -> AsyncIterator[Database]:
    """On both engines."""
    async with Database.open(storage) as database:
        yield database


FLAT = Flat(
    city="Москва", district="Строгино", metro="Строгино", rooms=2, total_area=54.0, floor=5,
    floors_total=9, street="Лукоморская улица", house_id="7", renovation="евро", date="2025-01-10",
    price=15_000_000.0,
)  # fmt: skip


async def test_second_import_changes_nothing(database: Database) -> None:
    store = ListingStore(database)
    first = await store.upsert([Listing(FLAT)])
    again = await store.upsert([Listing(FLAT), Listing(FLAT)])
    assert (first.added, again.added, again.changed, again.same) == (1, 0, 0, 2)
    assert await store.count() == 1


async def test_relisting_is_merged_and_keeps_the_old_price(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert([Listing(FLAT)])
    relisted = replace(FLAT, price=14_000_000.0, date="2025-03-01")
    result = await store.upsert([Listing(relisted, url="https://example.org/2")])
    [item] = (await search(store, Slots())).listings
    assert result.changed == 1
    assert (item.flat.price, item.previous_price) == (14_000_000, 15_000_000)


async def test_older_relisting_does_not_win(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert([Listing(FLAT)])
    await store.upsert([Listing(replace(FLAT, price=1_000_000.0, date="2024-01-01"))])
    [item] = (await search(store, Slots())).listings
    assert item.flat.price == 15_000_000


async def test_every_filter_filters(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert([Listing(FLAT, description="Окна на тихий ПАРК, ёлки")])
    fits = Slots(
        city="москва", district="строгино", metro="Строгино", rooms=(1, 2), area_min=50,
        area_max=60, price_min=14_000_000, price_max=16_000_000, floor=5, floors_total=9,
        floor_min=2, floor_max=8, not_first_floor=True, not_last_floor=True,
        renovation="с ремонтом", words="лукоморской парк ЕЛКИ",
    )  # fmt: skip
    assert (await search(store, fits)).total == 1
    others = {
        "city": "Казань", "district": "Сокол", "metro": "Сокол", "rooms": (3,), "area_min": 55,
        "area_max": 53, "price_min": 15_500_000, "price_max": 14_500_000, "floor": 4,
        "floors_total": 12, "floor_min": 6, "floor_max": 4, "renovation": "без ремонта",
        "words": "тридевятая",
    }  # fmt: skip
    for name, value in others.items():
        page = await search(store, replace(fits, **{name: value}))
        assert page.total == 0, name
        assert [blocker.slots for blocker in page.blockers] == [(name,)]
        assert page.blockers[0].cheapest == 15_000_000


async def test_sorting_and_pages(store: ListingStore) -> None:
    by_price = await search(store, Slots(city="Москва"), limit=500)
    prices = [item.flat.price for item in by_price.listings]
    assert prices == sorted(prices)
    assert by_price.total == len(prices)
    second = await search(store, Slots(city="Москва"), offset=5)
    assert second.listings == by_price.listings[5:10]
    by_metre = await search(store, Slots(), sort="price_per_metre", limit=500)
    metres = [item.flat.price_per_metre for item in by_metre.listings]
    assert metres == sorted(metres)


async def test_discount_order_puts_the_best_first(store: ListingStore) -> None:
    ids = [item.id for item in (await search(store, Slots(), limit=3)).listings]
    await store.set_estimates({ids[2]: (900e6, 1.0, 2.0), ids[0]: (1.0, 1.0, 1.0)})
    page = await search(store, Slots(), sort="discount")
    assert page.listings[0].id == ids[2]


async def test_advice_keeps_to_the_city_of_the_metro(database: Database) -> None:
    store = ListingStore(database)
    sokol = replace(FLAT, district="Сокол", metro="Сокол")
    petersburg = replace(FLAT, city="Санкт-Петербург", district="Невский", metro="Ломоносовская")
    near = replace(sokol, floor=6, metro="Аэропорт")
    others = [replace(petersburg, floor=6, rooms=rooms) for rooms in range(1, 9)]
    await store.upsert(Listing(flat) for flat in (sokol, near, *others))
    page = await search(store, Slots(metro="Сокол", floor=6))
    without_metro = [blocker.count for blocker in page.blockers if blocker.slots == ("metro",)]
    assert without_metro == [1]


async def test_alert_of_a_search_deleted_meanwhile_breaks_nothing(store: ListingStore) -> None:
    saved_items = SavedItems(store)
    await saved_items.save_search(1, 10, Slots(district="Строгино"))
    await store.upsert([Listing(FLAT)])
    [alert] = await saved_items.take_alerts()
    assert await saved_items.is_watched(alert.search_id)
    await saved_items.forget(1)
    assert not await saved_items.is_watched(alert.search_id)


async def test_alerts_tell_of_new_flats_once(store: ListingStore) -> None:
    saved_items = SavedItems(store)
    assert await saved_items.save_search(1, 10, Slots(district="Строгино", price_max=20_000_000))
    assert await saved_items.take_alerts() == []
    await store.upsert([Listing(FLAT), Listing(replace(FLAT, floor=6, price=30_000_000.0))])
    [alert] = await saved_items.take_alerts()
    assert (alert.chat_id, alert.total, alert.listings[0].flat) == (10, 1, FLAT)
    await store.upsert([Listing(replace(FLAT, price=17_000_000.0, date="2025-05-01"))])
    assert await saved_items.take_alerts() == []


async def test_favourites_toggle_export_and_are_forgotten(store: ListingStore) -> None:
    saved_items = SavedItems(store)
    [item] = (await search(store, Slots(), limit=1)).listings
    assert await saved_items.toggle_favourite(1, item.id)
    [kept] = await saved_items.favourites(1)
    table = list(csv.DictReader(io.StringIO(to_csv([kept]).decode("utf-8-sig")), delimiter=";"))
    assert float(table[0]["price"]) == item.flat.price
    assert await saved_items.favourites(2) == []
    await saved_items.forget(1)
    assert await saved_items.favourites(1) == []


def test_csv_holds_no_formulas() -> None:
    text = to_csv([Listing(replace(FLAT, street="=HYPERLINK(1)"))]).decode("utf-8-sig")
    assert ";'=HYPERLINK(1);" in text


async def test_searches_are_limited(store: ListingStore) -> None:
    saved_items = SavedItems(store)
    saved = [await saved_items.save_search(1, 1, Slots(rooms=(number,))) for number in range(11)]
    assert saved == [True] * 10 + [False]
