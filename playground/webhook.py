"""Webhook delivery: POST updates to the bot, in order within a chat."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from playground.errors import ApiError, Json
from playground.params import Params
from playground.updates import Update, UpdateQueue

_TIMEOUT = 60.0
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

Answer = Callable[[str, Params], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Target:
    """The URL, the secret and the number of connections of a webhook."""

    url: str
    secret: str = ""
    max_connections: int = 40


class Webhook:
    """Delivers the queue to a target while one is set."""

    def __init__(self, updates: UpdateQueue) -> None:
        self._updates = updates
        self._delivery: asyncio.Task[None] | None = None
        self.target: Target | None = None
        self.last_error = ""
        self.last_error_at = 0
        self.answer: Answer | None = None

    def set(self, target: Target) -> None:
        self.stop()
        self.target = target
        self.last_error = ""
        self.last_error_at = 0
        self._delivery = asyncio.get_running_loop().create_task(self._deliver(target))

    def stop(self) -> None:
        if self._delivery:
            self._delivery.cancel()
        self._delivery = None
        self.target = None
        self._updates.put_back()

    async def aclose(self) -> None:
        delivery = self._delivery
        self.stop()
        if delivery:
            await asyncio.gather(delivery, return_exceptions=True)

    async def _deliver(self, target: Target) -> None:
        """Take updates out as they come; chats go side by side, each in its own order."""
        lines: defaultdict[int, deque[Update]] = defaultdict(deque)
        slots = asyncio.Semaphore(target.max_connections)
        running: set[asyncio.Task[None]] = set()
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                while True:
                    update = await self._updates.take()
                    line = lines[update.chat_id]
                    line.append(update)
                    if len(line) == 1:
                        task = asyncio.create_task(self._serve(session, target, lines, line, slots))
                        running.add(task)
                        task.add_done_callback(running.discard)
            finally:
                for task in list(running):
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _serve(
        self,
        session: aiohttp.ClientSession,
        target: Target,
        lines: dict[int, deque[Update]],
        line: deque[Update],
        slots: asyncio.Semaphore,
    ) -> None:
        while line:
            async with slots:
                await self._send(session, target, line[0])
            update = line.popleft()
            self._updates.delivered(update)
            if not line:
                lines.pop(update.chat_id, None)

    async def _send(self, session: aiohttp.ClientSession, target: Target, update: Update) -> None:
        """POST an update until it is taken."""
        attempt = 0
        while not await self._post(session, target, update):
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1

    async def _post(self, session: aiohttp.ClientSession, target: Target, update: Update) -> bool:
        headers = {"Content-Type": "application/json"}
        if target.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = target.secret
        body = update.body.encode("utf-8", "surrogatepass")
        try:
            async with session.post(target.url, data=body, headers=headers) as response:
                if response.status // 100 != 2:
                    self._failed(
                        f"Wrong response from the webhook: {response.status} {response.reason}"
                    )
                    return False
                await self._run_reply(response)
                return True
        except TimeoutError:
            self._failed("Read timeout expired")
        except aiohttp.ClientError:
            self._failed("Connection failed")
        return False

    def _failed(self, reason: str) -> None:
        self.last_error = reason
        self.last_error_at = int(time.time())

    async def _run_reply(self, response: aiohttp.ClientResponse) -> None:
        """Run the method call that a webhook may answer with; its result goes nowhere."""
        try:
            values = await _read_reply(response)
            name = str(values.pop("method", "")).lower()
            if name and self.answer:
                await self.answer(name, Params(values, {}))
        except (ApiError, ValueError) as error:
            self._failed(f"Wrong method call in the webhook's reply: {error}")

    def info(self) -> Json:
        target = self.target
        body: Json = {
            "url": target.url if target else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates),
        }
        if target:
            body["max_connections"] = target.max_connections
            body["ip_address"] = "127.0.0.1"
        if self.last_error:
            body["last_error_date"] = self.last_error_at
            body["last_error_message"] = self.last_error
        if self._updates.allowed:
            body["allowed_updates"] = sorted(self._updates.allowed)
        return body


async def _read_reply(response: aiohttp.ClientResponse) -> Json:
    if response.content_type == "application/json":
        text = await response.text()
        try:
            body = json.loads(text or "{}")
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}
    if response.content_type.startswith("multipart/"):
        values: Json = {}
        async for part in aiohttp.MultipartReader.from_response(response):
            if isinstance(part, aiohttp.BodyPartReader) and part.name and not part.filename:
                values[part.name] = await part.text()
        return values
    return {}
