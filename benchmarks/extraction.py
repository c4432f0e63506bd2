"""Measure how well requests are understood: `python -m benchmarks.extraction --cases FILE --json`.

A case is a line of JSON: {"id", "text", "expected": {"intent", slots...}}. Without `--backend`
the rules are measured, with it a model on its own, and with `--with-rules` both: the model is
asked only where the rules leave something open.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bots.real_estate.understanding import ParsedMessage, read_turn
from bots.real_estate.understanding.model import read_with_model
from services.backends import BACKENDS, Backend, open_chat_model
from services.chat import ChatModel
from services.env import load_env

FIELDS = (
    "city", "district", "metro", "rooms", "area_min", "area_max", "price_min", "price_max",
    "floor", "floors_total", "not_first_floor", "renovation",
)  # fmt: skip
Prediction = dict[str, Any]
MODEL_TIMEOUT = 60.0
_WARM_UP = "однушка"  # a bot's model is loaded before its first request


def equal(field: str, expected: Any, got: Any) -> bool:
    """Prices within 0.5 %, areas within half a metre, words in any case, ё as е."""
    if expected is None or got is None:
        return expected is got
    if field == "rooms":
        return sorted(expected) == sorted(got)
    if field.startswith("area"):
        return abs(expected - got) <= 0.5
    if field.startswith("price"):
        return abs(expected - got) <= 0.005 * expected
    if isinstance(expected, str):
        return _plain(expected) == _plain(str(got))
    return bool(expected == got)


def score(cases: Sequence[dict[str, Any]], predictions: Sequence[Prediction]) -> dict[str, float]:
    """Shares in percent; slots count where the expected intent isn't "other"."""
    hits = wrong = missed = intents = exact = 0
    for case, got in zip(cases, predictions, strict=True):
        expected = case["expected"]
        right = got["intent"] == expected["intent"]
        intents += right
        for field in FIELDS if expected["intent"] != "other" else ():
            wanted, value = expected[field], got.get(field)
            if wanted is not None and value is not None and equal(field, wanted, value):
                hits += 1
                continue
            wrong += value is not None
            missed += wanted is not None
            right = right and wanted is None and value is None
        exact += right
    precision, recall = hits / (hits + wrong or 1), hits / (hits + missed or 1)
    total = len(cases) or 1
    values = {
        "intent": intents / total,
        "slot_p": precision,
        "slot_r": recall,
        "slot_f1": 2 * precision * recall / ((precision + recall) or 1),
        "exact": exact / total,
    }
    return {name: round(100 * value, 1) for name, value in values.items()}


def mistakes(case: dict[str, Any], got: Prediction) -> list[str]:
    """What is wrong in one case, a line each."""
    expected = case["expected"]
    fields = ("intent", *(FIELDS if expected["intent"] != "other" else ()))
    return [
        f"{case['id']} {field}: {expected[field]!r}, but got {got.get(field)!r} | {case['text']}"
        for field in fields
        if not equal(field, expected[field], got.get(field))
    ]


def predict_by_rules(text: str) -> Prediction:
    turn = read_turn(text)
    return {"intent": turn.intent, **turn.slots}


async def predict_with_model(
    model: ChatModel, texts: Sequence[str], *, with_rules: bool
) -> tuple[list[Prediction], list[float]]:
    """What the model reads, by the function that the bot forces it to call, and its seconds.

    With the rules it hears only the texts that they leave something open in.
    """
    predictions, seconds = [], []
    for text in texts:
        read = read_turn(text) if with_rules else ParsedMessage("other", open=text)
        if not read.sure:
            started = time.perf_counter()
            read = await read_with_model(model, text, read, timeout=MODEL_TIMEOUT)
            seconds.append(time.perf_counter() - started)
        predictions.append({"intent": read.intent, **read.slots})
    return predictions, seconds


async def measure_model(
    backend: Backend, name: str | None, texts: Sequence[str], *, with_rules: bool
) -> tuple[list[Prediction], dict[str, float]]:
    """The predictions, how many texts the model heard, and how long it took."""
    load_env()
    model = open_chat_model(backend, name)
    try:
        await read_with_model(model, _WARM_UP, ParsedMessage("other", open=_WARM_UP), timeout=600)
        predictions, seconds = await predict_with_model(model, texts, with_rules=with_rules)
    finally:
        await model.aclose()
    ordered = sorted(seconds) or [0.0]
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return predictions, {"asked": len(seconds), "p95_s": round(p95, 2)}


def _plain(text: str) -> str:
    return text.casefold().replace("ё", "е")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="JSON lines with the requests")
    parser.add_argument("--backend", choices=BACKENDS, help="measure a model instead of the rules")
    parser.add_argument("--model", help="the model of that service")
    parser.add_argument(
        "--with-rules", action="store_true", help="ask the model only what the rules leave open"
    )
    parser.add_argument("--json", action="store_true", help="print figures only, as JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(argv)
    cases = [json.loads(line) for line in arguments.cases.read_text("utf-8").splitlines() if line]
    texts = [case["text"] for case in cases]
    asked: dict[str, float] = {}
    if arguments.backend:
        predictions, asked = asyncio.run(
            measure_model(
                arguments.backend, arguments.model, texts, with_rules=arguments.with_rules
            )
        )
    else:
        predictions = [predict_by_rules(text) for text in texts]
    if not arguments.json:
        for case, got in zip(cases, predictions, strict=True):
            for line in mistakes(case, got):
                print(line)
    print(json.dumps({**score(cases, predictions), **asked}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
