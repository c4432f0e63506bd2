"""CPU that a request costs: our GigaChat client, raw aiohttp, and the official SDK.

All three post the same JSON to the same loopback server, which runs in a process of its
own, by both versions of the chat API; they take turns within each round, and what counts is
the ratio inside a round.

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
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

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
Version = Literal["v1", "v2"]
MODELS: dict[Version, str] = {"v1": "GigaChat", "v2": "GigaChat-3-Ultra"}


class Load(NamedTuple):
    name: str
    concurrency: int
    requests: int
    stream: bool = False
    version: Version = "v1"


LOADS = (
    Load("complete_1", 1, 100),
    Load("complete_16", 16, 320),
    Load("complete_64", 64, 640),
    Load("stream_16", 16, 48, stream=True),
    Load("v2_complete_1", 1, 100, version="v2"),
    Load("v2_complete_16", 16, 320, version="v2"),
    Load("v2_complete_64", 64, 640, version="v2"),
    Load("v2_stream_16", 16, 48, stream=True, version="v2"),
)


class Way(NamedTuple):
    """One version of the API as a client asks by it."""

    complete: Ask
    stream: Ask


class Client(NamedTuple):
    name: str
    ways: dict[Version, Way]

    def ask(self, load: Load) -> Ask:
        way = self.ways[load.version]
        return way.stream if load.stream else way.complete


def wire_request(version: Version, stream: bool) -> dict[str, object]:
    messages: list[dict[str, object]] = [
        {
            "role": item.role,
            "content": item.content if version == "v1" else [{"text": item.content}],
        }
        for item in MESSAGES
    ]
    return {"model": MODELS[version], "messages": messages, **({"stream": True} if stream else {})}


def our_way(model: GigaChatModel) -> Way:
    async def complete() -> int:
        return len((await model.complete(MESSAGES)).text)

    async def stream() -> int:
        size = 0
        async with aclosing(model.stream(MESSAGES)) as chunks:
            async for chunk in chunks:
                size += len(chunk.text)
        return size

    return Way(complete, stream)


@asynccontextmanager
async def our_client(settings: GigaChatSettings) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        ways = {}
        for version, name in MODELS.items():
            model = GigaChatModel(settings.model_copy(update={"model": name}))
            ways[version] = our_way(await stack.enter_async_context(model))
        yield Client("ours", ways)


def raw_way(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], version: Version
) -> Way:
    def text_of(event: dict[str, Any]) -> str:
        if version == "v1":
            return event["choices"][0]["delta"].get("content") or ""
        parts = event["messages"][0]["content"] if "messages" in event else ()
        return "".join(part["text"] for part in parts)

    async def complete() -> int:
        body = wire_request(version, False)
        async with session.post(url, json=body, headers=headers) as response:
            reply = await response.json()
        if version == "v1":
            return len(reply["choices"][0]["message"]["content"])
        return len(reply["messages"][0]["content"][0]["text"])

    async def stream() -> int:
        size = 0
        body = wire_request(version, True)
        async with session.post(url, json=body, headers=headers) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    size += len(text_of(json.loads(line[6:])))
        return size

    return Way(complete, stream)


@asynccontextmanager
async def raw_client(settings: GigaChatSettings) -> AsyncIterator[Client]:
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
        ways = {}
        for version in MODELS:
            url = settings.model_copy(update={"api_version": version}).chat_url
            ways[version] = raw_way(session, url, headers, version)
        yield Client("aiohttp", ways)


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
            return len((await sdk.achat(wire_request("v1", False))).choices[0].message.content)

        async def stream() -> int:
            size = 0
            async for chunk in sdk.astream(wire_request("v1", False)):
                size += len(chunk.choices[0].delta.content or "")
            return size

        async def complete_v2() -> int:
            reply = await sdk.achat.create(wire_request("v2", False))
            return len(reply.messages[0].content[0].text)

        async def stream_v2() -> int:
            size = 0
            async for chunk in sdk.achat.stream(wire_request("v2", False)):
                for message in chunk.messages or ():
                    size += sum(len(part.text or "") for part in message.content)
            return size

        yield Client("sdk", {"v1": Way(complete, stream), "v2": Way(complete_v2, stream_v2)})


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
                    cost = await cpu_per_request(client.ask(load), load)
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
