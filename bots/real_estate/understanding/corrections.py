"""«За 10... нет, за 12»: what is said after a correction replaces what was said before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bots.real_estate.understanding.mentions import Mention
from bots.real_estate.understanding.phrases import phrases
from bots.real_estate.understanding.tokens import Tokens

_MARKERS = phrases(
    """ой, тьфу, точнее, вернее, то есть, хотя нет, извини, извините, в смысл, пардон, ошибиться, ошибся, ошиблась,
    стоп, поправка, передумать, передумал, передумала, а нет, нет лучше, лучше уж, не так, исправиться, оговориться, оговорился, оговорилась, нет нет, лучше, пусть лучше, давай лучше, давайте лучше, правильнее, хотя давай"""
)


def corrected(tokens: Tokens, mentions: Iterable[Mention]) -> list[Mention]:
    """The mentions that stand: later ones win across a correction, refused ones are gone."""
    standing = sorted(mentions, key=lambda mention: mention.start)
    for marker in markers(tokens):
        after = {mention.group for mention in standing if mention.start >= marker}
        after |= _NEAR if after & _NEAR else set()
        standing = [m for m in standing if m.start >= marker or m.group not in after]
    refused = [mention for mention in standing if mention.refused]
    return [
        mention
        for mention in standing
        if not mention.refused and not any(_takes_back(other, mention) for other in refused)
    ]


_NEAR = frozenset({"district", "metro"})  # either replaces the other


def _takes_back(refused: Mention, mention: Mention) -> bool:
    """Whether a refusal unsays an equal mention; a price and rooms are compared whole."""
    return refused.group == mention.group and dict(refused.values) == dict(mention.values)


def markers(tokens: Tokens) -> list[int]:
    """Where corrections begin."""
    found = [start for start, _ in _MARKERS.find(tokens, used=True)]
    found += [at for at in range(1, len(tokens)) if _is_interjected_no(tokens, at)]
    return sorted(found)


def _is_interjected_no(tokens: Tokens, at: int) -> bool:
    """«…, нет, за 12»: a «нет» between marks, not «ремонта нет» or «или нет»."""
    if tokens.low(at) not in ("нет", "не") or tokens.low(at - 1) in ("или", "такой", "там", "пока"):
        return False
    before, after = tokens[at - 1], tokens.low(at + 1)
    if tokens.low(at) == "не":
        return False
    return (
        (before.kind == "mark" or before.low in ("а", "хотя", "ой", "блин"))
        and (
            after in (",", "-", ".", "не", "лучше", "за", "до", "в", "давай", "все")
            or before.kind == "mark"
        )
        and at + 1 < len(tokens)
        and after not in ("?", "!")
    )


def merged(mentions: Iterable[Mention], group: str) -> dict[str, Any]:
    """The slots of the first mention of a group."""
    return next((dict(mention.values) for mention in mentions if mention.group == group), {})
