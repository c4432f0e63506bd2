"""«… не надо», «… не предлагать»: what was just named is not wanted."""

from __future__ import annotations

from bots.real_estate.understanding.phrases import phrases
from bots.real_estate.understanding.tokens import Tokens

_REFUSED = phrases(
    """не надо, не нужен|нужный|нужно, не предлагать, не рассматривать, не интересовать, не хотеть, не подходить,
    исключить, исключать, мимо, не брать, не смотреть, не вариант, не годиться, не устраивать"""
)


def is_refused_after(tokens: Tokens, end: int) -> bool:
    """Whether a refusal follows at once: it is said of what ends at `end`."""
    return end < len(tokens) and _REFUSED.end_at(tokens, end) is not None
