"""The time on the way: the shipped networks, how it is said, and how flats are found by it."""

from __future__ import annotations

import csv
import heapq
import math
import random
import tomllib
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore, search
from bots.real_estate.metro.network import FOLDER, load_networks
from bots.real_estate.metro.travel import way_of
from bots.real_estate.request import Slots
from bots.real_estate.understanding import load_gazetteer, read_turn
from bots.real_estate.understanding.morphology import plain
from bots.real_estate.wording import flat_list, station_text
from services.storage import Database, StorageSettings

SETTINGS = tomllib.loads((FOLDER / "metro.toml").read_text("utf-8"))
with (FOLDER / "metro_stations.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
CITIES = list(SETTINGS["cities"])


def _graph(city: str) -> dict[tuple[str, str], dict[tuple[str, str], float]]:
    """Tenths of minutes, read anew from the files, by nothing of the code under test."""
    graph: dict[tuple[str, str], dict[tuple[str, str], float]] = defaultdict(dict)

    def join(a: tuple[str, str], b: tuple[str, str], minutes: float) -> None:
        shorter = min(round(10 * minutes), graph[a].get(b, math.inf))
        graph[a][b] = graph[b][a] = shorter

    rows = [row for row in ROWS if row["city"] == city]
    platforms = {(row["station"], row["line"].split(",")[0]) for row in rows}
    for a, b in pairwise(rows):
        if a["line"] == b["line"]:
            line = a["line"].split(",")[0]
            join((a["station"], line), (b["station"], line), float(b["minutes"]))
    hubs = [[name] for name, _ in platforms if name not in SETTINGS["cities"][city]["apart"]]
    for hub in hubs + SETTINGS["cities"][city]["transfers"]:
        joined = [
            platform
            for entry in hub
            for platform in platforms
            if entry in (platform[0], f"{platform[0]} / {platform[1]}")
        ]
        for a in joined:
            for b in joined:
                if a[1] != b[1]:
                    ring = SETTINGS["ring"] in (a[1], b[1])
                    join(a, b, SETTINGS["ring_transfer" if ring else "transfer"])
    return graph


def _dijkstra(city: str, start: str, target: str) -> float:
    graph = _graph(city)
    queue = [(0.0, platform) for platform in graph if platform[0] == start]
    done: set[tuple[str, str]] = set()
    while queue:
        minutes, platform = heapq.heappop(queue)
        if platform[0] == target:
            return minutes / 10
        if platform not in done:
            done.add(platform)
            for other, ride in graph[platform].items():
                heapq.heappush(queue, (minutes + ride, other))
    return math.inf


def test_a_hundred_routes_equal_an_independent_search() -> None:
    rng = random.Random(5)
    for _ in range(100):
        city = rng.choice(CITIES)
        network = load_networks()[city]
        start, target = rng.sample(sorted(network.stations), 2)
        from_, to = network.stations[start], network.stations[target]
        assert network.minutes(from_, to) == round(_dijkstra(city, from_.name, to.name))


@pytest.mark.parametrize("city", CITIES)
def test_every_station_is_reached_and_has_a_name_that_requests_know(city: str) -> None:
    network = load_networks()[city]
    start = next(iter(network.stations.values()))
    rides = network.rides(start)
    assert set(network.stations) <= set(rides)
    for station in network.stations.values():
        assert network.minutes(station, start) == network.minutes(start, station)
        readings = load_gazetteer().readings(plain(station.name))
        assert any((r.place.city, r.place.kind) == (city, "metro") for r in readings), station


@pytest.mark.parametrize("city", CITIES)
def test_rides_are_computed_as_the_file_says(city: str) -> None:
    kilometres = minutes = 0.0
    for a, b in pairwise(row for row in ROWS if row["city"] == city):
        if a["line"] == b["line"]:
            km = _kilometres(a, b)
            assert float(b["minutes"]) == pytest.approx(
                SETTINGS["stop"] + SETTINGS["pace"] * km, abs=0.051
            )
            kilometres, minutes = kilometres + km, minutes + float(b["minutes"])
    assert 60 * kilometres / minutes == pytest.approx(41, abs=1)  # km/h, as published


def _kilometres(a: dict[str, str], b: dict[str, str]) -> float:
    north = math.radians(float(b["lat"]) - float(a["lat"]))
    east = math.radians(float(b["lon"]) - float(a["lon"])) * math.cos(math.radians(float(a["lat"])))
    return 6371 * math.hypot(north, east)


def test_two_stations_of_one_name_that_are_apart_are_not_a_transfer() -> None:
    moscow = load_networks()["Москва"]
    edges = set(moscow.edges)
    assert not any({a[0], b[0]} == {"Смоленская"} for a, b in edges)
    assert any({a[0], b[0]} == {"Курская"} for a, b in edges)


def _travel(text: str) -> tuple[Any, Any]:
    slots = read_turn(text).slots
    return slots.get("travel_to"), slots.get("travel_minutes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("двушка до 15 млн, до Тверской не больше 40 минут", ("Тверская", 40)),
        ("полчаса до работы на Курской, однушка до 12 млн", ("Курская", 30)),
        ("До Тверской не больше 40 минут", ("Тверская", 40)),
        ("чтобы до офиса на Маяковской ехать не дольше получаса, 2к", ("Маяковская", 30)),
        ("однушка, до Невского проспекта максимум 35 минут на метро", ("Невский проспект", 35)),
        ("студия до 8 млн, дорога до Площади Восстания не больше часа", ("Площадь Восстания", 60)),
        ("двушка, минут сорок до Киевской, бюджет 14 млн", ("Киевская", 40)),
        ("трёшка чтобы добираться до Чистых прудов минут 25", ("Чистые пруды", 25)),
        ("1к, полтора часа до Бибирево", ("Бибирево", 90)),
        ("двушка, муж на Тульской работает, чтоб не больше сорока минут ехать", ("Тульская", 40)),
        ("до Сити минут 45, 2к, бюджет 22", ("Деловой центр", 45)),
        ("однушка, от Приморской полчаса на метро край", ("Приморская", 30)),
        ("1-room apartment in Moscow, 30 minutes to Kurskaya by metro", ("Курская", 30)),
        # A walk is not a ride, and a price is no time.
        ("двушка у метро Сокол, 10 минут пешком, до 18 млн", (None, None)),
        ("двушка в 5 минутах от метро Динамо", (None, None)),
        ("двушка в доме 2015 года, 10 минут до центра, Калуга", (None, None)),
        ("недорогая двушка в Перми, 5 минут до школы", (None, None)),
        ("работаю на Тульской, хочу двушку рядом, до 20 млн", (None, None)),
        ("квартира в 30 минутах от Москвы", (None, None)),
        # What a flat is worth doesn't hang on where its buyer works.
        ("сколько стоит двушка 50 м у метро Сокол, до Тверской 20 минут на метро", (None, None)),
    ],
)  # fmt: skip
def test_the_way_to_work_is_understood(text: str, expected: tuple[Any, Any]) -> None:
    assert _travel(text) == expected


