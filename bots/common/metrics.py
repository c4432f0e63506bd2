"""What an operator watches of the Telegram side; the model's side is in `services.metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

UPDATES = Counter("telegram_updates", "Updates that were handled, by their type", ["kind"])
REPEATED = Counter("telegram_updates_repeated", "Updates that came again and were dropped")
QUEUE = Gauge("telegram_updates_in_work", "Updates that are written down and not yet handled")
TURNS = Gauge("turns", "Messages that are being answered or wait for their turn")
FLOOD_WAITS = Counter("telegram_flood_waits", "Answers 429 from Telegram")
