"""Draw pictures for answers: a map of flats, and the factors of an estimate.

Nothing comes from outside: a map is coordinates, metro lines and their stations.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bots.real_estate.flat import Flat
from bots.real_estate.listings.search import PAGE
from bots.real_estate.metro.network import Network, Station, load_networks
from bots.real_estate.valuation.appraisal import Appraisal
from services import native

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_BARS = 9
MOST_ON_A_MAP = 300
_MARGIN = 0.012  # degrees of latitude around the flats
_UP, _DOWN, _WHOLE, _GREY = "#2e8b57", "#c0504d", "#44546a", "#9aa5b1"
_WIDEST_LABEL = 30  # characters
_MOST_STATION_NAMES, _SURELY_NAMED = 30, 10
# In shares of a map's side: a letter of a station's name, the gap before it, a line's height.
_LETTER, _NAME_GAP, _NAME_HEIGHT = 0.0088, 0.012, 0.02
_LINE_POINTS = 10.5  # the same line's height in points
_NUMBER_STEP = 0.042  # between the numbers of flats in one place


@dataclass(frozen=True, slots=True)
class Pin:
    """A flat's place on a map; `exact` is False where only its station is known."""

    lat: float
    lon: float
    label: str = ""
    exact: bool = True
    main: bool = False


def draw_waterfall(appraisal: Appraisal) -> bytes:
    """How the factors lead from an average flat's price to this one's, as a PNG."""
    steps = _steps(appraisal)
    figure, axes = _canvas(7, 1.6 + 0.42 * (len(steps) + 2))
    names = ["средняя по базе", *(name for name, _ in steps), "оценка"]
    left = [0.0]
    widths, colours = [appraisal.base / 1e6], [_WHOLE]
    level = appraisal.base / 1e6
    for _, roubles in steps:
        change = roubles / 1e6
        left.append(min(level, level + change))
        widths.append(abs(change))
        colours.append(_UP if change > 0 else _DOWN)
        level += change
    left.append(0.0)
    widths.append(appraisal.price / 1e6)
    colours.append(_WHOLE)
    rows = range(len(names))
    axes.barh(rows, widths, left=left, color=colours, height=0.62)
    amounts = [appraisal.base, *(roubles for _, roubles in steps), appraisal.price]
    for row, amount in enumerate(amounts):
        signed = 0 < row < len(amounts) - 1
        text = f"{amount / 1e6:{'+' if signed else ''}.2f}".replace(".", ",").replace("-", "−")
        axes.annotate(
            text, (left[row] + widths[row], row), xytext=(4, 0), va="center", fontsize=9,
            textcoords="offset points",
        )  # fmt: skip
    axes.axvspan(appraisal.low / 1e6, appraisal.high / 1e6, color=_WHOLE, alpha=0.12, lw=0)
    axes.set_yticks(rows, [_short(name) for name in names])
    axes.invert_yaxis()
    _zoom(axes, left, widths, appraisal)
    axes.set_xlabel("млн ₽ (серая полоса — 80 % цен таких квартир)")
    axes.set_title("Из чего сложилась оценка")
    axes.grid(axis="x", alpha=0.3)
    return _png(figure)


def _steps(appraisal: Appraisal) -> list[tuple[str, int]]:
    """The largest factors, and the small ones together."""
    factors = sorted(appraisal.factors, key=lambda factor: -abs(factor.roubles))
    shown = [(factor.name, factor.roubles) for factor in factors[:MAX_BARS]]
    rest = sum(factor.roubles for factor in factors[MAX_BARS:])
    return [*shown, ("остальное", rest)] if rest else shown


def _zoom(axes: Axes, left: Sequence[float], widths: Sequence[float], appraisal: Appraisal) -> None:
    """Cut off what all bars have in common, or the changes would be slivers."""
    ends = [start + width for start, width in zip(left, widths, strict=True)]
    low = min([*left[1:-1], *ends, appraisal.low / 1e6])
    high = max([*ends, appraisal.high / 1e6])
    room = 0.12 * (high - low) or 1.0
    axes.set_xlim(max(0.0, low - room), high + 1.6 * room)


