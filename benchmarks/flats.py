"""How long the flats' bot works: `python -m benchmarks.flats [--listings FILE] --json`.

Imports the listings into an empty store, trains the valuation, then times searches, for the
requests of `--cases` (format: see `benchmarks.extraction`), and estimates, each of a listed flat.
`longest_block_ms` is how long the event loop stood still at most while the import and the training
ran. Seconds and milliseconds are wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from bots.real_estate.dialogue import State, advance
from bots.real_estate.listings import Listing, ListingStore, search
from bots.real_estate.listings.importing import read_listings
from bots.real_estate.metro.network import warm_up
from bots.real_estate.understanding import read_turn
from bots.real_estate.valuation.appraiser import Appraiser
from services.storage import Database, StorageSettings

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "real_estate" / "sample.csv"
REQUESTS = (
    "двушка до 12 млн",
    "студия или однушка",
    "трёшка от 70 м², не первый этаж",
    "двушка до 20 млн, до Тверской не больше 40 минут",
    "до Маяковской не больше получаса на метро",
)
SEARCHES = 200
ESTIMATES = 200  # flats estimated one by one
TICK = 0.005  # seconds between looks at the clock


async def measure(
    listed: Sequence[Listing], requests: Sequence[str], *, valued: bool = True
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with Database.open(StorageSettings(data_dir=Path(folder))) as database:
            store = ListingStore(database)
            appraiser = Appraiser(store, Path(folder))
            watch = asyncio.create_task(longest_block())
            import_s = await timed(lambda: store.upsert(listed))
            train_s = await timed(appraiser.train) if valued else 0.0
            await asyncio.to_thread(warm_up)
            watch.cancel()
            wanted = [advance(State(), read_turn(text)) for text in requests]
            searches = await each(
                lambda state: search(store, state.slots, sort=state.sort),
                islice(cycle(wanted), SEARCHES),
            )
            flats = [listing.flat for listing in listed[: ESTIMATES if valued else 0]]
            estimates = await each(appraiser.appraise, flats)
            blocked = await watch
    return {
        "rows": len(listed),
        "import_s": round(import_s, 1),
        "train_s": round(train_s, 1),
        "longest_block_ms": round(1000 * blocked),
        **percentiles("search", searches),
        **(percentiles("estimate", estimates) if valued else {}),
    }


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def each(work: Callable[..., Awaitable[object]], items: Iterable[object]) -> list[float]:
    """Seconds that `work` takes for each of the items, one after another."""
    return [await timed(lambda item=item: work(item)) for item in items]


async def longest_block() -> float:
    """Until cancelled, watch the event loop; return its longest delay in seconds."""
    longest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            longest = max(longest, await timed(lambda: asyncio.sleep(TICK)) - TICK)
    return longest


def percentiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    return {
        f"{name}_p{percent}_ms": round(1000 * float(np.percentile(seconds, percent)), 1)
        for percent in (50, 95)
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=Path, default=SAMPLE, help="CSV, TSV or XLSX")
    parser.add_argument("--cases", type=Path, help="requests to search by, JSON lines")
    parser.add_argument("--search-only", action="store_true", help="neither train nor estimate")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args(argv)
    requests: Sequence[str] = REQUESTS
    if arguments.cases:
        lines = arguments.cases.read_text(encoding="utf-8").splitlines()
        requests = [json.loads(line)["text"] for line in lines if line]
    path: Path = arguments.listings
    listed = read_listings(path.name, path.read_bytes()).listings
    report = asyncio.run(measure(listed, requests, valued=not arguments.search_only))
    print(json.dumps(report, indent=None if arguments.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
