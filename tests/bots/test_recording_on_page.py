"""A person speaks into the page: Chromium's microphone plays a recording, Whisper hears it."""

from __future__ import annotations

import io
import os
import wave
from pathlib import Path

import pytest
from platformdirs import user_cache_path
from playwright.async_api import expect

from playground import Playground, RateLimits
from tests.bots.harness import running_bot
from tests.bots.talker import create_dispatcher
from tests.playground.browser import CHROMIUM, chromium

RECORDING = Path(__file__).parents[1] / "recordings" / "s01.ogg"
SAID = "расскажи"


def as_wav(recording: bytes) -> bytes:
    """The recording as the file that Chromium's fake microphone plays."""
    import av

    content = io.BytesIO()
    with av.open(io.BytesIO(recording)) as source, wave.open(content, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(48_000)
        resampler = av.AudioResampler("s16", "mono", 48_000)
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                target.writeframes(piece.to_ndarray().tobytes())
    return content.getvalue()


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium isn't here")
async def test_what_is_said_into_the_page_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = os.environ.get("TEST_MODEL_CACHE") or str(user_cache_path("llm-bots") / "models")
    monkeypatch.setenv("STT_MODEL", "embedded")
    monkeypatch.setenv("LOCAL_WEIGHTS_DIR", weights)
    sound = tmp_path / "said.wav"
    sound.write_bytes(as_wav(RECORDING.read_bytes()))
    microphone = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}%noloop",
    )
    async with (
        chromium(*microphone) as browser,
        Playground(
            bot_name="Гриша", bot_username="grisha_bot", limits=RateLimits(enabled=False)
        ) as playground,
        running_bot(create_dispatcher, tmp_path / "data", playground=playground) as bot,
    ):
        page = await browser.new_page()
        await page.goto(playground.page_url)
        await page.wait_for_selector("body[data-ready]")
        await page.click("#start")
        await page.get_by_role("button", name="Записать голосовое").click()
        await expect(page.get_by_role("timer")).to_have_text("0:04", timeout=30_000)
        await page.get_by_role("button", name="Остановить и отправить").click()
        await bot.chat.wait_for("🎙", 240)
        feed = page.get_by_role("log", name="Сообщения")
        await feed.get_by_text(bot.model.default).wait_for(timeout=60_000)
        assert SAID in bot.model.history[0][0][-1].content.lower()