def pins_of(flats: Iterable[Flat], labels: Sequence[str] = ()) -> list[Pin]:
    """The places of flats: their coordinates, else their station's; the first have labels."""
    pins = []
    for index, flat in enumerate(flats):
        label = labels[index] if index < len(labels) else ""
        if flat.lat is not None and flat.lon is not None:
            pins.append(Pin(flat.lat, flat.lon, label))
        elif station := _station_of(flat):
            pins.append(Pin(station.lat, station.lon, label, exact=False))
    return pins


def _station_of(flat: Flat) -> Station | None:
    network = load_networks().get(flat.city or "")
    return network.find(flat.metro) if network and flat.metro else None


def draw_found(flats: Sequence[Flat], name: str) -> bytes | None:
    """What a search found; the first page is numbered as its list."""
    return draw_map(pins_of(flats, [str(number) for number in range(1, PAGE + 1)]), name[:70])


def draw_comparables(appraisal: Appraisal) -> bytes | None:
    """The flat and the listings that it was compared with, numbered as in the text."""
    flats = [item.flat for item in appraisal.comparables]
    numbers = [str(number) for number in range(1, len(flats) + 1)]
    own = [replace(pin, main=True) for pin in pins_of([appraisal.flat])]
    return draw_map([*own, *pins_of(flats, numbers)], "★ — твоя квартира, числа — похожие")


def draw_map(pins: Sequence[Pin], title: str) -> bytes | None:
    """The flats among metro lines and stations, as a PNG; None where no place is known."""
    pins = _one_city(pins[:MOST_ON_A_MAP])
    if not pins:
        return None
    south, north, west, east = _bounds(pins)
    stretch = math.cos(math.radians((south + north) / 2))
    figure, axes = _canvas(7.5, 7.5)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(1 / stretch)
    for network in load_networks().values():
        _draw_network(axes, network, (south, north, west, east), pins)
    for exact, marker in ((True, "o"), (False, "D")):
        plain = [pin for pin in pins if pin.exact is exact and not pin.label and not pin.main]
        axes.scatter(
            [p.lon for p in plain], [p.lat for p in plain], s=18, marker=marker, alpha=0.55,
            color="#1f77b4" if exact else "#ff7f0e", zorder=3, lw=0,
        )  # fmt: skip
    _draw_labelled(axes, [pin for pin in pins if pin.label or pin.main])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title)
    if any(not pin.exact for pin in pins):
        axes.set_xlabel(
            "◆ и пунктир — точного адреса нет, квартира стоит у своего метро", fontsize=8
        )
    return _png(figure)


def _draw_labelled(axes: Axes, pins: Sequence[Pin]) -> None:
    """Numbered flats; those in one place stand side by side."""
    seen: dict[tuple[float, float], int] = {}
    for pin in pins:
        place = round(pin.lat, 3), round(pin.lon, 3)
        shift = seen.get(place, 0)
        seen[place] = shift + 1
        axes.annotate(
            pin.label or "★", (pin.lon, pin.lat), xytext=(22 * shift, 0), ha="center", va="center",
            textcoords="offset points", fontsize=11 if pin.main else 9, color="white", zorder=5,
            bbox={
                "boxstyle": "round,pad=0.3", "fc": _DOWN if pin.main else "#1f4e79", "ec": "white",
                "ls": "-" if pin.exact else ":",
            },
        )  # fmt: skip


