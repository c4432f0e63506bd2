"""CPU that a request costs: our GigaChat client, raw aiohttp, and the official SDK.

All three post the same JSON to the same loopback server, which runs in a process of its
own; they take turns within each round, and what counts is the ratio inside a round.

    python -m benchmarks.gigachat_client            # a table
    python -m benchmarks.gigachat_client --json     # one object
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import aiohttp
from gigachat import GigaChat

from services.chat import Message
from services.env import read_settings
from services.gigachat import GigaChatModel, GigaChatSettings

MESSAGES = [
    Message("system", "Ты — собеседник. Отвечай кратко и по делу."),
    Message("user", "Расскажи, чем отличаются река и ручей, и приведи два примера. " * 4),
]
WORDS = 100  # an answer's chunks
ROOT = Path(__file__).resolve().parent.parent

Ask = Callable[[], Awaitable[int]]  # one request; returns how many characters came


class Load(NamedTuple):
    name: str
    concurrency: int
    requests: int
    stream: bool = False


LOADS = (
    Load("complete_1", 1, 100),
    Load("complete_16", 16, 320),
    Load("complete_64", 64, 640),
    Load("stream_16", 16, 48, stream=True),
)


class Client(NamedTuple):
    name: str
    complete: Ask
    stream: Ask


def wire_request(stream: bool) -> dict[str, object]:
    messages = [{"role": item.role, "content": item.content} for item in MESSAGES]
    return {"model": "GigaChat", "messages": messages, **({"stream": True} if stream else {})}


@asynccontextmanager
async def our_client(settings: GigaChatSettings) -> AsyncIterator[Client]:
    async with GigaChatModel(settings) as model:

        async def complete() -> int:
            return len((await model.complete(MESSAGES)).text)

        async def stream() -> int:
            size = 0
            async with aclosing(model.stream(MESSAGES)) as chunks:
                async for chunk in chunks:
                    size += len(chunk.text)
            return size

        yield Client("ours", complete, stream)


@asynccontextmanager
async def raw_client(settings: GigaChatSettings) -> AsyncIterator[Client]:
    url = f"{settings.api_url}/chat/completions"
    async with aiohttp.ClientSession() as session:
        key = settings.client_basic.get_secret_value()
        async with session.post(
            settings.auth_url,
            data={"scope": settings.scope},
            headers={
                "Authorization": f"Basic {key}",
                "RqUID": "6f0b1291-c7f3-43c6-bb2e-9f3efb2dc98e",
            },
        ) as response:
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        async def complete() -> int:
            async with session.post(url, json=wire_request(False), headers=headers) as response:
                return len((await response.json())["choices"][0]["message"]["content"])

        async def stream() -> int:
            size = 0
            async with session.post(url, json=wire_request(True), headers=headers) as response:
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        delta = json.loads(line[6:])["choices"][0]["delta"]
                        size += len(delta.get("content") or "")
            return size

        yield Client("aiohttp", complete, stream)


@asynccontextmanager
async def sdk_client(settings: GigaChatSettings) -> AsyncIterator[Client]:
    async with GigaChat(
        credentials=settings.client_basic.get_secret_value(),
        base_url=settings.api_url,
        auth_url=settings.auth_url,
        timeout=120,
        verify_ssl_certs=False,
    ) as sdk:

        async def complete() -> int:
            return len((await sdk.achat(wire_request(False))).choices[0].message.content)

        async def stream() -> int:
            size = 0
            async for chunk in sdk.astream(wire_request(False)):
                size += len(chunk.choices[0].delta.content or "")
            return size

        yield Client("sdk", complete, stream)


async def cpu_per_request(ask: Ask, load: Load) -> float:
    """Seconds of this process's CPU for each request, `load.concurrency` of them at a time."""
    left = load.requests

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await ask() > WORDS

    gc.collect()
    start = time.process_time()
    await asyncio.gather(*(worker() for _ in range(load.concurrency)))
    return (time.process_time() - start) / load.requests


async def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU per request by load and client, a number for each round."""
    settings = read_settings(GigaChatSettings).model_copy(update={"max_parallel": 64})
    async with (
        our_client(settings) as ours,
        raw_client(settings) as raw,
        sdk_client(settings) as sdk,
    ):
        clients = [ours, raw, sdk]
        seconds: dict[str, dict[str, list[float]]] = {
            load.name: {client.name: [] for client in clients} for load in LOADS
        }
        for number in range(-1, rounds):
            for load in LOADS:
                for client in clients[number % 3 :] + clients[: number % 3]:
                    ask = client.stream if load.stream else client.complete
                    cost = await cpu_per_request(ask, load)
                    if number >= 0:  # the round before the first one warms up
                        seconds[load.name][client.name].append(cost)
        return seconds


def share(ours: list[float], other: list[float]) -> float:
    return median(mine / theirs for mine, theirs in zip(ours, other, strict=True))


@contextmanager
def loopback_server() -> Iterator[None]:
    """The server of the tests in a process of its own; its variables come into ours."""
    answer = " ".join(["слово"] * WORDS)
    command = [sys.executable, "-m", "tests.fakes.gigachat", "--answer", answer]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            for _ in range(3):
                name, value = server.stdout.readline().strip().split("=", 1)
                os.environ[name] = value
            yield
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with loopback_server():
        seconds = asyncio.run(measure(arguments.rounds))
    shares = {
        name: {
            "cpu_vs_aiohttp": round(share(costs["ours"], costs["aiohttp"]), 3),
            "cpu_vs_sdk": round(share(costs["ours"], costs["sdk"]), 3),
        }
        for name, costs in seconds.items()
    }
    if arguments.json:
        print(json.dumps(shares))
        return
    print("CPU per request, ms (medians)      ours   aiohttp       sdk   vs aiohttp   vs sdk")
    for name, costs in seconds.items():
        ms = [median(costs[client]) * 1000 for client in ("ours", "aiohttp", "sdk")]
        vs_raw, vs_sdk = shares[name].values()
        print(f"{name:<30}" + "".join(f"{v:10.2f}" for v in ms) + f"{vs_raw:13.2f}{vs_sdk:9.3f}")


if __name__ == "__main__":
    main()
