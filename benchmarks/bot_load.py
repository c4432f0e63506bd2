"""What the shared edge costs: `python -m benchmarks.bot_load [--json]`.

Simulated chats write to a bot over real HTTP, through the playground's Bot API, and each waits
for its answer before it writes again. The model answers after a fixed time. Every set-up runs
in the same run as a bare aiogram bot that calls the same model through the same client.
A share of the questions is sent in two messages at once (`--pastes`): what the model is asked
twice because of that is `asked_twice`, as a share of all questions; their waits aren't counted.
Replicas get none: a balancer that knows no chats hands the two parts to different ones.
For memory over a long run: `--setups polling --updates 100000 --latency 0 --minutes 8`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from playground import Person, Playground, RateLimits
from playground.chats import Chat
from playground.errors import Json
from services.env import PROJECT_ROOT
from tests.servers import Postgres, Redis, free_port

SETUPS = ("bare", "polling", "webhook", "replicas")
START_TIMEOUT = 180.0
ANSWER_TIMEOUT = 120.0
PIECES = 8  # of a streamed answer
ANSWER = "Ответ на "
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Outcome:
    """What one set-up did with the questions."""

    seconds: float = 0.0
    cpu: float = 0.0
    rss_mb: float = 0.0
    waits: list[float] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    memory: list[float] = field(default_factory=list)
    asked: int = 0  # requests that the model got
    answered: int = 0

    def figures(self, latency: float, bare: Outcome) -> dict[str, float]:
        added = sorted((wait - latency) * 1000 for wait in self.waits)
        return {
            "updates_per_s": round(self.answered / self.seconds, 1),
            "cpu_ms": round(1000 * self.cpu_each, 2),
            "added_p50_ms": round(statistics.median(added), 1),
            "added_p99_ms": round(added[int(len(added) * 0.99)], 1),
            "cpu_vs_bare": round(self.cpu_each / bare.cpu_each, 2),
            "rss_mb": round(self.rss_mb, 1),
            "last_half_grew": round(self.growth, 4),
            "asked_twice": round(self.asked / self.answered - 1, 4) if self.answered else 0.0,
            "lost": self.lost,
            "doubled": self.doubled,
        }

    @property
    def cpu_each(self) -> float:
        """Seconds of the bots' CPU for one question."""
        return self.cpu / max(1, self.answered)

    @property
    def growth(self) -> float:
        """By what share memory grew in the last half of the run."""
        last_half = self.memory[len(self.memory) // 2 :]
        return last_half[-1] / last_half[0] - 1 if last_half else 0.0


@contextlib.asynccontextmanager
async def model_server(
    latency: float, longest: int | None = None, asked: Counter[str] | None = None
) -> AsyncIterator[str]:
    """An OpenAI-compatible server that says the question back after `latency` seconds.

    Of a question longer than `longest` characters it says the beginning. `asked` counts the
    requests.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        if asked is not None:
            asked["requests"] += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with contextlib.suppress(ConnectionError):  # who asked may be killed, or ask anew
            question = (await request.json())["messages"][-1]["content"]
            await response.prepare(request)
            text = f"{ANSWER}{question[:longest]}"
            size = -(-len(text) // PIECES)
            await stream(response, [text[at : at + size] for at in range(0, len(text), size)])
        return response

    async def stream(response: web.StreamResponse, pieces: Sequence[str]) -> None:
        for piece in pieces:
            await asyncio.sleep(latency / PIECES)
            await response.write(_event({"content": piece}))
        usage = {"prompt_tokens": 20, "completion_tokens": PIECES, "total_tokens": 20 + PIECES}
        await response.write(_event({}, "stop") + _event(None, usage=usage) + b"data: [DONE]\n\n")

    async with serving({"/v1/chat/completions": answer}) as url:
        yield f"{url}/v1"


def _event(delta: object, finish: str | None = None, usage: object = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "fixed"}
    return f"data: {json.dumps({**body, 'choices': choices, 'usage': usage})}\n\n".encode()


@contextlib.asynccontextmanager
async def balancer(ports: Sequence[int | str]) -> AsyncIterator[str]:
    """What stands before replicas: each request goes to the next one."""
    turns = itertools.cycle(ports)
    async with aiohttp.ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            url = f"http://127.0.0.1:{next(turns)}{request.path}"
            body = await request.read()
            try:
                async with session.post(url, data=body, headers=request.headers) as response:
                    return web.Response(status=response.status)
            except aiohttp.ClientError:
                return web.Response(status=502)

        async with serving({"/webhook": forward}) as url:
            yield f"{url}/webhook"


@contextlib.asynccontextmanager
async def serving(routes: dict[str, web.RequestHandler]) -> AsyncIterator[str]:  # type: ignore[type-arg]
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_post(path, handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def bots(
    kind: str, playground: Playground, model_url: str, folder: Path, **env: str
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """The processes of a set-up, ready to answer."""
    env = {**environment(playground, model_url), **env}
    programs: list[tuple[str, dict[str, str]]] = [("bare" if kind == "bare" else "edge", {})]
    if kind in ("webhook", "replicas"):
        ports = [free_port() for _ in range(1 if kind == "webhook" else 2)]
        programs = [("edge-webhook", {"WEB_PORT": str(port)}) for port in ports]
    async with contextlib.AsyncExitStack() as stack:
        if kind in ("webhook", "replicas"):
            env["WEBHOOK_URL"] = await stack.enter_async_context(balancer(ports))
        processes = []
        for number, (program, extra) in enumerate(programs):
            extra["DATA_DIR"] = str(folder / f"{kind}-{number}")
            process = await start(program, {**env, **extra})
            processes.append(process)
            stack.push_async_callback(stop, process)
        yield processes


def environment(playground: Playground, model_url: str) -> dict[str, str]:
    """What a bot needs to answer there; an empty value is none, whatever `.env` says."""
    return {
        "BOT_TOKEN": playground.token,
        "TELEGRAM_API_URL": playground.api_url,
        "LLM_BASE_URL": model_url,
        "LLM_MODEL": "fixed",
        "RATE_LIMIT_PER_MINUTE": "1000000",
        "OMP_NUM_THREADS": "1",
        **dict.fromkeys(("DATABASE_URL", "REDIS_URL", "WEB_PORT", "WEBHOOK_URL"), ""),
        **dict.fromkeys(("ALLOWED_USER_IDS", "DAILY_REQUESTS", "DAILY_TOKENS"), ""),
    }


async def start(program: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.edge_bot", program),
        cwd=PROJECT_ROOT,
        env={**os.environ, **env},
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 30)
    except TimeoutError:
        process.kill()
        await process.wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * 4096 / 2**20


class Answers:
    """Counts the answers that the bot's messages give, as they come."""

    def __init__(self, playground: Playground) -> None:
        self.count: Counter[str] = Counter()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._playground = playground
        playground.world.listeners.append(self._see)

    def _see(self, event: str, chat: Chat, body: Json) -> None:
        text = str(body.get("text", ""))
        if event != "message" or not text.startswith(ANSWER):
            return
        self.count[text] += 1
        waiting = self._waiting.get(text)
        if waiting and not waiting.done():
            waiting.set_result(None)

    async def ask(self, person: Person, *parts: str, timeout: float) -> float | None:
        """Seconds from a question to its answer; None when there was none in time."""
        question = "\n".join(parts)
        arrival = asyncio.get_running_loop().create_future()
        self._waiting[ANSWER + question] = arrival
        started = time.monotonic()
        for part in parts:
            person.private.post(part)
        try:
            await asyncio.wait_for(arrival, timeout)
        except TimeoutError:
            return None
        finally:
            del self._waiting[ANSWER + question]
        return time.monotonic() - started


async def load(
    playground: Playground,
    pids: Sequence[int],
    args: argparse.Namespace,
    asked: Counter[str],
    *,
    pastes: bool,
) -> Outcome:
    """Let people ask `args.updates` questions in all; each waits for its answer."""
    outcome, answers, updates = Outcome(), Answers(playground), args.updates
    people = [playground.person(f"Человек {number}") for number in range(args.chats)]
    every = round(1 / args.pastes) if pastes and args.pastes else 0
    for number in range(2 * len(pids)):  # every process has answered before the clock starts
        if await answers.ask(people[0], f"начало {number}", timeout=START_TIMEOUT) is None:
            raise SystemExit("the bot doesn't answer")
    answers.count.clear()
    asked.clear()
    questions = iter(range(updates))

    async def talk(person: Person) -> None:
        for number in questions:
            if time.monotonic() - started > args.minutes * 60:
                return
            whole = not every or number % every
            parts = [f"вопрос {number}."] if whole else [f"вопрос {number}", "в двух частях."]
            waited = await answers.ask(person, *parts, timeout=ANSWER_TIMEOUT)
            outcome.answered += waited is not None
            outcome.lost += waited is None
            if waited is not None and whole:
                outcome.waits.append(waited)
            if number % max(1, updates // 10) == 0:
                outcome.memory.append(round(sum(map(rss_mb, pids)), 1))

    cpu, started = sum(map(cpu_seconds, pids)), time.monotonic()
    await asyncio.gather(*(talk(person) for person in people))
    outcome.seconds = time.monotonic() - started
    await asyncio.sleep(1)  # an answer that is given twice may come late
    outcome.cpu = sum(map(cpu_seconds, pids)) - cpu
    outcome.rss_mb = sum(map(rss_mb, pids))
    outcome.asked = asked["requests"]
    outcome.doubled = sum(answers.count.values()) - len(answers.count)
    return outcome


async def measure(kind: str, args: argparse.Namespace) -> Outcome:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        env, asked = {}, Counter[str]()
        if kind == "replicas":
            env["DATABASE_URL"] = stack.enter_context(Postgres()).url
            env["REDIS_URL"] = stack.enter_context(Redis()).url
        async with (
            Playground(limits=RateLimits(enabled=False), history=20) as playground,
            model_server(args.latency, asked=asked) as model_url,
            bots(kind, playground, model_url, folder, **env) as processes,
        ):
            pids = [process.pid for process in processes]
            return await load(playground, pids, args, asked, pastes=kind in ("polling", "webhook"))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bot_load", description=__doc__)
    parser.add_argument("--chats", type=int, default=50, help="people at once (%(default)s)")
    parser.add_argument("--updates", type=int, default=2000, help="questions (%(default)s)")
    parser.add_argument("--latency", type=float, default=0.4, help="the model's, s (%(default)s)")
    parser.add_argument(
        "--pastes", type=float, default=0.005, help="share of questions in two parts (%(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=60, help="at most, each (%(default)s)")
    parser.add_argument("--setups", nargs="+", default=SETUPS, choices=SETUPS)
    parser.add_argument("--json", action="store_true", help="only the figures, as JSON")
    args = parser.parse_args(argv)
    outcomes: dict[str, Outcome] = {}
    for kind in dict.fromkeys(("bare", *args.setups)):
        outcomes[kind] = asyncio.run(measure(kind, args))
    figures = {kind: it.figures(args.latency, outcomes["bare"]) for kind, it in outcomes.items()}
    if args.json:
        print(json.dumps(figures, indent=2))
        return 0
    names = list(figures["bare"])
    print(f"{'':<10}", *(f"{name:>14}" for name in names))
    for kind, row in figures.items():
        print(f"{kind:<10}", *(f"{row[name]:>14}" for name in names))
    for kind, outcome in outcomes.items():
        each = 1000 * outcome.cpu_each
        print(f"{kind}: {each:.1f} ms of CPU an update; memory, MB: {outcome.memory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
