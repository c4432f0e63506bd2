"""What a message says, piece by piece, before corrections decide what counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mention:
    """The slots that tokens `start` to `end` fill.

    A later mention of the same `group` replaces an earlier one after a correction. A refused
    mention («не студию») fills nothing and takes back an equal one.
    """

    group: str
    values: Mapping[str, Any]
    start: int
    end: int
    refused: bool = False
    weak: bool = False
