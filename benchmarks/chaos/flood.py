"""Let people flood a bot and measure how long others wait: `python -m benchmarks.chaos.flood`.

A bot in a process of its own answers over real HTTP, with a model of fixed latency and the
usual rate limit. First others ask one question after another while nobody else writes. Then
they ask again while many people forward hundreds of messages each: half of them short ones,
half of them parts of the longest allowed size. The figure is by how much the median and the
longest wait grew.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.bot_load import Answers, environment, model_server, rss_mb, start, stop
from playground import Person, Playground, RateLimits

LATENCY = 0.4  # seconds that the model takes
START_TIMEOUT = 180.0
ANSWER_TIMEOUT = 120.0
SHORT, LONG = "пересланное сообщение", "я" * 4096


async def flood(person: Person, messages: int, seconds: float, text: str) -> None:
    """Send `messages` in portions of a hundred, as Telegram forwards them, over `seconds`."""
    portions = [range(messages)[at : at + 100] for at in range(0, messages, 100)]
    pause = seconds / len(portions)
    offset = random.uniform(0, pause)
    for portion in portions:
        await asyncio.sleep(offset)
        for _ in portion:
            person.private.post(text)
            await asyncio.sleep(0)
        await asyncio.sleep(pause - offset)


class Innocents:
    """Asks one question after another, each of a new person, and keeps how long each waited."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self._answers = Answers(playground)
        self._numbers = itertools.count()

    async def wait_for_start(self) -> None:
        person = self._playground.person("Первый")
        if await self._answers.ask(person, "начало.", timeout=START_TIMEOUT) is None:
            raise SystemExit("the bot doesn't answer")

    async def ask(self, count: int, pause: float) -> list[float]:
        waits = []
        for _ in range(count):
            number = next(self._numbers)
            person = self._playground.person(f"Сосед {number}")
            wait = await self._answers.ask(person, f"вопрос {number}.", timeout=ANSWER_TIMEOUT)
            waits.append(ANSWER_TIMEOUT if wait is None else wait)
            await asyncio.sleep(pause)
        return waits


async def measure(args: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="flood-") as folder:
        async with (
            Playground(limits=RateLimits(enabled=False), history=20) as playground,
            model_server(LATENCY, longest=200) as model_url,
        ):
            env = environment(playground, model_url)
            env |= {"RATE_LIMIT_PER_MINUTE": "20", "DATA_DIR": str(Path(folder))}
            process = await start("edge", env)
            try:
                innocents = Innocents(playground)
                await innocents.wait_for_start()
                quiet = await innocents.ask(args.questions, 0.05)
                flooded = await flooded_waits(playground, innocents, args)
                memory = rss_mb(process.pid)
            finally:
                await stop(process)
    return {**figures(quiet, flooded), "rss_mb": round(memory, 1)}


async def flooded_waits(
    playground: Playground, innocents: Innocents, args: argparse.Namespace
) -> list[float]:
    texts: Iterator[str] = itertools.cycle((SHORT, LONG))
    floods = [
        asyncio.create_task(
            flood(playground.person(f"Шумный {number}"), args.messages, args.seconds, next(texts))
        )
        for number in range(args.people)
    ]
    await asyncio.sleep(0.2)
    waits: list[float] = []
    while not all(task.done() for task in floods):
        waits += await innocents.ask(1, 0.05)
    await asyncio.gather(*floods)
    return waits


def figures(quiet: Sequence[float], flooded: Sequence[float]) -> dict[str, float]:
    def milliseconds(seconds: float) -> float:
        return round(seconds * 1000, 1)

    added = [wait - statistics.median(quiet) for wait in flooded]
    return {
        "questions": len(flooded),
        "quiet_p50_ms": milliseconds(statistics.median(quiet)),
        "flooded_p50_ms": milliseconds(statistics.median(flooded)),
        "added_p50_ms": milliseconds(statistics.median(added)),
        "added_max_ms": milliseconds(max(added)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos.flood", description=__doc__)
    parser.add_argument("--people", type=int, default=50, help="who flood (%(default)s)")
    parser.add_argument("--messages", type=int, default=220, help="of each (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of flooding (%(default)s)")
    parser.add_argument("--questions", type=int, default=20, help="before it (%(default)s)")
    parser.add_argument("--json", action="store_true", help="only the figures, as JSON")
    args = parser.parse_args(argv)
    result = asyncio.run(measure(args))
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        print("  ".join(f"{name} {value}" for name, value in result.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
