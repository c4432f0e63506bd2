"""Stations, lines and shortest rides, read from data/real_estate/metro*.

A platform is a station on one line; a transfer joins platforms. Minutes are computed from
distances and averages, as metro.toml tells: they are no timetable.
"""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from bots.real_estate.understanding.morphology import plain
from services import native
from services.env import SHIPPED_DATA

FOLDER = SHIPPED_DATA / "real_estate"
Platform = tuple[str, str]  # station, line


@dataclass(frozen=True, slots=True)
class Station:
    """A station by name, whatever lines it is on."""

    city: str
    name: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Network:
    """One city's metro: `edges` are minutes between platforms, in both directions."""

    city: str
    stations: Mapping[str, Station]
    lines: Mapping[str, tuple[str, ...]]
    edges: Mapping[tuple[Platform, Platform], float]
    aliases: Mapping[str, str]
    _rides: dict[str, dict[str, int]] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> Station | None:
        """The station that a listing or a user calls so."""
        key = plain(name).strip()
        return self.stations.get(self.aliases.get(key, key))

    def rides(self, target: Station) -> dict[str, int]:
        """Whole minutes from each station, by its plain name and by its aliases."""
        key = plain(target.name)
        if key not in self._rides:
            self._rides[key] = self._shortest(key)
        return self._rides[key]

    def minutes(self, start: Station, target: Station) -> int:
        return self.rides(target)[plain(start.name)]

    def _shortest(self, target: str) -> dict[str, int]:
        with native.loading():
            import numpy as np
            from scipy.sparse import coo_array
            from scipy.sparse.csgraph import dijkstra

        platforms = sorted({platform for edge in self.edges for platform in edge})
        number = {platform: index for index, platform in enumerate(platforms)}
        rows, columns = zip(*((number[a], number[b]) for a, b in self.edges), strict=True)
        shape = (len(platforms), len(platforms))
        tenths = [round(10 * minutes) for minutes in self.edges.values()]  # sums stay exact
        graph = coo_array((tenths, (rows, columns)), shape).tocsr()
        ends = [index for (name, _), index in number.items() if plain(name) == target]
        distances = dijkstra(graph, directed=False, indices=ends, min_only=True)
        nearest: dict[str, float] = defaultdict(lambda: np.inf)
        for (name, _), value in zip(platforms, distances, strict=True):
            nearest[plain(name)] = min(nearest[plain(name)], float(value))
        found = {name: round(value / 10) for name, value in nearest.items() if value < np.inf}
        return found | {alias: found[name] for alias, name in self.aliases.items() if name in found}


@lru_cache(maxsize=1)
def load_networks(folder: Path = FOLDER) -> Mapping[str, Network]:
    """The networks by city, read once for the process."""
    settings = tomllib.loads((folder / "metro.toml").read_text(encoding="utf-8"))
    with (folder / "metro_stations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        city: _build(city, [row for row in rows if row["city"] == city], settings)
        for city in settings["cities"]
    }


def warm_up() -> None:
    """Read the networks and load what computes rides, so that no request waits for it."""
    for network in load_networks().values():
        network.rides(next(iter(network.stations.values())))


def networks_with(name: str) -> list[tuple[Network, Station]]:
    """The cities that have a station of this name."""
    found = ((network, network.find(name)) for network in load_networks().values())
    return [(network, station) for network, station in found if station]


def _build(city: str, rows: Sequence[Mapping[str, str]], settings: Mapping[str, Any]) -> Network:
    stations: dict[str, Station] = {}
    lines: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        station = Station(city, row["station"], float(row["lat"]), float(row["lon"]))
        stations.setdefault(plain(station.name), station)
        lines[row["line"]].append(station.name)
    own = settings["cities"][city]
    platforms = {_platform(row) for row in rows}
    edges = {}
    for before, row in pairwise(rows):
        if before["line"] == row["line"]:
            edges[_platform(before), _platform(row)] = float(row["minutes"])
    for pair in _transfers(platforms, own):
        ring = settings["ring"] in (pair[0][1], pair[1][1])
        edges[pair] = settings["ring_transfer" if ring else "transfer"]
    aliases = {plain(alias): plain(name) for alias, name in own["aliases"].items()}
    return Network(
        city, stations, {name: tuple(names) for name, names in lines.items()}, edges, aliases
    )


def _platform(row: Mapping[str, str]) -> Platform:
    """A branch of a line («Филёвская, ветка») shares the line's platforms."""
    return row["station"], row["line"].partition(",")[0]


def _transfers(
    platforms: set[Platform], city: Mapping[str, Any]
) -> Iterator[tuple[Platform, Platform]]:
    names = {name for name, _ in platforms} - set(city["apart"])
    hubs = [[name] for name in sorted(names)] + city["transfers"]
    for hub in hubs:
        joined = sorted({platform for name in hub for platform in _named(name, platforms)})
        yield from ((a, b) for a, b in combinations(joined, 2) if a[1] != b[1])


def _named(name: str, platforms: Iterable[Platform]) -> list[Platform]:
    station, _, line = name.partition(" / ")
    return [item for item in platforms if item[0] == station and line in ("", item[1])]
