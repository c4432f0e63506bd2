"""Measure speech recognition.

    python -m benchmarks.voice --cases FOLDER [--json]

FOLDER holds the recordings and cases.jsonl, a JSON object a line: `{"file": ..., "text": ...}`.
`wer` is the share of wrong words in per cent; numbers count the same as words and as digits,
ё as е, and neither case nor punctuation counts. `rtf` is the time of a recognition by the
length of the recording; `p50_s` the median time. `flats` are the texts that ask for a flat, and
`same_filters` those whose recording gives the same filters. `loop_lag_p99_ms` is how late the
event loop runs its timers meanwhile. The engine is that of STT_MODEL (default: the embedded
one), with the hints of all bots.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pymorphy3 import MorphAnalyzer

from bots.real_estate.understanding import read_turn
from bots.registry import BOTS
from services.env import load_env, read_settings
from services.errors import ConfigError
from services.media.config import SpeechSettings
from services.media.hypotheses import distance
from services.media.speech import NotUnderstood, Speech, open_speech

_SMALL = """
ноль нуль|один первый|два второй|три третий|четыре четвертый|пять пятый|шесть шестой
семь седьмой|восемь восьмой|девять девятый|десять десятый|одиннадцать одиннадцатый
двенадцать двенадцатый|тринадцать|четырнадцать|пятнадцать|шестнадцать|семнадцать
восемнадцать|девятнадцать
"""
_TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"
_HUNDREDS = "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот"
_NUMBERS = {
    **{
        lemma: value
        for value, lemmas in enumerate(re.split(r"[|\n]", _SMALL.strip()))
        for lemma in lemmas.split()
    },
    **{lemma: 10 * value for value, lemma in enumerate(_TENS.split(), 2)},
    **{lemma: 100 * value for value, lemma in enumerate(_HUNDREDS.split(), 1)},
}
LAG_INTERVAL = 0.01  # seconds between looks at the event loop
_SHORT = {"млн": "миллион", "тыс": "тысяча", "руб": "рубль"}


@lru_cache(maxsize=1)
def _dictionary() -> MorphAnalyzer:
    return MorphAnalyzer()


def words(text: str) -> list[str]:
    """What counts of a text: words, and numbers as digits whichever way they are written."""
    counted: list[str] = []
    room = 0  # what may still be added to the number before: «пятьдесят» takes up to nine
    for word in re.findall(r"\w+|[^\w\s]", text.lower().replace("ё", "е")):
        if not word[0].isalnum():
            room = 0  # «двадцать, пять» are two numbers
            continue
        lemma = _dictionary().parse(word)[0].normal_form.replace("ё", "е")
        value = _NUMBERS.get(lemma)
        if value is None:
            short = _SHORT.get(word, word)
            counted.append(_SHORT.get(word) or (lemma if lemma in _SHORT.values() else short))
            room = 0
        elif 0 < value < room:
            counted[-1] = str(int(counted[-1]) + value)
            room = 10 if 20 <= value < 100 else 0
        else:
            counted.append(str(value))
            room = 100 if value >= 100 else 10 if value >= 20 else 0
    return counted


def filters(text: str) -> tuple[str, dict[str, Any]] | None:
    """What a request for a flat asks for; None for any other text."""
    message = read_turn(text)
    return (message.intent, dict(message.slots)) if message.intent != "other" else None


def hints() -> str:
    modules = [import_module(f"bots.{spec.name}.texts") for spec in BOTS]
    return " ".join(module.VOICE_HINTS for module in modules)


async def measure(speech: Speech, folder: Path) -> dict[str, Any]:
    lines = (folder / "cases.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines if line.strip()]
    recordings = [(folder / case["file"]).read_bytes() for case in cases]
    await _hear(speech, recordings[0])  # loads the model
    took, lengths, wrong, errors, total = [], [], [], 0, 0
    flats = same_filters = 0
    lags: list[float] = []
    watching = asyncio.create_task(_watch(lags))
    for case, recording in zip(cases, recordings, strict=True):
        began = time.perf_counter()
        heard, seconds = await _hear(speech, recording)
        took.append(time.perf_counter() - began)
        lengths.append(seconds)
        wanted = words(case["text"])
        if asked := filters(case["text"]):
            flats += 1
            same_filters += asked == filters(heard)
        total += len(wanted)
        if mistakes := distance(wanted, words(heard)):
            errors += mistakes
            wrong.append({"file": case["file"], "text": case["text"], "heard": heard})
    watching.cancel()
    return {
        "wer": round(100 * errors / max(1, total), 2),
        "rtf": round(sum(took) / max(0.001, sum(lengths)), 3),
        "p50_s": round(statistics.median(took), 3),
        "loop_lag_p99_ms": round(1000 * statistics.quantiles(lags, n=100)[-1], 1),
        "cases": len(cases),
        "flats": flats,
        "same_filters": same_filters,
        "wrong": wrong,
    }


async def _watch(lags: list[float]) -> None:
    """Note how late the loop is, as a bot beside the recognition would feel it."""
    while True:
        due = time.perf_counter() + LAG_INTERVAL
        await asyncio.sleep(LAG_INTERVAL)
        lags.append(max(0.0, time.perf_counter() - due))


async def _hear(speech: Speech, recording: bytes) -> tuple[str, float]:
    try:
        transcript = await speech.transcribe(recording, hints=HINTS)
    except NotUnderstood:
        return "", 0.0
    return transcript.text, transcript.seconds


HINTS = hints()


async def run(folder: Path) -> dict[str, Any]:
    speech = open_speech(read_settings(SpeechSettings))
    if speech is None:
        raise ConfigError("STT_MODEL=off, or faster-whisper isn't installed")
    try:
        return await measure(speech, folder)
    finally:
        await speech.aclose()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="folder with cases.jsonl")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    load_env()
    report = asyncio.run(run(arguments.cases))
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    for key, value in report.items():
        print(f"{key:10} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
