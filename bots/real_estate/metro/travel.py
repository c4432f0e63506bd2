"""The time from a flat's door to a station: the walk to the metro, then the ride."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bots.real_estate.flat import Flat
from bots.real_estate.metro.network import Network, Station, load_networks, networks_with
from bots.real_estate.request import Slots
from bots.real_estate.understanding.morphology import plain


@dataclass(frozen=True, slots=True)
class Target:
    """A station as flats of `city` ride to it; the city may be a suburb of the metro's own."""

    city: str
    network: Network
    station: Station

    @property
    def rides(self) -> Mapping[str, int]:
        """Whole minutes of the ride from each station."""
        return self.network.rides(self.station)


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a station; more than one city may have a station of its name."""

    name: str
    targets: Sequence[Target]

    def minutes(self, flat: Flat) -> int | None:
        """Whole minutes from the flat's door; None where its metro or the walk is unknown."""
        if flat.metro is None or flat.metro_min is None:
            return None
        city, metro = plain(flat.city or ""), plain(flat.metro).strip()
        for target in self.targets:
            if city == target.city and metro in target.rides:
                return round(flat.metro_min) + target.rides[metro]
        return None


def way_of(slots: Slots) -> Way | None:
    """The way that a request names; None where no map has its station."""
    if slots.travel_to is None:
        return None
    found = networks_with(slots.travel_to)
    if slots.city in load_networks():
        found = [item for item in found if item[0].city == slots.city]
    elif slots.city and len(found) > 1:
        return None  # which of the cities a suburb rides to isn't known
    targets = [
        Target(plain(slots.city or network.city), network, station) for network, station in found
    ]
    return Way(found[0][1].name, targets) if found else None
