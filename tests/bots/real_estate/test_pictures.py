"""Pictures: what they show, and that they are pictures."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import combinations

import matplotlib.image
import numpy as np
import pytest

from bots.real_estate.flat import Flat
from bots.real_estate.metro.network import Station, load_networks
from bots.real_estate.pictures import (
    MAX_BARS,
    Pin,
    _name_box,
    _named,
    _number_boxes,
    _Spot,
    _steps,
    draw_comparables,
    draw_found,
    draw_map,
    draw_waterfall,
    pins_of,
)
from bots.real_estate.valuation.appraisal import Appraisal, Factor, appraise
from bots.real_estate.valuation.model import ValuationModel


@pytest.fixture(scope="module")
def appraisal(model: ValuationModel, flats: list[Flat]) -> Appraisal:
    found = appraise(model, flats[700])
    assert isinstance(found, Appraisal)
    return found


def _pixels(picture: bytes | None) -> np.ndarray:
    assert picture
    return np.asarray(matplotlib.image.imread(io.BytesIO(picture), format="png"))[:, :, :3]


def _share_of(pixels: np.ndarray, colour: str) -> float:
    wanted = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return float(np.mean(np.all(np.abs(pixels - wanted) < 0.06, axis=2)))


def test_bars_go_up_and_down(appraisal: Appraisal) -> None:
    factors = (Factor("место", 3_000_000), Factor("ремонт", -1_000_000))
    made_up = replace(appraisal, base=10_000_000, price=12_000_000, factors=factors)
    pixels = _pixels(draw_waterfall(made_up))
    assert _share_of(pixels, "#2e8b57") > 2 * _share_of(pixels, "#c0504d") > 0


def test_factors_that_are_left_out_are_summed(appraisal: Appraisal) -> None:
    factors = tuple(Factor(f"признак {number}", 10_000 * number) for number in range(1, 15))
    steps = _steps(replace(appraisal, factors=factors))
    assert len(steps) == MAX_BARS + 1
    assert sum(roubles for _, roubles in steps) == sum(factor.roubles for factor in factors)


def test_a_flat_without_coordinates_stands_at_its_station(flats: list[Flat]) -> None:
    flat = Flat(city="Москва", metro="Сокол")
    unknown = Flat(city="Москва", metro="Нет такой"), Flat(city="Казань", district="Центр")
    [pin] = pins_of([flat, *unknown], ["1"])
    assert (pin.exact, pin.label) == (False, "1")
    assert (round(pin.lat, 2), round(pin.lon, 2)) == (55.81, 37.52)
    assert draw_found(unknown, "ничего") is None
    assert len(_pixels(draw_found(flats[:40], "двушки"))) > 500


def test_flats_of_another_city_dont_stretch_the_map() -> None:
    moscow, petersburg = Pin(55.75, 37.6, "1"), Pin(59.9, 30.3, "2")
    both, alone = draw_map([moscow, petersburg], "Москва"), draw_map([moscow], "Москва")
    assert np.array_equal(_pixels(both), _pixels(alone))


def test_names_of_stations_cover_neither_each_other_nor_the_numbers() -> None:
    bounds = (55.6, 55.9, 37.35, 37.9)
    south, north, west, east = bounds
    stations = [
        station
        for station in load_networks()["Москва"].stations.values()
        if south < station.lat < north and west < station.lon < east
    ]
    numbers = _number_boxes([Pin(55.7877, 37.7807, "1"), Pin(55.7877, 37.7807, "2")], bounds)
    named = _named(stations, bounds, numbers)
    boxes = [*numbers, *(_name_box(station, bounds, spot) for station, spot in named)]
    assert len(named) > 20
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_a_name_without_room_on_the_right_stands_on_the_left() -> None:
    bounds = (55.6, 55.9, 37.35, 37.9)
    station = Station("Москва", "Измайловская", 55.7877, 37.7807)
    beside = _number_boxes([Pin(55.789, 37.81, "1")], bounds)
    assert _named([station], bounds) == [(station, _Spot())]
    assert _named([station], bounds, beside) == [(station, _Spot(on_the_left=True))]


def test_the_flat_itself_is_on_the_map_of_its_comparables(appraisal: Appraisal) -> None:
    pixels = _pixels(draw_comparables(appraisal))
    assert _share_of(pixels, "#c0504d") > 0
    assert _share_of(pixels, "#1f4e79") > 0
