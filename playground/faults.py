"""Injected faults: 429, 500, garbage, hanging, reset connections, and delay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["flood", "error", "garbage", "hang", "reset"]
_SPARED = frozenset(("getupdates", "getme"))  # unless they are named: the bot must stay alive


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` calls of `methods` (None: all but polling and getMe)."""

    kind: FaultKind
    times: int = 1
    methods: frozenset[str] | None = None
    retry_after: int = 1

    def hits(self, method: str) -> bool:
        if self.methods is None:
            return method not in _SPARED
        return method in self.methods


class Faults:
    """A queue of faults for the next calls, and a delay for every call."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.pending: list[Fault] = []

    def inject(
        self,
        kind: FaultKind,
        *,
        times: int = 1,
        methods: Collection[str] | None = None,
        retry_after: int = 1,
    ) -> None:
        """Let the next calls fail: "flood" is 429 with `retry_after`, "error" 500, "garbage" a
        body that isn't JSON, "hang" no answer at all, "reset" a closed connection."""
        chosen = frozenset(name.lower() for name in methods) if methods is not None else None
        self.pending.append(Fault(kind, times, chosen, retry_after))

    def clear(self) -> None:
        self.delay = 0.0
        self.pending.clear()

    def take(self, method: str) -> Fault | None:
        """Return the fault for this call, if any, and count it."""
        for fault in self.pending:
            if fault.hits(method):
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None
