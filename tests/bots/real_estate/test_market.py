"""The market of a place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.real_estate.assistant import read_place
from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore
from bots.real_estate.market import draw, market_facts, read_market
from bots.real_estate.request import Slots
from services.storage import Database

FLAT = Flat(city="Москва", district="Сокол", rooms=1, total_area=40.0, floors_total=9,
            street="Лукоморская улица", house_id="7")  # fmt: skip
SOKOL = Slots(district="Сокол")


async def test_median_count_and_how_it_moves(database: Database) -> None:
    store = ListingStore(database)
    for month, metre in (("2025-01", 300_000), ("2025-02", 330_000)):
        await store.upsert(
            Listing(replace(FLAT, floor=floor, date=f"{month}-10", price=40.0 * (metre + floor)))
            for floor in range(1, 8)
        )
    market = await read_market(store, SOKOL)
    assert market
    assert (market.whole.count, market.whole.median) == (7, 330_004)
    assert {month: group.median for month, group in market.months.items()} == {
        "2025-01": 300_004,
        "2025-02": 330_004,
    }
    text = market_facts(market).replace("\u00a0", " ")
    assert "7 объявлений, медиана 330 004 ₽/м²" in text
    assert "Метр: +10,0 % с 01.2025 по 02.2025." in text
    assert "дольше 31 дня" in text
    assert "1-комн.: 330 004 ₽/м² (7)" in text
    picture = draw(market)
    assert picture
    assert picture.startswith(b"\x89PNG")


async def test_a_few_flats_make_no_market(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert([Listing(replace(FLAT, price=9e6, date="2025-01-10"))])
    assert await read_market(store, SOKOL) is None


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("Сокол", Slots(district="Сокол")),
        ("в Казани", Slots(city="Казань")),
        ("у метро Сокол", Slots(metro="Сокол")),
        ("Москва Строгино", Slots(city="Москва", district="Строгино")),
        ("погода", Slots()),
    ],
)
def test_place_is_read(text: str, slots: Slots) -> None:
    assert read_place(text) == slots
