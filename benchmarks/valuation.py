"""Measure the valuation: `python -m benchmarks.valuation --train A.csv --test B.csv --json`.

With `--data FILE --seed N` a random fifth of one file is the test.

Prints errors in percent for this project's model and, from the same run, for the median price
per m² of a district × area and for ridge regression. `coverage80` is the share of prices inside
the 80 % range, `halfwidth80` the median half-width of that range in percent of the estimate,
`segments` has both for kinds of flats in the test,
`fit_s` CPU-bound wall time, `predict_ms` the mean time of one flat's estimate.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bots.real_estate.flat import Flat, flat_from_strings
from bots.real_estate.valuation.hedonic import Hedonic
from bots.real_estate.valuation.model import ValuationModel
from bots.real_estate.valuation.table import Floats, Table, build_vocabulary

Estimate = tuple[Floats, Floats, Floats]  # log price, half-widths of the 80 and 90 % ranges
Estimator = Callable[[Sequence[Flat]], Estimate]
TIMED = 50  # flats estimated one by one


def read_flats(path: Path) -> list[Flat]:
    with path.open(encoding="utf-8", newline="") as file:
        return [flat_from_strings(row) for row in csv.DictReader(file)]


def fit_model(train: Sequence[Flat]) -> Estimator:
    model = ValuationModel(train)

    def estimate(flats: Sequence[Flat]) -> Estimate:
        found = model.predict(flats)
        return found.log_ppm + _log_areas(flats), found.half80, found.half90

    return estimate


def fit_district_median(train: Sequence[Flat]) -> Estimator:
    """The median price per m² of the flat's district, or of all where it is new."""
    by_district: dict[str | None, list[float]] = defaultdict(list)
    for flat in train:
        by_district[flat.district].append(flat.price_per_metre or np.nan)
    medians = {name: float(np.log(np.median(values))) for name, values in by_district.items()}
    city = float(np.log(np.median(np.concatenate(list(map(np.array, by_district.values()))))))

    def predict(flats: Sequence[Flat]) -> Floats:
        return np.array([medians.get(flat.district, city) for flat in flats]) + _log_areas(flats)

    return _with_constant_range(predict, train)


def fit_ridge(train: Sequence[Flat]) -> Estimator:
    vocabulary = build_vocabulary(train)
    hedonic = Hedonic.fit(Table.of(train, vocabulary))
    return _with_constant_range(
        lambda flats: hedonic.predict(Table.of(flats, vocabulary)) + _log_areas(flats), train
    )


def _with_constant_range(
    predict: Callable[[Sequence[Flat]], Floats], train: Sequence[Flat]
) -> Estimator:
    """A baseline's range: as wide everywhere as its errors on the training rows."""
    errors = np.abs(predict(train) - _log_prices(train))
    half80, half90 = np.quantile(errors, [0.8, 0.9])

    def estimate(flats: Sequence[Flat]) -> Estimate:
        ones = np.ones(len(flats))
        return predict(flats), half80 * ones, half90 * ones

    return estimate


def measure(
    fit: Callable[[Sequence[Flat]], Estimator], train: Sequence[Flat], test: Sequence[Flat]
) -> dict[str, Any]:
    started = time.perf_counter()
    estimate = fit(train)
    fit_s = time.perf_counter() - started
    logs, half80, half90 = estimate(test)
    started = time.perf_counter()
    for flat in test[:TIMED]:
        estimate([flat])
    predict_ms = 1000 * (time.perf_counter() - started) / len(test[:TIMED])
    truth = _log_prices(test)
    error = np.abs(np.expm1(logs - truth))
    figures = {
        "mdape": 100 * np.median(error),
        "mape": 100 * np.mean(error),
        "within10": 100 * np.mean(error <= 0.1),
        "within20": 100 * np.mean(error <= 0.2),
        "coverage80": 100 * np.mean(np.abs(logs - truth) <= half80),
        "coverage90": 100 * np.mean(np.abs(logs - truth) <= half90),
        "halfwidth80": 100 * np.median(np.sinh(half80)),
        "fit_s": fit_s,
        "predict_ms": predict_ms,
    }
    held = np.abs(logs - truth) <= half80
    parts = {
        name: {
            "rows": int(mine.sum()),
            "coverage80": round(100 * float(np.mean(held[mine])), 1),
            "halfwidth80": round(100 * float(np.median(np.sinh(half80[mine]))), 1),
        }
        for name, mine in segments(test).items()
        if mine.any()
    }
    return {**{name: round(float(value), 2) for name, value in figures.items()}, "segments": parts}


def segments(flats: Sequence[Flat]) -> dict[str, NDArray[np.bool_]]:
    """Kinds of flats, each as which of `flats` are of it."""
    rooms = np.array([-1 if flat.rooms is None else flat.rooms for flat in flats])
    market = np.array([(flat.market or "").lower()[:3] for flat in flats])
    years = np.array([flat.year or np.nan for flat in flats])
    prices = np.array([flat.price or 0 for flat in flats])
    return {
        "studio": rooms == 0,
        **{f"{count} rooms": rooms == count for count in (1, 2, 3)},
        "4+ rooms": rooms >= 4,
        "new": market == "нов",
        "old": market == "вто",
        "built before 1970": years < 1970,
        "dearest tenth": prices >= np.quantile(prices, 0.9),
        "cheapest tenth": prices <= np.quantile(prices, 0.1),
    }


def _log_areas(flats: Sequence[Flat]) -> Floats:
    return np.log([flat.total_area or np.nan for flat in flats])


def _log_prices(flats: Sequence[Flat]) -> Floats:
    return np.log([flat.price or np.nan for flat in flats])


def split(flats: Sequence[Flat], seed: int) -> tuple[list[Flat], list[Flat]]:
    """Four fifths to fit on and one to measure on."""
    order = np.random.default_rng(seed).permutation(len(flats))
    tested = len(flats) // 5
    return [flats[i] for i in order[tested:]], [flats[i] for i in order[:tested]]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, help="CSV to fit on")
    parser.add_argument("--test", type=Path, help="CSV to measure on")
    parser.add_argument("--data", type=Path, help="CSV to split, instead of these two")
    parser.add_argument("--seed", type=int, default=1, help="of the split (default: 1)")
    parser.add_argument("--no-baselines", action="store_true", help="measure the model alone")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.data:
        train, test = split(read_flats(arguments.data), arguments.seed)
    elif arguments.train and arguments.test:
        train, test = read_flats(arguments.train), read_flats(arguments.test)
    else:
        parser.error("give --train and --test, or --data")
    report = measure(fit_model, train, test)
    if not arguments.no_baselines:
        baselines = {"district_median": fit_district_median, "ridge": fit_ridge}
        report["baselines"] = {name: measure(fit, train, test) for name, fit in baselines.items()}
    print(json.dumps(report, indent=None if arguments.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
