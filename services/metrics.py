"""Prometheus metrics of the models; a bot serves them under /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)

FIRST_TOKEN = Histogram(
    "model_first_token_seconds", "From the question to the first piece of text", buckets=_SECONDS
)
LAST_TOKEN = Histogram(
    "model_last_token_seconds", "From the question to the whole answer", buckets=_SECONDS
)
TOKENS = Counter("model_tokens", "Tokens of questions and answers", ["kind"])
REQUESTS_TAKEN_BACK = Counter(
    "model_requests_taken_back", "Requests that were asked again: more of the question came"
)
TOKENS_TAKEN_BACK = Counter("model_tokens_taken_back", "Tokens of those requests: spent twice")
ERRORS = Counter("errors", "What failed, by the type of the error", ["kind"])
LOCAL_ANSWERING = Gauge("local_model_slots_busy", "Slots of llama.cpp in which answers are written")
LOCAL_WAITING = Gauge("local_model_waiting", "Requests that wait for a slot of llama.cpp")
