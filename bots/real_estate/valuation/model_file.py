"""Keep a valuation model in a file that holds data only: NumPy arrays, JSON, LightGBM's text.

The first line names the format and the SHA-256 of the rest, an .npz archive that is read
without pickle. A file that is cut, changed or of another version raises ModelFileError.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bots.real_estate.flat import FLAT_FIELDS, Flat
from bots.real_estate.valuation.hedonic import Hedonic
from bots.real_estate.valuation.model import Accuracy, Calibration, Trees, ValuationModel

if TYPE_CHECKING:
    import lightgbm

FORMAT = "flat-valuation-3"
_UNUSABLE = (
    *(ValueError, LookupError, TypeError, AttributeError, EOFError, OSError),
    zipfile.BadZipFile,
)
_ARRAYS = ("centre", "weights", "quantiles", "out_of_fold", "out_of_fold_half80")


class ModelFileError(Exception):
    """The file holds no model that this program can use."""


def save(model: ValuationModel, path: Path) -> None:
    """Write the model so that a reader never sees half of it; only its owner may read it."""
    content = dumps(model)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)  # one left behind may have other rights
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path) -> ValuationModel:
    """Read a model; raise ModelFileError when the file isn't one of ours, whole and unchanged."""
    return loads(path.read_bytes())


def dumps(model: ValuationModel) -> bytes:
    """The model as a file holds it."""
    content = _pack(model)
    return f"{FORMAT} {hashlib.sha256(content).hexdigest()}\n".encode() + content


def loads(whole: bytes) -> ValuationModel:
    """The model of such bytes. Raises ModelFileError."""
    head, _, content = whole.partition(b"\n")
    if head != f"{FORMAT} {hashlib.sha256(content).hexdigest()}".encode():
        raise ModelFileError("of another version, cut or changed")
    try:
        return _unpack(content)
    except _UNUSABLE as error:
        raise ModelFileError(type(error).__name__) from error


def _pack(model: ValuationModel) -> bytes:
    hedonic, calibration = model.hedonic, model.calibration
    facts = {
        "fields": FLAT_FIELDS,
        "flats": [astuple(flat) for flat in model.flats],
        "level": hedonic.level,
        "month": hedonic.month,
        "groups": hedonic.groups,
        "accuracy": astuple(model.accuracy),
        "correcting": [trees.correcting.model_to_string() for trees in model.trees],
        "whole": [trees.whole.model_to_string() for trees in model.trees],
        "scales": [tree.model_to_string() for tree in calibration.scales],
    }
    file = io.BytesIO()
    np.savez_compressed(
        file,
        facts=np.frombuffer(json.dumps(facts, ensure_ascii=False).encode(), dtype=np.uint8),
        centre=hedonic.centre,
        weights=hedonic.weights,
        quantiles=calibration.quantiles,
        out_of_fold=model.out_of_fold,
        out_of_fold_half80=model.out_of_fold_half80,
    )
    return file.getvalue()


def _unpack(content: bytes) -> ValuationModel:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        facts = json.loads(archive["facts"].tobytes())
        arrays = {name: archive[name] for name in _ARRAYS}
    if tuple(facts["fields"]) != FLAT_FIELDS:
        raise ValueError("flats of other fields")
    flats = [Flat(*values) for values in facts["flats"]]
    _check(arrays, len(flats), len(facts["groups"]))
    hedonic = Hedonic(
        float(facts["level"]), arrays["centre"], arrays["weights"], tuple(facts["groups"]),
        float(facts["month"]),
    )  # fmt: skip
    calibration = Calibration(_boosters(facts["scales"]), arrays["quantiles"])
    pairs = zip(_boosters(facts["correcting"]), _boosters(facts["whole"]), strict=True)
    trees = [Trees(*pair) for pair in pairs]
    model = ValuationModel.restore(
        flats, hedonic, trees, calibration, Accuracy(*facts["accuracy"]),
        arrays["out_of_fold"], arrays["out_of_fold_half80"],
    )  # fmt: skip
    model.predict(flats[:1])  # shapes that don't fit each other show here, not at a user's question
    return model


def _boosters(texts: list[str]) -> list[lightgbm.Booster]:
    if not texts:
        raise ValueError("no trees")
    import lightgbm  # an extra of the project

    try:
        return [lightgbm.Booster(model_str=text) for text in texts]
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(f"trees: {error}") from error


def _check(arrays: dict[str, NDArray[Any]], rows: int, features: int) -> None:
    shapes = {
        "centre": (features,),
        "weights": (features,),
        "quantiles": (2, 2),
        "out_of_fold": (rows,),
        "out_of_fold_half80": (rows,),
    }
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float64 or not np.isfinite(array).all():
            raise ValueError(f"{name} of another shape")
