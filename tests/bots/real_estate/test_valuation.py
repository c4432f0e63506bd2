"""Estimates that add up, ranges that hold, refusals with a reason, models that must be better."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.valuation import main as benchmark
from bots.real_estate.flat import Flat
from bots.real_estate.listings import Listing, ListingStore, search
from bots.real_estate.request import Slots
from bots.real_estate.valuation import model as model_code
from bots.real_estate.valuation import model_file
from bots.real_estate.valuation.appraisal import Appraisal, Refusal, appraise
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.valuation.model import ValuationModel, _caution
from bots.real_estate.valuation.model_file import load, save
from bots.real_estate.wording import DISCLAIMER, appraisal_facts
from services.storage import Database

FLAT = Flat(city="Москва", district="Сокол", rooms=2, total_area=54.0, floor=5, floors_total=9)


def _appraised(model: ValuationModel, flat: Flat, asked: float | None = None) -> Appraisal:
    result = appraise(model, flat, asked)
    assert isinstance(result, Appraisal)
    return result


def test_explanation_adds_up_to_the_number(model: ValuationModel) -> None:
    result = _appraised(model, FLAT)
    assert result.base + sum(factor.roubles for factor in result.factors) == result.price
    for comparable in result.comparables:
        changes = sum(factor.roubles for factor in comparable.adjustments)
        assert comparable.price + changes == comparable.adjusted
    assert len(result.comparables) == 5
    assert result.low < result.price < result.high


def test_asked_price_is_placed(model: ValuationModel) -> None:
    result = _appraised(model, FLAT)
    verdicts = [
        _appraised(model, FLAT, asked).verdict
        for asked in (result.low - 1e6, result.price, result.high + 1e6, None)
    ]
    assert verdicts == ["below", "within", "above", None]


def test_facts_carry_date_and_disclaimer(model: ValuationModel) -> None:
    text = appraisal_facts(_appraised(model, FLAT), None)
    assert DISCLAIMER in text
    assert "Данные на 2025-12" in text


@pytest.mark.parametrize(
    ("flat", "reason"),
    [
        (replace(FLAT, city="Урюпинск"), "place"),
        (replace(FLAT, district="Небывалый"), "place"),
        (replace(FLAT, total_area=None), "field"),
        (Flat(total_area=50.0), "field"),
        (replace(FLAT, total_area=900.0), "few"),
    ],
)
def test_refusal_names_its_reason(model: ValuationModel, flat: Flat, reason: str) -> None:
    result = appraise(model, flat)
    assert isinstance(result, Refusal)
    assert result.reason == reason


def test_city_follows_from_the_district(model: ValuationModel) -> None:
    assert _appraised(model, replace(FLAT, city=None)).flat.city == "Москва"


def test_left_out_fields_widen_the_range(model: ValuationModel, flats: list[Flat]) -> None:
    full = flats[600:700]
    bare = [
        Flat(city=f.city, district=f.district, rooms=f.rooms, total_area=f.total_area) for f in full
    ]
    assert np.median(model.predict(bare).half80) > np.median(model.predict(full).half80)


def test_range_holds_what_it_promises(model: ValuationModel, flats: list[Flat]) -> None:
    unseen = flats[600:]
    found = model.predict(unseen)
    truth = np.log([flat.price_per_metre or 0 for flat in unseen])
    inside = np.abs(found.log_ppm - truth) <= found.half80
    assert 0.7 < inside.mean() < 0.92
    assert np.median(np.abs(found.log_ppm - truth)) < 0.1


def test_an_unsure_estimate_is_put_lower_and_errs_by_fewer_percent(
    model: ValuationModel, flats: list[Flat], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = model.table.log_ppm
    lowered = _caution(model.out_of_fold_half80)
    assert (lowered > 0).all()
    assert lowered.max() <= 0.05
    errors = np.abs(np.expm1(model.out_of_fold - truth))
    assert errors.mean() < np.abs(np.expm1(model.out_of_fold + lowered - truth)).mean()
    bare = [Flat(city=flat.city, total_area=flat.total_area) for flat in flats[600:620]]
    for asked in (flats[600:620], bare):
        found = model.predict(asked)
        monkeypatch.setattr(model_code, "_CAUTION", 0.0)
        middle = model.predict(asked)
        monkeypatch.undo()
        assert np.allclose(middle.log_ppm - found.log_ppm, _caution(found.half80))
        assert np.array_equal(middle.half80, found.half80)


def test_too_few_listings_are_refused(flats: list[Flat]) -> None:
    with pytest.raises(ValueError, match="too few"):
        ValuationModel(flats[:100])


async def test_worse_model_is_rejected(
    store: ListingStore, tmp_path: Path, model: ValuationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    appraiser = Appraiser(store, tmp_path)
    appraiser.model = model
    better = replace(model.accuracy, mdape=model.accuracy.mdape / 10)
    monkeypatch.setattr(model, "accuracy", better)
    assert not await appraiser.train()
    assert (appraiser.model, appraiser.rejected) == (model, 1)


async def test_model_is_trained_kept_and_read_again(store: ListingStore, tmp_path: Path) -> None:
    appraiser = Appraiser(store, tmp_path)
    await appraiser.open()
    assert await appraiser.train_in_background()
    again = Appraiser(store, tmp_path)
    await again.open()
    first, second = await appraiser.appraise(FLAT), await again.appraise(FLAT)
    assert first == second
    page = await search(store, Slots(), sort="discount")
    assert all(item.estimate for item in page.listings)


async def test_listing_has_no_estimate_where_a_valuation_would_refuse(
    store: ListingStore, tmp_path: Path
) -> None:
    lonely = Flat(city="Урюпинск", rooms=2, total_area=54.0, floor=5, floors_total=9, price=3e6)
    await store.upsert([Listing(lonely)])
    appraiser = Appraiser(store, tmp_path)
    assert await appraiser.train()
    assert isinstance(await appraiser.appraise(replace(lonely, price=None)), Refusal)
    [item] = (await search(store, Slots(city="Урюпинск"))).listings
    assert item.estimate is None
    others = (await search(store, Slots(city="Москва"), limit=100)).listings
    assert any(other.estimate for other in others)


async def test_kept_file_holds_no_pickle_and_is_its_owners(
    store: ListingStore, tmp_path: Path, model: ValuationModel
) -> None:
    path = tmp_path / "valuation.model"
    save(model, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _, _, archive = path.read_bytes().partition(b"\n")
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)
    kept = load(path)
    assert kept.accuracy == model.accuracy
    assert np.array_equal(
        kept.predict(model.flats[:9]).half80, model.predict(model.flats[:9]).half80
    )
    assert not path.with_suffix(".part").exists()


def _shorten(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _rewrite(content: bytes, **changes: object) -> bytes:
    """The file with other arrays or facts, its hash made right again."""
    _, _, archive = content.partition(b"\n")
    with np.load(io.BytesIO(archive), allow_pickle=False) as kept:
        arrays = {name: kept[name] for name in kept.files}
    facts = json.loads(arrays["facts"].tobytes())
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value  # type: ignore[assignment]
        else:
            facts[name] = value
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays)
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    return f"{model_file.FORMAT} {digest}\n".encode() + file.getvalue()


BROKEN_FILES = {
    "empty": lambda content: b"",
    "a pickle": lambda content: pickle.dumps({"model": 1}),
    "shortened": _shorten,
    "one bit flipped": _flip,
    "another version": lambda content: content.replace(b"flat-valuation-", b"flat-valuation-9", 1),
    "other fields": lambda content: _rewrite(content, fields=["city"]),
    "no trees": lambda content: _rewrite(content, correcting=[], whole=[]),
    "trees of one kind": lambda content: _rewrite(content, whole=[]),
    "trees of nonsense": lambda content: _rewrite(content, whole=["tree\nnonsense"]),
    "no flats": lambda content: _rewrite(content, flats=[]),
    "an array of objects": lambda content: _rewrite(content, weights=np.array([{}], dtype=object)),
    "an array of another shape": lambda content: _rewrite(content, weights=np.zeros(3)),
    "no numbers": lambda content: _rewrite(content, quantiles=np.full((2, 2), np.nan)),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN_FILES)
async def test_broken_file_never_stops_the_start(
    fault: str,
    database: Database,
    tmp_path: Path,
    model: ValuationModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "valuation.model"
    save(model, path)
    path.write_bytes(BROKEN_FILES[fault](path.read_bytes()))
    appraiser = Appraiser(ListingStore(database), tmp_path)
    await appraiser.open()
    await appraiser.aclose()
    assert appraiser.model is None
    assert not path.exists()
    assert (tmp_path / "valuation.broken").exists()
    assert "set aside as valuation.broken" in caplog.text


async def test_pickle_of_an_earlier_version_is_never_read(
    store: ListingStore, tmp_path: Path
) -> None:
    touched = tmp_path / "touched"
    (tmp_path / "valuation.pickle").write_bytes(
        b"cos\nsystem\n(S'touch " + str(touched).encode() + b"'\ntR."
    )
    appraiser = Appraiser(ListingStore(store.database), tmp_path)
    await appraiser.open()
    await appraiser.aclose()
    assert not touched.exists()
    assert not (tmp_path / "valuation.pickle").exists()
    assert appraiser.model is not None


def test_benchmark_prints_every_key(
    tmp_path: Path, flats: list[Flat], capsys: pytest.CaptureFixture[str]
) -> None:
    import csv
    from dataclasses import asdict

    for name, part in (("train", flats[:400]), ("test", flats[600:700])):
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(asdict(part[0])))
            writer.writeheader()
            writer.writerows(asdict(flat) for flat in part)
    paths = ["--train", str(tmp_path / "train.csv"), "--test", str(tmp_path / "test.csv"), "--json"]
    assert benchmark(paths) == 0
    report = json.loads(capsys.readouterr().out)
    keys = {"mdape", "mape", "within10", "within20", "coverage80", "coverage90", "halfwidth80"}
    assert keys | {"fit_s", "predict_ms", "segments", "baselines"} == set(report)
    assert set(report["segments"]["studio"]) == {"rows", "coverage80", "halfwidth80"}
    assert set(report["baselines"]) == {"district_median", "ridge"}
    assert report["mdape"] < report["baselines"]["district_median"]["mdape"]
