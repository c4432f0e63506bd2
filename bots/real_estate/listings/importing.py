"""One's own listings from CSV, TSV or XLSX: columns recognised, rows checked, people left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bots.real_estate.flat import FLAT_FIELDS, Flat
from bots.real_estate.listings.columns import REQUIRED, match_columns
from bots.real_estate.listings.store import Listing
from bots.real_estate.listings.values import (
    floor_of_storeys,
    read_description,
    read_link,
    read_text,
    read_value,
)
from services import sandbox
from services.sandbox import Refused as ImportRefused
from services.spreadsheet import MAX_BYTES, MAX_CELL, read_rows

__all__ = ["MAX_BYTES", "ImportPreview", "ImportRefused", "read_listings", "read_untrusted"]

PROGRESS_EVERY = 1000
MAX_ERRORS = 1000  # rows that are told of; the rest are counted
SECONDS, MEGABYTES = 90, 1500  # that reading one file may take
_TOO_HARD = (
    "Файл слишком сложный: не прочитал его в отведённые время и память. "
    "Оставь один лист без оформления и сохрани как CSV UTF-8."
)
_UNREADABLE = "Файл не читается. Открой его в Excel и сохрани как CSV UTF-8."


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one row; rows are numbered as a spreadsheet does."""

    row: int
    message: str


@dataclass(slots=True)
class ImportPreview:
    """What a file holds: listings that can be taken, and what can't.

    `errors` are the first ones, `bad_rows` is how many there are.
    """

    columns: dict[str, str] = field(default_factory=dict)
    personal: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    bad_rows: int = 0


async def read_untrusted(
    name: str,
    content: bytes,
    *,
    source: str | None = None,
    demo: bool = False,
    keep_personal: bool = False,
) -> ImportPreview:
    """`read_listings` in a process that is killed when it takes too long. Raises ImportRefused."""
    try:
        return await sandbox.run(
            _read, name, content, source, demo, keep_personal, seconds=SECONDS, megabytes=MEGABYTES
        )
    except sandbox.SandboxError as error:
        raise ImportRefused(_UNREADABLE if error.reason == "crash" else _TOO_HARD) from error


def _read(
    name: str, content: bytes, source: str | None, demo: bool, keep_personal: bool
) -> ImportPreview:
    return read_listings(name, content, source=source, demo=demo, keep_personal=keep_personal)


def read_listings(
    name: str,
    content: bytes,
    *,
    source: str | None = None,
    demo: bool = False,
    keep_personal: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
) -> ImportPreview:
    """Read a file of our own; bad rows are told, good ones returned. Raises ImportRefused."""
    rows = read_rows(name, content)
    columns = match_columns([str(cell or "").strip() for cell in next(rows, [])])
    preview = ImportPreview(
        columns.fields, [] if keep_personal else list(columns.personal), list(columns.unknown)
    )
    for number, row in enumerate(rows, start=2):
        if number % PROGRESS_EVERY == 0:
            progress(number)
        try:
            if values := _pick(row, columns.places):
                preview.listings.append(_listing(values, source or name, demo, keep_personal))
        except ValueError as error:
            preview.bad_rows += 1
            if len(preview.errors) < MAX_ERRORS:
                preview.errors.append(RowError(number, str(error)))
    return preview


def _pick(row: Sequence[Any], places: dict[str, int]) -> dict[str, Any]:
    """A row's cells by field, without the empty ones."""
    values = {
        name: row[at] for name, at in places.items() if at < len(row) and row[at] not in (None, "")
    }
    for name, value in values.items():
        if isinstance(value, str) and len(value) > MAX_CELL:
            raise ValueError(f"{name}: длиннее {MAX_CELL} знаков")
    return values


def _listing(values: dict[str, Any], source: str, demo: bool, keep_personal: bool) -> Listing:
    flat: dict[str, Any] = {}
    if pair := floor_of_storeys(values.get("floor")):
        values = {**values, "floor": pair[0], "floors_total": values.get("floors_total", pair[1])}
    for name in FLAT_FIELDS:
        if name in values:
            flat[name] = read_value(name, values[name], keep_personal=keep_personal)
    for name, label in REQUIRED.items():
        if flat.get(name) is None:
            raise ValueError(f"нет поля «{label}»")
    floor, storeys = flat.get("floor"), flat.get("floors_total")
    if floor and storeys and floor > storeys:
        raise ValueError(f"этаж {floor} выше этажности {storeys}")
    own_source = read_text(values.get("source", ""), keep_personal=keep_personal)
    return Listing(
        Flat(**flat),
        source=own_source or source,
        url=read_link(values.get("url")),
        photo=read_link(values.get("photo")),
        description=read_description(values.get("description"), keep_personal=keep_personal),
        demo=demo,
    )
