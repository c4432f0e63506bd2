"""What a save costs as the memory file grows, and what of it the event loop feels.

python -m benchmarks.chat_memory --sessions 1000 --messages 100
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from cli.history_chat.session_file import MemoryFile
from cli.history_chat.sessions import Session, dump_session

SENTENCE = "Это обычное сообщение в разговоре о погоде, походах и поездах. "
Results = dict[str, list[tuple[float, float]]]

TICK = 0.005  # seconds between the beats of the event loop


def make_session(number: int, messages: int) -> Session:
    session = Session(model_name="GigaChat")
    for turn in range(messages // 2):
        session.add("user", f"{number}.{turn} {SENTENCE}")
        session.add("assistant", SENTENCE * 3)
    return session


async def feel(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds that the work took, and the longest that the event loop stood still."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - before - TICK)

    heart = asyncio.create_task(beat())
    await asyncio.sleep(TICK)
    start = time.perf_counter()
    await work()
    took = time.perf_counter() - start
    heart.cancel()
    return took, longest


def write_sessions(path: Path, sessions: int, messages: int) -> None:
    made = [make_session(number, messages) for number in range(sessions)]
    data = [json.loads(dump_session(session)) for session in made]
    path.write_text(json.dumps({"schema_version": 2, "sessions": data}), encoding="utf-8")
    MemoryFile(path).save(made[0])  # from now on the file has our form


async def measure(path: Path, saves: int) -> Results:
    ours, others = MemoryFile(path), MemoryFile(path)
    results = {"start": [await feel(lambda: asyncio.to_thread(ours.heads))]}
    session = ours.open(ours.heads()[0].session_id)
    results["save"] = []
    results["save after another program's"] = []
    for _ in range(saves):
        session.add("user", SENTENCE)
        results["save"].append(await feel(lambda: asyncio.to_thread(ours.save, session)))
        others.save(make_session(-1, 2))
        results["save after another program's"].append(
            await feel(lambda: asyncio.to_thread(ours.save, session))
        )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--saves", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.json"
        write_sessions(path, arguments.sessions, arguments.messages)
        results = asyncio.run(measure(path, arguments.saves))
        size = path.stat().st_size / 1e6
    table = {
        name: {
            "took": round(median(took for took, _ in pairs), 3),
            "loop_blocked": round(max(blocked for _, blocked in pairs), 3),
        }
        for name, pairs in results.items()
    }
    if arguments.json:
        print(json.dumps({"megabytes": round(size, 1), **table}))
        return
    print(f"{size:.1f} MB                     seconds (median)   loop blocked (worst)")
    for name, row in table.items():
        print(f"{name:<30}{row['took']:>14.3f}{row['loop_blocked']:>20.3f}")


if __name__ == "__main__":
    main()