def test_a_way_to_an_unknown_station_is_no_area_and_no_district() -> None:
    message = read_turn("2к, бюджет 22, до Звездюковской минут 45")
    assert message.unknown_station == "Звездюковской"
    assert message.slots == {"rooms": (2,), "price_max": 22_000_000}


def test_walk_and_ride_are_told_apart_in_one_request() -> None:
    slots = read_turn(
        "двушка у метро Сокол 10 минут пешком, до работы на Тверской не больше 40 минут"
    ).slots
    assert (slots["metro"], slots["metro_minutes"]) == ("Сокол", 10)
    assert (slots["travel_to"], slots["travel_minutes"]) == ("Тверская", 40)


@pytest.fixture
async def database(storage: StorageSettings) -> AsyncIterator[Database]:
    """On both engines."""
    async with Database.open(storage) as database:
        yield database


def _flat(metro: str | None, walk: float | None, price: float, city: str = "Москва") -> Listing:
    return Listing(
        Flat(
            city=city, metro=metro, metro_min=walk, rooms=1, total_area=40.0, price=price,
            street=f"{metro} {walk}", date="2026-01-01",
        )
    )  # fmt: skip


async def test_flats_are_found_and_ordered_by_the_whole_way(database: Database) -> None:
    store = ListingStore(database)
    await store.upsert(
        [
            _flat("Сокол", 5, 3e6), _flat("Маяковская", 12, 2e6), _flat("Алма-Атинская", 5, 1e6),
            _flat("Тверская", None, 1e6), _flat(None, None, 1e6), _flat("Лось", 3, 1e6),
            _flat("Маяковская", 4, 1e6, "Санкт-Петербург"), _flat("Сокол", 60, 1e6),
        ]
    )  # fmt: skip
    slots = Slots(travel_to="Тверская", travel_minutes=20)
    page = await search(store, slots, sort="travel")
    way = way_of(slots)
    assert way
    assert [(item.flat.metro, way.minutes(item.flat)) for item in page.listings] == [
        ("Маяковская", 14),
        ("Сокол", 17),
    ]
    assert page.total == 2
    assert "м. Сокол 5 мин · до «Тверской» 17 мин" in flat_list(page.listings, way=way).replace(
        "\u00a0", " "
    )
    nothing = await search(store, Slots(travel_to="Тверская", travel_minutes=5), sort="travel")
    assert [blocker.slots[0] for blocker in nothing.blockers] == ["travel_to"]


async def test_the_city_named_chooses_between_stations_of_one_name(database: Database) -> None:
    store = ListingStore(database)
    flats = [_flat("Маяковская", 4, 1e6), _flat("Маяковская", 4, 1e6, "Санкт-Петербург")]
    await store.upsert([*flats, _flat("Ховрино", 9, 1e6, "Химки")])
    for city, total in ((None, 2), ("Москва", 1), ("Санкт-Петербург", 1)):
        slots = Slots(city=city, travel_to="Маяковская", travel_minutes=30)
        assert (await search(store, slots)).total == total
    suburb = Slots(city="Химки", travel_to="Тверская", travel_minutes=40)
    assert (await search(store, suburb, sort="travel")).total == 1


async def test_what_the_database_finds_is_what_cards_show(store: ListingStore) -> None:
    slots = Slots(travel_to="Маяковская", travel_minutes=30)
    way = way_of(slots)
    assert way
    page = await search(store, slots, sort="travel", limit=1000)
    shown = [way.minutes(item.flat) for item in page.listings]
    every = await search(store, Slots(), limit=1000)
    minutes = [way.minutes(item.flat) for item in every.listings]
    fitting = [value for value in minutes if value is not None and value <= 30]
    assert page.total == len(page.listings) == len(fitting) > 0
    assert shown == sorted(fitting)


def test_names_stand_after_to_as_one_says() -> None:
    assert station_text("Тверская") == "«Тверской»"
    assert station_text("Чистые пруды") == "м. «Чистые пруды»"
