"""Pictures: what they show, and that they are pictures."""

from __future__ import annotations

import io
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

from bots.real_estate.flat import Flat
from bots.real_estate.pictures import (
    MAX_BARS,
    Pin,
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


def test_the_flat_itself_is_on_the_map_of_its_comparables(appraisal: Appraisal) -> None:
    pixels = _pixels(draw_comparables(appraisal))
    assert _share_of(pixels, "#c0504d") > 0
    assert _share_of(pixels, "#1f4e79") > 0
