"""Make foreign text safe to print."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # would command the terminal


def clean(text: str) -> str:
    """Text that is safe to print: no escape sequences, no halves of surrogate pairs."""
    return _CONTROL.sub("", text).encode(errors="replace").decode()
