"""«Любой этаж», «цена не важна»: the slots that a message takes back."""

from __future__ import annotations

from bots.real_estate.understanding.phrases import phrases, words
from bots.real_estate.understanding.tokens import Tokens

_ANY = phrases(
    """любой, не важен|важный|важно|важна, неважно|неважный|неважен, без разница, все равно, не имеет значение, не принципиален|принципиальный|принципиально,
    убери|убрать, сними|снимите, без ограничение, не ограничен, не ограничивать"""
)
_FILLERS = words("фильтр по какой какая какие тут мне вообще - на за в с количество число сколько")
_SLOTS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (words("этаж"), ("floor", "floors_total", "floor_min", "floor_max", "not_first_floor", "not_last_floor")),
    (words("цена бюджет стоимость ценник"), ("price_min", "price_max")),
    (words("площадь метраж"), ("area_min", "area_max")),
    (words("район"), ("district", "metro")),
    (words("метро станция"), ("metro", "metro_minutes")),
    (words("ремонт отделка"), ("renovation",)),
    (words("комната комнатность"), ("rooms",)),
    (words("город"), ("city", "district", "metro")),
    (words("дом"), ("house_type",)),
    (words("улица жк"), ("words",)),
)  # fmt: skip


def read_cleared(tokens: Tokens) -> frozenset[str]:
    """The slots that may be anything now; their words are used up."""
    cleared: set[str] = set()
    for start, end in list(_ANY.find(tokens)):
        for at in (_next(tokens, end, 1), _next(tokens, start - 1, -1)):
            slots = _slots_at(tokens, at)
            if slots:
                cleared.update(slots)
                tokens.use(min(start, at), max(end, at + 1))
                break
    return frozenset(cleared)


def _next(tokens: Tokens, at: int, step: int) -> int:
    """The first word from `at` on that isn't a filler, within the clause."""
    for _ in range(3):
        if not tokens.is_word(at) or tokens.low(at) not in _FILLERS:
            break
        at += step
    return at


def _slots_at(tokens: Tokens, at: int) -> tuple[str, ...]:
    if not tokens.is_word(at):
        return ()
    return next((slots for names, slots in _SLOTS if tokens.has_lemma(at, names)), ())
