"""Whisper in its process: a scripted one, and (slow) the embedded model on ten recordings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from playground import Sound, Upload
from services.errors import Busy
from services.media.config import SpeechSettings
from services.media.speech import MAX_BYTES, NotUnderstood
from services.media.whisper_client import LocalWhisper
from tests.bots.harness import running_bot
from tests.bots.talker import create_dispatcher


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Where the embedded model lies: fetched once, shared by checkouts and later runs."""
    return Path(os.environ.get("TEST_MODEL_CACHE") or user_cache_path("llm-bots") / "models")


RECORDINGS = Path(__file__).parents[2] / "recordings"
CASES = [json.loads(line) for line in (RECORDINGS / "cases.jsonl").read_text("utf-8").splitlines()]

# Says what the recording holds; «slow» never ends, «dead» ends the process.
ENGINE = """
import json, sys, time
sys.stdin.buffer.readline()
print("{}", flush=True)
while line := sys.stdin.buffer.readline():
    text = sys.stdin.buffer.read(json.loads(line)["size"]).decode()
    if text == "slow":
        time.sleep(60)
    if text == "dead":
        sys.exit(1)
    answer = {"reason": "silence"} if text == "silence" else {"text": text}
    print(json.dumps(answer), flush=True)
"""


def scripted(folder: Path, **settings: object) -> LocalWhisper:
    command = (sys.executable, "-c", ENGINE)
    return LocalWhisper(SpeechSettings(model=str(folder), **settings), command=command)  # type: ignore[arg-type]


async def test_recordings_come_back_in_order_and_a_dead_process_is_replaced(tmp_path: Path) -> None:
    speech = scripted(tmp_path)
    try:
        heard = await asyncio.gather(*(speech.transcribe(b"one %d" % n) for n in range(3)))
        assert [it.text for it in heard] == ["one 0", "one 1", "one 2"]
        for recording, reason in ((b"dead", "broken"), (b"silence", "silence")):
            with pytest.raises(NotUnderstood) as caught:
                await speech.transcribe(recording)
            assert caught.value.reason == reason
        assert (await speech.transcribe(b"again")).text == "again"
        with pytest.raises(NotUnderstood):
            await speech.transcribe(b"0" * (MAX_BYTES + 1))
    finally:
        await speech.aclose()


async def test_a_cancelled_recording_ends_with_its_process_and_the_queue_is_bounded(
    tmp_path: Path,
) -> None:
    speech = scripted(tmp_path, queue_size=2)
    try:
        slow = asyncio.create_task(speech.transcribe(b"slow"))
        waits = asyncio.create_task(speech.transcribe(b"next"))
        await asyncio.sleep(0.3)
        with pytest.raises(Busy):
            await speech.transcribe(b"third")
        slow.cancel()
        assert (await asyncio.wait_for(waits, 10)).text == "next"
        assert slow.cancelled()
    finally:
        await speech.aclose()


@pytest.mark.slow
async def test_the_embedded_model_hears_ten_recordings(weights_dir: Path) -> None:
    from benchmarks.voice import measure

    speech = LocalWhisper(SpeechSettings(model="embedded", weights_dir=weights_dir))
    try:
        report = await measure(speech, RECORDINGS)
    finally:
        await speech.aclose()
    assert report["cases"] == 10
    assert report["wer"] <= 35  # 23.4 measured


@pytest.mark.slow
async def test_a_bot_answers_a_recording(
    weights_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STT_MODEL", "embedded")
    monkeypatch.setenv("LOCAL_WEIGHTS_DIR", str(weights_dir))
    recording = (RECORDINGS / CASES[0]["file"]).read_bytes()
    async with running_bot(create_dispatcher, tmp_path) as bot:
        bot.chat.send(sound=Sound(Upload("voice.ogg", "audio/ogg", recording), duration=3))
        await bot.chat.wait_for("🎙", timeout=120)
        await bot.chat.wait_for(bot.model.default)
