"""The valuation model: hedonic ridge, comparables' residuals, boosted trees for the rest.

The logarithm of a flat's price per m² is a sum of three parts: what it is (`Hedonic`), what
listings like it cost beyond that (`Comparables`), and what trees learnt from both. Half of the
trees correct the first two parts, half estimate the whole anew; their mean errs by less than
either. The range
is normalised split-conformal: out-of-fold errors, divided by a learnt scale, give the factor
that held the wanted share of prices.

An estimate is judged by its error in percent of the price, and the middle of what a flat may cost
overshoots a cheap one by more percent than it undershoots a dear one. So an unsure estimate is
put a little lower, as far as its range is wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bots.real_estate.flat import Flat
from bots.real_estate.listings.plain import plain
from bots.real_estate.valuation.comparables import LOCAL, Comparables
from bots.real_estate.valuation.hedonic import Hedonic
from bots.real_estate.valuation.table import Floats, Ints, Table, build_vocabulary

if TYPE_CHECKING:
    import lightgbm

FOLDS = 8
PARTS = 2  # of a fold, each compared with all but itself: nearly what a new flat is
THREADS = 2  # fits at a time, each on one thread: threads of one fit wait for each other
FEWEST_ROWS = 300
_TREES = {
    "objective": "l1",
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "cat_smooth": 20,
    "verbose": -1,
    "num_threads": 1,
    "force_row_wise": True,
    "deterministic": True,
    "seed": 1,
}
_SCALE_TREES = {
    **_TREES,
    "objective": "l2",
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "learning_rate": 0.04,
}
_ROUNDS, _SCALE_ROUNDS = 400, 150
# The scale is learnt as an error's logarithm. Trees draw it to its mean; the power undoes that.
_SMALLEST_ERROR = 0.01
_POWER = 1.2
# A log-normal price's least mean percent error is at exp(mean - variance). More than 0.4 of that
# gains no more and leaves the dearest flats out of their ranges.
_CAUTION, _MOST_CAUTION = 0.4, 0.05
_HALF80_SIGMAS = 1.2816  # standard deviations in the half-width of an 80 % range
_LABELS = ("city", "okrug", "district", "metro", "metro_mode", "house_type", "market", "renovation")
_LABEL_COLUMNS = range(len(_LABELS))
TYPICAL_OF = 20
# Fields that a person may leave out; where nearly every listing has them, a gap widens the range.
OPTIONAL = (
    "metro", "metro_min", "metro_mode", "okrug", "rooms", "floor", "floors_total", "year",
    "house_type", "market", "renovation", "street",
)  # fmt: skip
_USUAL = 0.95
_MASKED_SHARE = 0.25


T = TypeVar("T")
Learnt = tuple[Hedonic, Comparables]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A logarithm of the price per m² in parts, and the half-width of its ranges."""

    hedonic: Floats
    local: Floats
    trees: Floats
    half80: Floats
    half90: Floats

    @property
    def log_ppm(self) -> Floats:
        return self.hedonic + self.local + self.trees


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Out-of-fold figures in percent."""

    rows: int
    mdape: float
    within20: float
    coverage80: float


@dataclass(frozen=True, slots=True)
class Trees:
    """What is learnt without one fold: a correction of the other parts, and the whole anew."""

    correcting: lightgbm.Booster
    whole: lightgbm.Booster

    @classmethod
    def fit(cls, features: Floats, base: Floats, log_ppm: Floats) -> Trees:
        both = np.column_stack([features, base])
        return cls(_fit(_TREES, features, log_ppm - base), _fit(_TREES, both, log_ppm))

    def predict(self, features: Floats, base: Floats) -> Floats:
        """What to add to `base`, the sum of the other parts."""
        correction = np.asarray(self.correcting.predict(features))
        whole = np.asarray(self.whole.predict(np.column_stack([features, base])))
        added: Floats = (correction + whole - base) / 2
        return added


@dataclass(frozen=True, slots=True)
class Calibration:
    """How large errors are: trees that tell a flat's scale, and the factors on it.

    `quantiles` has a row for flats as listed and one for flats with fields left out, each with
    the factor of the 80 and of the 90 % range.
    """

    scales: Sequence[lightgbm.Booster]
    quantiles: Floats

    def scale(self, features: Floats, gaps: Floats) -> Floats:
        inputs = np.hstack([features, gaps])
        logs = np.mean([model.predict(inputs) for model in self.scales], axis=0)
        scale: Floats = np.exp(_POWER * logs)
        return scale


class ValuationModel:
    """Estimates flats like those it was fitted on."""

    def __init__(self, flats: Sequence[Flat]) -> None:
        """Fit on `flats`, each with a price and an area; raise ValueError when too few."""
        if len(flats) < FEWEST_ROWS:
            raise ValueError(f"{len(flats)} listings are too few, {FEWEST_ROWS} are needed")
        self._describe(flats)
        self._compare(Hedonic.fit(self.table))
        rng = np.random.default_rng(1)
        parts = rng.permutation(len(flats)) % (FOLDS * PARTS)
        folds = parts // PARTS
        learnt = self._learn_without_each(folds, parts)
        features, base = _out_of_fold(self.table, learnt, parts)
        self.trees = _in_threads(
            lambda fold: Trees.fit(
                features[folds != fold], base[folds != fold], self.table.log_ppm[folds != fold]
            ),
            range(FOLDS),
        )
        self._calibrate(learnt, features, base, parts, rng)

    @classmethod
    def restore(
        cls,
        flats: Sequence[Flat],
        hedonic: Hedonic,
        trees: list[Trees],
        calibration: Calibration,
        accuracy: Accuracy,
        out_of_fold: Floats,
        out_of_fold_half80: Floats,
    ) -> ValuationModel:
        """A model that was fitted before, from its parts."""
        model = cls.__new__(cls)
        model._describe(flats)
        model._compare(hedonic)
        model.trees, model.calibration, model.accuracy = trees, calibration, accuracy
        model.out_of_fold, model.out_of_fold_half80 = out_of_fold, out_of_fold_half80
        return model

    def _describe(self, flats: Sequence[Flat]) -> None:
        self.flats = tuple(flats)
        self.table = Table.of(flats, build_vocabulary(flats))
        self._spellings = {
            label: {plain(value) or "": value for value in self.table.vocabulary[label]}
            for label in ("city", "okrug", "district", "metro")
        }
        self.usual = tuple(name for name in OPTIONAL if self._share_known(name) >= _USUAL)

    def _compare(self, hedonic: Hedonic) -> None:
        self.hedonic = hedonic
        self.comparables = Comparables(self.table, self.table.log_ppm - hedonic.predict(self.table))

    def predict(self, flats: Sequence[Flat]) -> Prediction:
        """Estimate flats; a field that listings usually have and a flat lacks widens its range."""
        gaps = self._gaps(Table.of(flats, self.table.vocabulary))
        table = self.filled(flats)
        features, hedonic, local = _features(table, self.hedonic, self.comparables)
        base = hedonic + local
        trees = np.mean([model.predict(features, base) for model in self.trees], axis=0)
        scale = self.calibration.scale(features, gaps)
        quantiles = self.calibration.quantiles[gaps.any(axis=1).astype(int)]
        half80, half90 = scale * quantiles[:, 0], scale * quantiles[:, 1]
        return Prediction(hedonic, local, trees - _caution(half80), half80, half90)

    def spelling(self, label: str, plain_name: str) -> str | None:
        """How the listings write a place, given without capitals and ё; None where unknown."""
        return self._spellings[label].get(plain_name)

    def filled(self, flats: Sequence[Flat]) -> Table:
        """Flats with what the model takes for typical in place of usual fields left out."""
        table = Table.of(flats, self.table.vocabulary)
        return _fill_gaps(table, self.usual, self.comparables)

    def value(self, table: Table, name: str) -> str | float | None:
        """The first row's value of a field, as a flat holds it."""
        if name in table.numbers:
            return float(table.numbers[name][0])
        names = {code: value for value, code in self.table.vocabulary[name].items()}
        return names.get(int(table.codes[name][0]))

    def _share_known(self, name: str) -> float:
        return sum(getattr(flat, name) is not None for flat in self.flats) / len(self.flats)

    def _gaps(self, table: Table) -> Floats:
        """Which usual fields each flat lacks, a column per field."""
        if not self.usual:
            return np.zeros((len(table), 1))
        return np.column_stack([_unknown(table, name) for name in self.usual]).astype(float)

    def _learn_without_each(self, folds: Ints, parts: Ints) -> list[Learnt]:
        """For each part, a regression that hasn't seen its fold, comparables without the part."""
        hedonics = _in_threads(
            lambda fold: Hedonic.fit(self.table.rows(np.flatnonzero(folds != fold))), range(FOLDS)
        )
        residuals = [self.table.log_ppm - hedonic.predict(self.table) for hedonic in hedonics]
        learnt = []
        for part in range(FOLDS * PARTS):
            rest, fold = np.flatnonzero(parts != part), part // PARTS
            comparables = Comparables(self.table.rows(rest), residuals[fold][rest])
            learnt.append((hedonics[fold], comparables))
        return learnt

    def _calibrate(
        self,
        learnt: list[Learnt],
        features: Floats,
        base: Floats,
        parts: Ints,
        rng: np.random.Generator,
    ) -> None:
        """Learn how large errors are, from flats as listed and from flats with fields left out."""
        folds = parts // PARTS
        middle = self._unseen(features, base, folds)
        masked = np.flatnonzero(rng.random(len(folds)) < _MASKED_SHARE)
        table = _mask(self.table.rows(masked), self.usual, rng)
        hidden, hidden_base = _out_of_fold(table, learnt, parts[masked], self.usual)
        hidden_middle = self._unseen(hidden, hidden_base, folds[masked])
        inputs = np.vstack(
            [
                np.hstack([features, self._gaps(self.table)]),
                np.hstack([hidden, self._gaps(table)]),
            ]
        )
        errors = np.concatenate([self.table.log_ppm - middle, table.log_ppm - hidden_middle])
        half = np.concatenate([folds, folds[masked]]) % 2
        logs = np.log(np.abs(errors) + _SMALLEST_ERROR)
        scales = [_fit(_SCALE_TREES, inputs[half == s], logs[half == s]) for s in (0, 1)]
        scale = np.exp(
            _POWER * np.where(half == 0, scales[1].predict(inputs), scales[0].predict(inputs))
        )
        listed = np.arange(len(errors)) < len(middle)
        quantiles = _quantiles_of_both(np.abs(errors) / scale, listed)
        lowered = _caution(scale * quantiles[np.where(listed, 0, 1), 0])
        scores = np.abs(errors + lowered) / scale
        quantiles = _quantiles_of_both(scores, listed)
        self.calibration = Calibration(scales, quantiles)
        self.out_of_fold = middle - lowered[listed]
        self.out_of_fold_half80 = (scale * quantiles[0, 0])[listed]
        self.accuracy = _accuracy(
            self.table.log_ppm - self.out_of_fold, scores[listed] <= quantiles[0, 0]
        )

    def _unseen(self, features: Floats, base: Floats, folds: Ints) -> Floats:
        """The log price per m² of each flat by the trees that haven't seen it."""
        estimates = base.copy()
        for fold, model in enumerate(self.trees):
            mine = folds == fold
            if mine.any():
                estimates[mine] += model.predict(features[mine], base[mine])
        return estimates


