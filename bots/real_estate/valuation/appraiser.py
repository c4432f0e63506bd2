"""The model in service: trained in the background, replaced only by a better one.

It is kept in the database, from which all replicas take it, and in a file beside it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from bots.real_estate.flat import Flat
from bots.real_estate.listings.store import Listing, ListingStore
from bots.real_estate.valuation.appraisal import Appraisal, Refusal, appraise, has_comparables
from bots.real_estate.valuation.model import FEWEST_ROWS, Accuracy, ValuationModel
from bots.real_estate.valuation.model_file import ModelFileError, dumps, load, loads, save
from bots.real_estate.valuation.shared_model import SharedModel

logger = logging.getLogger(__name__)

FILE = "valuation.model"
OLD_FILE = "valuation.pickle"  # of earlier versions; a pickle runs code, so it is never read
FEWEST_NEW = 100  # listings the present model hasn't seen, to compare two models on
TOLERANCE = 1.05  # a new model may err by so much more than the present one


class Appraiser:
    """Estimates flats with the best model so far; `model` is None until there is one."""

    def __init__(self, store: ListingStore, folder: Path) -> None:
        self._store = store
        self._path = folder / FILE
        self._shared = SharedModel(store.database)
        self._number = 0  # of the shared model that was read last
        self._training: asyncio.Task[bool] | None = None
        self.model: ValuationModel | None = None
        self.rejected = 0

    @property
    def accuracy(self) -> Accuracy | None:
        return self.model.accuracy if self.model else None

    @property
    def training(self) -> bool:
        return self._training is not None and not self._training.done()

    async def open(self) -> None:
        """Read the kept model; train one where there is none but listings are."""
        self.model = await asyncio.to_thread(self._load)
        await self.refresh()
        if self.model is None:
            self.train_in_background()

    async def refresh(self) -> bool:
        """Take over a model that another process has published; return whether there was one."""
        number = await self._shared.newest()
        if number == self._number:
            return False
        content = await self._shared.read(number)
        self._number = number
        if content is None:  # replaced at this moment: the next refresh finds the newer one
            return False
        try:
            self.model = await asyncio.to_thread(loads, content)
        except ModelFileError as error:
            logger.warning("shared valuation model not used: %s", error)
            return False
        logger.info("valuation model %d taken over: %s", number, self.model.accuracy)
        return True

    async def aclose(self) -> None:
        """Wait for a training that runs: a thread can't be broken off."""
        if self._training:
            await asyncio.wait({self._training})

    def train_in_background(self) -> asyncio.Task[bool]:
        """Start a training unless one runs."""
        if not self.training:
            self._training = asyncio.create_task(self.train())
        assert self._training is not None  # noqa: S101
        return self._training

    async def train(self) -> bool:
        """Fit on all listings; return whether the new model took over."""
        await self.refresh()
        listed = await self._store.all_priced()
        if len(listed) < FEWEST_ROWS:
            logger.info("%d listings are too few to value flats", len(listed))
            return False
        flats = [listing.flat for listing in listed]
        candidate = await asyncio.to_thread(ValuationModel, flats)
        if self.model and not await asyncio.to_thread(_is_as_good, candidate, self.model):
            self.rejected += 1
            logger.warning("the new valuation model is worse than the present one: kept out")
            return False
        self.model = candidate
        await asyncio.to_thread(self._save, candidate)
        self._number = await self._shared.publish(await asyncio.to_thread(dumps, candidate))
        await self._store.set_estimates(await asyncio.to_thread(_estimates, candidate, listed))
        logger.info("valuation: %s", candidate.accuracy)
        return True

    async def appraise(self, flat: Flat, asked: float | None = None) -> Appraisal | Refusal | None:
        """Estimate a flat, or say why not; None while there is no model."""
        if self.model is None:
            return None
        return await asyncio.to_thread(appraise, self.model, flat, asked)

    def _load(self) -> ValuationModel | None:
        """The kept model; a file that can't be used is set aside, never in the way of a start."""
        try:
            self._path.with_name(OLD_FILE).unlink(missing_ok=True)
            return load(self._path)
        except FileNotFoundError:
            return None
        except ModelFileError as error:
            aside = self._path.with_suffix(".broken")
            logger.warning("valuation model set aside as %s, trained anew: %s", aside.name, error)
            with suppress(OSError):
                self._path.replace(aside)
        except OSError as error:
            logger.warning("valuation model not read, trained anew: %s", type(error).__name__)
        return None

    def _save(self, model: ValuationModel) -> None:
        try:
            save(model, self._path)
        except OSError as error:  # it serves all the same, and is trained again after a restart
            logger.warning("valuation model not kept: %s", type(error).__name__)


def _is_as_good(candidate: ValuationModel, present: ValuationModel) -> bool:
    """Compare on listings that the present model hasn't seen, else by what each was kept with."""
    seen = set(present.flats)
    new = [number for number, flat in enumerate(candidate.flats) if flat not in seen]
    if len(new) < FEWEST_NEW:
        return candidate.accuracy.mdape <= present.accuracy.mdape * TOLERANCE
    truth = candidate.table.log_ppm[new]
    ours = np.median(np.abs(candidate.out_of_fold[new] - truth))
    theirs = present.predict([candidate.flats[number] for number in new]).log_ppm
    return bool(ours <= np.median(np.abs(theirs - truth)) * TOLERANCE)


def _estimates(
    model: ValuationModel, listed: Sequence[Listing]
) -> dict[int, tuple[float, float, float] | None]:
    """Each listing's estimate and range, from the folds that its own price isn't in.

    None where a valuation would refuse: a listing promises no more than a valuation does.
    """
    estimates: dict[int, tuple[float, float, float] | None] = {}
    for number, listing in enumerate(listed):
        if not has_comparables(model, listing.flat):
            estimates[listing.id] = None
            continue
        point = (listing.flat.total_area or 0) * math.exp(float(model.out_of_fold[number]))
        half = math.exp(float(model.out_of_fold_half80[number]))
        estimates[listing.id] = (point, point / half, point * half)
    return estimates
