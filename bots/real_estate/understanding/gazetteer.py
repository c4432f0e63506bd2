"""Place names in any case of Russian, found in free text.

The names stand in data/real_estate/places.txt. Every name is declined once with
pymorphy3, so that «на Беговой» is the station Беговая and never the district Беговой.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from bots.real_estate.understanding.morphology import analyzer, plain
from bots.real_estate.understanding.spelling import Spelling
from services.env import SHIPPED_DATA

PLACES = SHIPPED_DATA / "real_estate" / "places.txt"
PlaceKind = Literal["city", "okrug", "district", "metro"]
MIN_MENDED = 6  # letters; shorter names have too many neighbours
CASES = ("gent", "datv", "accs", "ablt", "loct")
# Endings in the cases above. Adjectives decline by rule: pymorphy can't know every name.
_ENDINGS = (
    ("ая", ("ой", "ой", "ую", "ой", "ой")),
    ("яя", ("ей", "ей", "юю", "ей", "ей")),
    ("ний", ("него", "нему", "ний", "ним", "нем")),
    ("ый", ("ого", "ому", "ый", "ым", "ом")),
    ("ий", ("ого", "ому", "ий", "им", "ом")),
    ("ой", ("ого", "ому", "ой", "ым", "ом")),
    ("ое", ("ого", "ому", "ое", "ым", "ом")),
    ("ее", ("его", "ему", "ее", "им", "ем")),
    ("ые", ("ых", "ым", "ые", "ыми", "ых")),
    ("ие", ("их", "им", "ие", "ими", "их")),
    *((stem + "о", (stem + "а", stem + "у", stem + "о", stem + "ом", stem + "е"))
      for stem in ("ин", "ов", "ев", "ен")),
)  # fmt: skip
_HEADS = ("парк", "площадь", "проспект", "улица", "бульвар", "шоссе", "двигатель", "библиотека")


@dataclass(frozen=True, slots=True)
class Place:
    """A name as a listing has it; `city` is empty for a city itself."""

    kind: PlaceKind
    name: str
    city: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A place that a form of words may mean; `nominative` when the form is the name itself."""

    place: Place
    nominative: bool


class Gazetteer:
    """Every known form of every known place; hyphens count as spaces."""

    def __init__(self, lines: list[str]) -> None:
        self._readings: dict[str, list[Reading]] = defaultdict(list)
        self._forms: dict[str, tuple[str, ...]] = {}
        for place, spelling in _read_places(lines):
            self._add(place, spelling)
        self.longest = max(form.count(" ") + 1 for form in self._readings)
        self.words = frozenset(word for form in self._readings for word in form.split())
        self._spelling = Spelling({word for word in self.words if len(word) >= MIN_MENDED})

    def readings(self, form: str) -> list[Reading]:
        """What `form`, in lower case without ё, may mean."""
        return self._readings.get(form.replace("-", " "), [])

    def cities_of(self, kind: PlaceKind, name: str) -> frozenset[str]:
        """The cities that have a district or a station of this name; empty for an unknown one."""
        kinds = ("district", "okrug") if kind == "district" else (kind,)
        return frozenset(
            reading.place.city
            for reading in self.readings(plain(name))
            if reading.place.kind in kinds and reading.nominative
        )

    def mend(self, word: str) -> str | None:
        """The word of a place's name that an unknown word misspells."""
        return self._spelling.mend(word) if len(word) >= MIN_MENDED else None

    def _add(self, place: Place, spelling: str) -> None:
        base = plain(spelling)
        self._put(base, Reading(place, True))
        for form in self._declined(base):
            self._put(form, Reading(place, form == base))
            first, _, second = form.partition(" ")
            if place.kind == "district" and second and " " not in second:  # «Бутово Южное»
                self._put(f"{second} {first}", Reading(place, form == base))

    def _put(self, form: str, reading: Reading) -> None:
        known = self._readings[form.replace("-", " ")]
        if all(other.place != reading.place for other in known):
            known.append(reading)

    def _declined(self, name: str) -> Iterator[str]:
        """`name` in the oblique cases; only the words that agree with its head change."""
        parts = re.split(r"([ -])", name)
        for changing in _changing_words(parts):
            tables = [
                self._cached_forms(part) if index in changing else (part,) * len(CASES)
                for index, part in enumerate(parts)
            ]
            yield from ("".join(forms) for forms in zip(*tables, strict=True))

    def _cached_forms(self, word: str) -> tuple[str, ...]:
        if word not in self._forms:
            self._forms[word] = self._word_forms(word)
        return self._forms[word]

    def _word_forms(self, word: str) -> tuple[str, ...]:
        for ending, oblique in _ENDINGS:
            if word.endswith(ending) and len(word) > 4:
                return tuple(word[: -len(ending)] + end for end in oblique)
        parses = [p for p in analyzer().parse(word) if "nomn" in p.tag and "NOUN" in p.tag]
        chosen = next((p for p in parses if "Geox" in p.tag), parses[0] if parses else None)
        if chosen is None:
            return (word,) * len(CASES)
        forms = [chosen.inflect({case}) for case in CASES]
        return tuple(plain(form.word) if form else word for form in forms)


def _changing_words(parts: list[str]) -> Iterator[set[int]]:
    """Which parts of a name decline together; two ways where people do both."""
    words = [index for index, part in enumerate(parts) if part not in (" ", "-")]
    if len(words) == 1 or parts[words[0]] in _HEADS or "на" in parts:
        yield {words[0]}
        return
    yield set(words)
    if "-" in parts:
        yield {words[-1]}
    yield {index for index in words if not parts[index].endswith("о")}  # «в Южном Бутово»


def _read_places(lines: list[str]) -> Iterator[tuple[Place, str]]:
    """Each place with each of its spellings."""
    kind, city = "city", ""
    for line in (raw.split("#")[0].strip() for raw in lines):
        if line.startswith("["):
            kind, _, city = line.strip("[]").partition(" ")
            continue
        names, _, aliases = line.partition("=")
        spelt = [name.strip() for name in names.split(",") if name.strip()]
        for name in spelt:
            yield Place(kind, name, city), name  # type: ignore[arg-type]
        for alias in filter(None, (alias.strip() for alias in aliases.split(","))):
            yield Place(kind, spelt[-1], city), alias  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def load_gazetteer(path: Path = PLACES) -> Gazetteer:
    """Read and decline the places once for the process."""
    return Gazetteer(path.read_text(encoding="utf-8").splitlines())
