"""Prompts' common beginnings: read once, kept on disk, restored into a slot in milliseconds."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from services.errors import ServiceError

MAX_FILES = 8
SUFFIX = ".kv"

Post = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
logger = logging.getLogger(__name__)


class Prefixes:
    """Files with llama.cpp's cache of a token sequence.

    They fit one model and one build only, so both are part of a file's name.
    """

    def __init__(self, folder: Path, post: Post) -> None:
        self.folder = folder
        self._post = post

    def known(self, identity: str, tokens: tuple[int, ...]) -> bool:
        return (self.folder / file_name(identity, tokens)).exists()

    async def read(self, identity: str, tokens: tuple[int, ...], slot: int) -> None:
        """Compute the prefix in a slot and save it."""
        await self._post(
            "/completion",
            {"prompt": list(tokens), "n_predict": 0, "id_slot": slot, "cache_prompt": True},
        )
        name = file_name(identity, tokens)
        await self._post(f"/slots/{slot}?action=save", {"filename": f"{name}.new"})
        (self.folder / f"{name}.new").replace(self.folder / name)
        self._prune()

    async def restore(self, identity: str, tokens: tuple[int, ...], slot: int) -> bool:
        """Put a saved prefix into a slot; False, and the file is gone, where that fails."""
        name = file_name(identity, tokens)
        try:
            answer = await self._post(f"/slots/{slot}?action=restore", {"filename": name})
        except ServiceError as error:
            logger.warning("a saved prefix is of no use: %s", error)
            answer = {}
        if answer.get("n_restored") == len(tokens):
            return True
        (self.folder / name).unlink(missing_ok=True)
        return False

    def _prune(self) -> None:
        """Delete the oldest files beyond MAX_FILES, and what killed processes left."""
        files = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
        for file in [*files[:-MAX_FILES], *self.folder.glob("*.new")]:
            file.unlink(missing_ok=True)


def file_name(identity: str, tokens: tuple[int, ...]) -> str:
    from importlib.metadata import version

    text = f"{identity} {version('xllamacpp')} q8_0 {tokens}"
    return hashlib.sha256(text.encode()).hexdigest()[:32] + SUFFIX