def _draw_network(
    axes: Axes,
    network: Network,
    bounds: tuple[float, float, float, float],
    pins: Sequence[Pin],
) -> None:
    south, north, west, east = bounds
    for names in network.lines.values():
        stations = [station for name in names if (station := network.find(name))]
        axes.plot(
            [item.lon for item in stations], [item.lat for item in stations], color=_GREY, lw=1.2,
            alpha=0.6, zorder=1,
        )  # fmt: skip
    inside = [
        item
        for item in network.stations.values()
        if south < item.lat < north and west < item.lon < east
    ]
    axes.scatter(
        [s.lon for s in inside],
        [s.lat for s in inside],
        s=14,
        color="white",
        edgecolor=_GREY,
        zorder=2,
    )
    inside.sort(key=lambda item: min(math.hypot(p.lat - item.lat, p.lon - item.lon) for p in pins))
    for station, spot in _named(inside, bounds, _number_boxes(pins, bounds)):
        shift = (-4 if spot.on_the_left else 4, 3 + _LINE_POINTS * spot.lines)
        axes.annotate(
            station.name, (station.lon, station.lat), xytext=shift,
            ha="right" if spot.on_the_left else "left", textcoords="offset points", fontsize=7,
            color="#555555", zorder=2, clip_on=True,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Box:
    """A rectangle in shares of a map's sides."""

    left: float
    right: float
    bottom: float
    top: float

    def overlaps(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a name stands beside its station; `lines` tells how far above it."""

    on_the_left: bool = False
    lines: int = 0


_SPOTS = tuple(_Spot(left, lines) for lines in (0, 1, -1, 2, -2) for left in (False, True))


def _named(
    stations: Sequence[Station],
    bounds: tuple[float, float, float, float],
    taken: Sequence[_Box] = (),
) -> list[tuple[Station, _Spot]]:
    """Stations whose names cover neither each other nor what is `taken`; the first come first.

    A name stands to the right of its station, or wherever else beside it there is room.
    """
    kept: list[tuple[Station, _Spot]] = []
    boxes = list(taken)
    for station in stations:
        if len(kept) == _MOST_STATION_NAMES:
            break
        # A name a line off may seem another station's: only those next to flats are worth it.
        for spot in _SPOTS if len(kept) < _SURELY_NAMED else _SPOTS[:2]:
            box = _name_box(station, bounds, spot)
            inside = box.left >= 0 and box.right <= 1
            if inside and not any(box.overlaps(other) for other in boxes):
                kept.append((station, spot))
                boxes.append(box)
                break
    return kept


def _name_box(station: Station, bounds: tuple[float, float, float, float], spot: _Spot) -> _Box:
    x, y = _share(station.lat, station.lon, bounds)
    y += spot.lines * _NAME_HEIGHT
    width = _NAME_GAP + _LETTER * len(station.name)
    left = x - width if spot.on_the_left else x
    return _Box(left, left + width, y - _NAME_HEIGHT / 2, y + _NAME_HEIGHT)


def _number_boxes(pins: Sequence[Pin], bounds: tuple[float, float, float, float]) -> list[_Box]:
    """Where the numbers of flats stand; those in one place stand side by side."""
    seen: dict[tuple[float, float], int] = {}
    boxes = []
    for pin in pins:
        if not (pin.label or pin.main):
            continue
        place = round(pin.lat, 3), round(pin.lon, 3)
        x, y = _share(pin.lat, pin.lon, bounds)
        x += _NUMBER_STEP * seen.get(place, 0)
        seen[place] = seen.get(place, 0) + 1
        half = _NUMBER_STEP / 2
        boxes.append(_Box(x - half, x + half, y - half, y + half))
    return boxes


def _share(
    lat: float, lon: float, bounds: tuple[float, float, float, float]
) -> tuple[float, float]:
    south, north, west, east = bounds
    return (lon - west) / (east - west), (lat - south) / (north - south)


def _one_city(pins: Sequence[Pin]) -> list[Pin]:
    """The pins near the first one: flats of two cities would make a map of nothing."""
    return [p for p in pins if abs(p.lat - pins[0].lat) < 1 and abs(p.lon - pins[0].lon) < 2]


def _bounds(pins: Sequence[Pin]) -> tuple[float, float, float, float]:
    lats, lons = [pin.lat for pin in pins], [pin.lon for pin in pins]
    middle_lat, middle_lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    stretch = math.cos(math.radians(middle_lat))
    half = max(max(lats) - min(lats), (max(lons) - min(lons)) * stretch) / 2 + _MARGIN
    return (
        middle_lat - half,
        middle_lat + half,
        middle_lon - half / stretch,
        middle_lon + half / stretch,
    )


def _short(name: str) -> str:
    return name if len(name) <= _WIDEST_LABEL else f"{name[: _WIDEST_LABEL - 1]}…"


def _canvas(width: float, height: float) -> tuple[Figure, Any]:
    with native.loading():  # half a second to import, and only pictures need it
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
