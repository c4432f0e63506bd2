"""Mutations of recorded replies: every field, every kind of damage, in a seeded order."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Json = Any
Path = tuple[str | int, ...]

# What stands in for a field; an int alone would miss what lists, nulls and sizes break.
VALUES: tuple[Json, ...] = (
    *(None, True, False, 0, -1, 7, 2**63, 10**30, 1.5, float("inf"), float("nan")),
    *("", "x", "stop", "error", "\x00", "\ud83d", "я" * 5000),
    *([], [None], ["stop"], [[]], [{}], {}, {"a": 1}, {"text": "x"}, [1] * 5000),
)


def paths(value: Json, at: Path = ()) -> Iterator[Path]:
    """The way to every field and item of a JSON value, the value itself included."""
    yield at
    inside: Iterator[tuple[Any, Json]] = iter(())
    if isinstance(value, dict):
        inside = iter(value.items())
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, item in inside:
        yield from paths(item, (*at, key))


def replaced(value: Json, path: Path, new: Json) -> Json:
    if not path:
        return new
    value = copy.deepcopy(value)
    target = value
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = new
    return value


def removed(value: Json, path: Path) -> Json:
    value = copy.deepcopy(value)
    target = value
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return value


def doubled(value: Json, path: Path) -> Json:
    """The value with one more of a list's items, or with a field that nobody knows."""
    value = copy.deepcopy(value)
    target = value
    for step in path:
        target = target[step]
    if isinstance(target, list):
        target.extend(copy.deepcopy(target))
    elif isinstance(target, dict):
        target["x_unknown"] = copy.deepcopy(target)
    return value


def mutate(value: Json, chance: random.Random) -> tuple[Json, Path]:
    """Damage one field; return the value and the way to the field."""
    path = chance.choice(list(paths(value)))
    kind = chance.random()
    if kind < 0.75 or not path:
        return replaced(value, path, chance.choice(VALUES)), path
    if kind < 0.9:
        return removed(value, path), path
    return doubled(value, path), path


def mutate_stream(events: list[Json], chance: random.Random) -> tuple[list[Json], int]:
    """Damage one event, or the order; return the events and how many are whole before it."""
    at = chance.randrange(len(events))
    kind = chance.random()
    if kind < 0.7:
        return [*events[:at], mutate(events[at], chance)[0], *events[at + 1 :]], at
    if kind < 0.8:
        return [*events[:at], *events[at + 1 :]], at
    if kind < 0.9:
        return [*events[: at + 1], copy.deepcopy(events[at]), *events[at + 1 :]], at
    other = list(events)
    chance.shuffle(other)
    same = next((n for n, (a, b) in enumerate(zip(other, events, strict=True)) if a != b), at)
    return other, same


def encode(value: Json) -> bytes:
    """JSON as servers write it; half a surrogate pair stays an escape."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body))]