def _fit(parameters: dict[str, object], features: Floats, target: Floats) -> lightgbm.Booster:
    import lightgbm  # an extra of the project

    data = lightgbm.Dataset(features, target, categorical_feature=list(_LABEL_COLUMNS))
    rounds = _SCALE_ROUNDS if parameters is _SCALE_TREES else _ROUNDS
    return lightgbm.train(parameters, data, rounds)


def _out_of_fold(
    table: Table, learnt: list[Learnt], parts: Ints, fill: tuple[str, ...] = ()
) -> tuple[Floats, Floats]:
    """Features of each flat, and the sum of its first two parts, from the other flats alone."""

    def compute(part: int) -> tuple[Ints, Floats, Floats]:
        index = np.flatnonzero(parts == part)
        hedonic, comparables = learnt[part]
        rows = _fill_gaps(table.rows(index), fill, comparables)
        columns, level, local = _features(rows, hedonic, comparables)
        return index, columns, level + local

    computed = _in_threads(compute, np.unique(parts).tolist())
    order = np.argsort(np.concatenate([index for index, _, _ in computed]))
    features = np.vstack([columns for _, columns, _ in computed])[order]
    return features, np.concatenate([base for _, _, base in computed])[order]


def _in_threads(work: Callable[[int], T], numbers: Iterable[int]) -> list[T]:
    """Results in order; NumPy and LightGBM leave Python to others while they compute."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, numbers))


def _features(
    table: Table, hedonic: Hedonic, comparables: Comparables
) -> tuple[Floats, Floats, Floats]:
    """What the trees see, and the two parts that they correct."""
    near = comparables.features(table)
    level = hedonic.predict(table)
    return np.column_stack([_columns(table), level, near]), level, near[:, LOCAL]


def _columns(table: Table) -> Floats:
    number = table.numbers
    area, rooms = number["total_area"], number["rooms"]
    floor, storeys = number["floor"], number["floors_total"]
    labels = [np.where(table.codes[name] >= 0, table.codes[name], np.nan) for name in _LABELS]
    return np.column_stack(
        [
            *labels,
            np.log(area), rooms, area / np.maximum(rooms, 1), number["living_area"] / area,
            number["kitchen_area"], number["kitchen_area"] / area, floor, storeys,
            floor / storeys, storeys - floor, number["year"], number["ceiling"],
            number["metro_min"], number["dist_center_m"], number["airport_m"],
            number["lat"], number["lon"], number["month"],
        ]
    )  # fmt: skip


def _unknown(table: Table, name: str) -> NDArray[np.bool_]:
    return table.codes[name] < 0 if name in table.codes else np.isnan(table.numbers[name])


def _mask(table: Table, names: tuple[str, ...], rng: np.random.Generator) -> Table:
    """The same flats with about half of the fields `names` left out."""
    numbers, codes = dict(table.numbers), dict(table.codes)
    for name in names:
        gone = rng.random(len(table)) < 0.5
        if name in codes:
            codes[name] = np.where(gone, -1, codes[name])
        else:
            numbers[name] = np.where(gone, np.nan, numbers[name])
    return Table(numbers, codes, table.vocabulary, table.log_ppm)


def _fill_gaps(table: Table, names: tuple[str, ...], comparables: Comparables) -> Table:
    """Give flats what most of their neighbours have where a field of `names` is unknown."""
    holes = {name: _unknown(table, name) for name in names if name != "street"}
    rows = np.flatnonzero(np.any(list(holes.values()), axis=0)) if holes else np.array([], int)
    if not len(rows):
        return table
    near = comparables.nearest(table.rows(rows), TYPICAL_OF)
    numbers, codes = dict(table.numbers), dict(table.codes)
    for name, hole in holes.items():
        typical = comparables.typical(name, near)
        target: dict[str, Any] = codes if name in codes else numbers
        column = target[name].copy()
        column[rows] = np.where(hole[rows], typical, column[rows])
        target[name] = column
    return Table(numbers, codes, table.vocabulary, table.log_ppm)


def _accuracy(errors: Floats, held: NDArray[np.bool_]) -> Accuracy:
    sizes = np.abs(errors)
    return Accuracy(
        len(sizes),
        round(100 * float(np.median(np.expm1(sizes))), 2),
        round(100 * float(np.mean(sizes <= np.log(1.2))), 2),
        round(100 * float(np.mean(held)), 2),
    )


def _caution(half80: Floats) -> Floats:
    """How much lower than its middle an estimate is put, in logarithms."""
    lowered: Floats = np.minimum(_CAUTION * (half80 / _HALF80_SIGMAS) ** 2, _MOST_CAUTION)
    return lowered


def _quantiles_of_both(scores: Floats, listed: NDArray[np.bool_]) -> Floats:
    """The factors of flats as listed, and of flats with fields left out."""
    return np.array([_quantiles(scores[listed]), _quantiles(scores[~listed])])


def _quantiles(scores: Floats) -> tuple[float, float]:
    """The factors that hold 80 and 90 % of errors, corrected for a finite sample."""
    count = max(1, len(scores))
    levels = [min(1.0, level * (count + 1) / count) for level in (0.8, 0.9)]
    eighty, ninety = np.quantile(scores, levels)
    return float(eighty), float(ninety)
