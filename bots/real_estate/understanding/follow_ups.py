"""What only a talk gives sense to: «а подешевле?», «похожие до 15 млн», «сравни первые три»."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bots.real_estate.understanding.phrases import words
from bots.real_estate.understanding.tokens import Tokens

Shift = Literal["cheaper", "dearer", "larger", "smaller"]
MAX_COMPARED = 4
_SHIFTS: tuple[tuple[Shift, frozenset[str]], ...] = (
    ("cheaper", words("подешевле дешевле дешевше бюджетнее недорогие")),
    ("dearer", words("подороже дороже")),
    ("larger", words("побольше попросторнее просторнее")),
    ("smaller", words("поменьше покомпактнее компактнее")),
)
_SIMILAR = words("похожий аналогичный подобный")
_COMPARE = words("сравнить сравни сравните сравнивать")
_FIRST_PLURAL = ("первые", "первых", "верхние")
_WINDOW = 6


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A wish about what was just shown; `compared` are places in the list, from 1."""

    shift: Shift | None = None
    similar: bool = False
    compared: tuple[int, ...] = ()


NO_FOLLOW_UP = FollowUp()


def read_follow_up(tokens: Tokens) -> FollowUp:
    compared = _compared(tokens)
    if compared:
        return FollowUp(compared=compared)
    similar = any(not _SIMILAR.isdisjoint(token.lemmas) for token in tokens)
    counted = any(token.value is not None for token in tokens)
    shift = next(
        (name for name, forms in _SHIFTS if any(token.low in forms for token in tokens)), None
    )
    return FollowUp(None if counted else shift, similar)


def _compared(tokens: Tokens) -> tuple[int, ...]:
    """The places named after «сравни»: «первые три», «первую и третью», «1 и 3»."""
    at = next(
        (index for index, token in enumerate(tokens) if not _COMPARE.isdisjoint(token.lemmas)), None
    )
    if at is None:
        return ()
    after = range(at + 1, min(len(tokens), at + 1 + _WINDOW))
    numbers = [int(tokens[index].value or 0) for index in after if tokens[index].value is not None]
    if any(tokens.low(index) in _FIRST_PLURAL for index in after):
        count = numbers[-1] if len(numbers) > 1 or tokens.low(at + 1) == "верхние" else 3
        return tuple(range(1, min(max(count, 2), MAX_COMPARED) + 1))
    places = sorted({number for number in numbers if 1 <= number <= 99})
    return tuple(places[:MAX_COMPARED]) if len(places) > 1 else ()
