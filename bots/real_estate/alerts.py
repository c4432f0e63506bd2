"""Tells of new and cheaper flats, and keeps this replica up to date with the others."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError

from bots.real_estate import texts, wording
from bots.real_estate.listing_import import ListingImport
from bots.real_estate.listings.keeping import Alert
from bots.real_estate.valuation.appraiser import Appraiser
from services.errors import ServiceError

logger = logging.getLogger(__name__)

ALERT_PAUSE = 0.05  # Telegram bears 30 messages a second
CHECK_INTERVAL = 20.0  # seconds; a new valuation model is in use everywhere within a minute


async def send_alerts(bot: Bot, listing_import: ListingImport) -> None:
    """Send what waits, from this import or from one that a crash cut short."""
    async for alert in listing_import.alerts():
        await _send(bot, alert)


async def _send(bot: Bot, alert: Alert) -> None:
    search = wording.understood(alert.slots).removeprefix("Я понял: ").rstrip(".")
    text = texts.ALERTS[alert.kind].format(
        count=alert.total, search=search, lines=wording.flat_list(alert.listings)
    )
    try:
        await bot.send_message(alert.chat_id, text)
    except TelegramAPIError as error:  # one who blocked the bot mustn't stop the others' alerts
        logger.info("an alert wasn't delivered: %s", type(error).__name__)
    await asyncio.sleep(ALERT_PAUSE)


class MarketWatch:
    """Looks every few seconds for a newer valuation model and for alerts that wait."""

    def __init__(
        self, appraiser: Appraiser, listing_import: ListingImport, interval: float = CHECK_INTERVAL
    ) -> None:
        self._appraiser = appraiser
        self._listing_import = listing_import
        self._interval = interval
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, bot: Bot) -> None:
        self._task = asyncio.create_task(self._run(bot))

    async def aclose(self) -> None:
        """Stop after the alert that is being sent: it is written down as sent already."""
        self._stopped.set()
        if self._task:
            await asyncio.wait({self._task})

    async def _run(self, bot: Bot) -> None:
        while not self._stopped.is_set():
            try:
                await self._appraiser.refresh()
                async for alert in self._listing_import.alerts():
                    await _send(bot, alert)
                    if self._stopped.is_set():
                        break
            except ServiceError as error:  # the database is away: the next round tries again
                logger.warning("the market wasn't looked at: %s", type(error).__name__)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._interval)
