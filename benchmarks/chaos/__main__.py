"""Breaks things under a working bot and counts what was lost: `python -m benchmarks.chaos`.

People ask through the playground's Bot API over real HTTP; a bot in processes of its own
answers with a model of fixed latency; in the middle a fault is made. An answer is lost when
it doesn't come within two minutes (more for a crowd), doubled when it comes twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bot_load import Answers, balancer, environment, model_server, start, stop
from playground import Playground, RateLimits
from tests.servers import Postgres, Redis, free_port

LATENCY = 1.0
PATIENCE = 120.0
SLOWEST = 20  # answers a second that a crowd may count on


@dataclass(slots=True)
class Scene:
    """A bot at work, and what a fault may lay hands on."""

    playground: Playground
    env: dict[str, str]
    folder: Path
    postgres: Postgres | None = None
    redis: Redis | None = None
    program: str = "edge"
    processes: list[Process] = field(default_factory=list)

    async def launch(self, **env: str) -> None:
        own = {"DATA_DIR": str(self.folder), **self.env, **env}
        self.processes.append(await start(self.program, own))

    async def kill(self, number: int = 0) -> None:
        process = self.processes.pop(number)
        process.send_signal(signal.SIGKILL)
        await process.wait()


Fault = Callable[[Scene], Awaitable[None]]


async def kill_9(scene: Scene) -> None:
    """kill -9 in mid-answer and restart"""
    await scene.kill()
    await scene.launch()


async def sigterm(scene: Scene) -> None:
    """SIGTERM in mid-answer and restart"""
    await stop(scene.processes.pop())
    await scene.launch()


async def database_gone(scene: Scene) -> None:
    """PostgreSQL killed, gone for 5 s, and back"""
    assert scene.postgres
    await asyncio.to_thread(scene.postgres.stop, signal.SIGQUIT)
    await asyncio.sleep(5)
    await asyncio.to_thread(scene.postgres.start)


async def redis_gone(scene: Scene) -> None:
    """Redis killed, gone for 5 s, and back"""
    assert scene.redis
    await asyncio.to_thread(scene.redis.stop, signal.SIGKILL)
    await asyncio.sleep(5)
    await asyncio.to_thread(scene.redis.start)


async def replica_dies(scene: Scene) -> None:
    """kill -9 of one of two replicas, which stays dead"""
    await scene.kill()


async def telegram_floods(scene: Scene) -> None:
    """Telegram: 429 with 10 s, 500, garbage and broken connections"""
    for kind in ("flood", "error", "garbage", "reset"):
        scene.playground.faults.inject(kind, times=5, retry_after=10)  # type: ignore[arg-type]


async def updates_repeat(scene: Scene) -> None:
    """Telegram sends the same updates again"""
    queue = scene.playground.world.updates
    taken = list(queue._updates)
    queue._updates.extend(taken)


async def second_poller(scene: Scene) -> None:
    """a second poller of the same bot"""
    await scene.launch()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(scene.processes[-1].wait(), 30)


async def nothing(scene: Scene) -> None:
    """a burst: everybody asks at once"""


@dataclass(frozen=True, slots=True)
class Scenario:
    fault: Fault
    shared: bool = False  # PostgreSQL and Redis
    replicas: int = 1
    webhook: bool = False
    crowd: int = 1  # times as many people


SCENARIOS = {
    "kill-9": Scenario(kill_9),
    "sigterm": Scenario(sigterm),
    "kill-9-webhook": Scenario(kill_9, webhook=True),
    "database-gone": Scenario(database_gone, shared=True),
    "redis-gone": Scenario(redis_gone, shared=True),
    "replica-dies": Scenario(replica_dies, shared=True, replicas=2, webhook=True),
    "poller-dies": Scenario(replica_dies, shared=True, replicas=2),
    "telegram-fails": Scenario(telegram_floods),
    "second-poller": Scenario(second_poller),
    "same-update-twice": Scenario(updates_repeat),
    "burst": Scenario(nothing, crowd=20),
}


async def play(scenario: Scenario, people: int, questions: int) -> str:
    """Ask, break in the middle, and say what became of the questions."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        playground = await stack.enter_async_context(
            Playground(limits=RateLimits(enabled=False), history=20)
        )
        model_url = await stack.enter_async_context(model_server(LATENCY))
        scene = Scene(playground, environment(playground, model_url), folder)
        stack.push_async_callback(stop_all, scene)
        if scenario.shared:
            scene.postgres = stack.enter_context(Postgres())
            scene.redis = stack.enter_context(Redis())
            scene.env |= {"DATABASE_URL": scene.postgres.url, "REDIS_URL": scene.redis.url}
        ports = [str(free_port()) for _ in range(scenario.replicas)]
        if scenario.webhook:
            scene.program = "edge-webhook"
            scene.env["WEBHOOK_URL"] = await stack.enter_async_context(balancer(ports))
            scene.env["WEB_PORT"] = ports[0]
        for port in ports:
            await scene.launch(**({"WEB_PORT": port} if scenario.webhook else {}))
        return await ask_all(scene, scenario, people * scenario.crowd, questions)


async def ask_all(scene: Scene, scenario: Scenario, people: int, questions: int) -> str:
    answers = Answers(scene.playground)
    crowd = [scene.playground.person(f"Человек {number}") for number in range(people)]
    if await answers.ask(crowd[0], "начало", timeout=PATIENCE) is None:
        return "the bot doesn't answer"
    answers.count.clear()
    patience = PATIENCE + people * questions / SLOWEST

    async def talk(number: int) -> None:
        for question in range(questions):
            await answers.ask(crowd[number], f"{number}-{question}.", timeout=patience)

    talks = asyncio.gather(*(talk(number) for number in range(people)))
    await asyncio.sleep(1.5 * LATENCY)
    await scenario.fault(scene)
    await talks
    await asyncio.sleep(2)
    asked, answered = people * questions, len(answers.count)
    doubled = sum(answers.count.values()) - answered
    return f"asked {asked:>5}  lost {asked - answered}  doubled {doubled}"


async def stop_all(scene: Scene) -> None:
    await asyncio.gather(*(stop(process) for process in scene.processes))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(SCENARIOS))
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--questions", type=int, default=4, help="of each person, in turn")
    args = parser.parse_args(argv)
    for name in args.scenarios or SCENARIOS:
        scenario = SCENARIOS[name]
        result = asyncio.run(play(scenario, args.people, args.questions))
        print(f"{name:<18} {result}  ({scenario.fault.__doc__})", flush=True)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
