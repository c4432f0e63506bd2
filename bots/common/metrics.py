"""Metrics of the Telegram side; those of the models are in `services.metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

UPDATES = Counter("telegram_updates", "Updates that were handled, by their type", ["kind"])
REPEATED = Counter("telegram_updates_repeated", "Updates that came again and were dropped")
QUEUE = Gauge("telegram_updates_in_work", "Updates that are recorded and not yet handled")
TURNS = Gauge("turns", "Messages that are being answered or wait for their turn")
FLOOD_WAITS = Counter("telegram_flood_waits", "Answers 429 from Telegram")
PASTE_PARTS = Counter(
    "paste_parts", "Parts that joined or were refused; answers begun anew", ["kind"]
)
LOOP_LAG = Histogram(
    "event_loop_lag_seconds",
    "How much later than asked for the event loop ran a timer",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LOOP_LAG_MAX = Gauge("event_loop_lag_max_seconds", "The longest lag of the last minute")
