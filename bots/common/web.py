"""The bot's HTTP server: /healthz, /metrics and Telegram's webhook."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from aiogram import Bot, Dispatcher
from aiogram.types import Update
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bots.common.config import BotSettings
from bots.common.intake import Intake
from services.env import missing

logger = logging.getLogger(__name__)

DEFAULT_PORT = 8081
CHECK_TIMEOUT = 2.0
MAX_CONNECTIONS = 100  # simultaneous ones from Telegram, the most that it allows
MAX_UPDATE_BYTES = 2**20
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105

_LONG_NUMBER = re.compile(rb"[0-9]{19}")

Check = Callable[[], Awaitable[None]]


class Web:
    """HTTP server of one bot; required for a webhook, optional with polling."""

    def __init__(self, settings: BotSettings, checks: Sequence[Check]) -> None:
        self._settings = settings
        self._checks = checks
        self.app = web.Application(client_max_size=MAX_UPDATE_BYTES)
        self.app.router.add_get("/healthz", self._health)
        self.app.router.add_get("/metrics", _metrics)
        self._runner = web.AppRunner(self.app, access_log=None)
        self.port = 0

    async def __aenter__(self) -> Web:
        await self._runner.setup()
        port = self._settings.web_port
        site = web.TCPSite(
            self._runner, self._settings.web_host, DEFAULT_PORT if port is None else port
        )
        await site.start()
        self.port = self._runner.addresses[0][1]
        logger.info("health and metrics: http://%s:%d", self._settings.web_host, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def receive(self, bot: Bot, dispatcher: Dispatcher, *, playground: bool = False) -> None:
        """Receive updates by webhook until SIGINT or SIGTERM.

        Raises ConfigError if WEBHOOK_URL, the public address, is not set; the playground needs
        none.
        """
        url = self._settings.webhook_url
        if url is None and not playground:
            raise missing("WEBHOOK_URL")
        path = (urlsplit(url).path if url else "") or "/webhook"
        webhook = Webhook(bot, dispatcher)
        self.app.router.add_post(path, webhook.on_update)
        stopping = _until_stopped()
        data = {"dispatcher": dispatcher, "bot": bot, **dispatcher.workflow_data}
        async with self:
            await dispatcher.emit_startup(**data)
            await bot.set_webhook(
                url or f"http://127.0.0.1:{self.port}{path}",
                secret_token=webhook.secret,
                allowed_updates=dispatcher.resolve_used_update_types(),
                max_connections=MAX_CONNECTIONS,
            )
            logger.info("receiving updates by webhook")
            await stopping.wait()
        # The server is closed, so no update can come in: finish those in flight.
        await dispatcher.emit_shutdown(**data)

    async def _health(self, _: web.Request) -> web.Response:
        try:
            await asyncio.wait_for(
                asyncio.gather(*(check() for check in self._checks)), CHECK_TIMEOUT
            )
        except Exception as error:  # noqa: BLE001  (a check may fail in any way)
            logger.warning("not healthy: %s", type(error).__name__)
            return web.json_response({"status": type(error).__name__}, status=503)
        return web.json_response({"status": "ok"})


class Webhook:
    """Receives updates from Telegram; acknowledges those that are written to the inbox."""

    def __init__(self, bot: Bot, dispatcher: Dispatcher) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._intake: Intake = dispatcher["intake"]
        self.secret = hashlib.sha256(f"webhook of {bot.token}".encode()).hexdigest()

    async def on_update(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.secret.encode()):
            return web.Response(status=401)
        if self._intake.journal.full:
            return web.Response(status=503, headers={"Retry-After": "1"})
        body = await request.read()
        if _has_huge_numbers(body):
            logger.error("ignored an update with an integer beyond 64 bits")
            return web.Response(status=400)
        try:
            update = Update.model_validate_json(body, context={"bot": self._bot})
            fresh = await self._intake.journal.record(update)
        except (ValueError, RecursionError) as error:
            # Telegram would send a refused update again for a day.
            logger.error("ignored a malformed update: %s", type(error).__name__)
            return web.Response()
        if fresh:
            self._intake.feed(self._bot, self._dispatcher, update)
        return web.Response()


def _has_huge_numbers(body: bytes) -> bool:
    """Whether any integer is beyond 64 bits, more than the database holds; text doesn't count."""
    if not _LONG_NUMBER.search(body):
        return False
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return False  # parsing the update reports it
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and abs(value) >= 2**63:
            return True
    return False


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _until_stopped() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(number, stopped.set)
    return stopped
