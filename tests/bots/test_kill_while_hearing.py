"""kill -9 in the middle of a transcription: the journal loses nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from playground import Playground, RateLimits, Sound, Upload
from services.env import PROJECT_ROOT
from tests.fakes.openai_server import Answer, OpenAIServer
from tests.fakes.transcriptions import transcription_server

PATIENCE = 120.0


@asynccontextmanager
async def bot_process(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "main.py", "--bot", "hf_demo", "--backend", "openai"),
        cwd=PROJECT_ROOT,
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.slow
async def test_a_recording_is_heard_again_after_a_kill(tmp_path: Path) -> None:
    async with (
        Playground(
            bot_username="hf_demo_bot", limits=RateLimits(enabled=False), state_dir=tmp_path
        ) as playground,
        OpenAIServer().running() as model,
        transcription_server() as speech,
    ):
        model.default = Answer("Завтра солнечно.")
        environment = {
            "HF_BOT_TOKEN": playground.token,
            "TELEGRAM_API_URL": playground.api_url,
            "LLM_BASE_URL": model.url,
            "LLM_MODEL": "test-model",
            "STT_BASE_URL": speech.url,
            "STT_MODEL": "whisper",
            "DATA_DIR": str(tmp_path / "data"),
        }
        speech.hold = asyncio.Event()
        chat = playground.person("Аня").private
        async with bot_process(environment) as first:
            chat.send(sound=Sound(Upload("voice.ogg", "audio/ogg", b"OggS..."), "voice", 3))
            async with asyncio.timeout(PATIENCE):
                while not speech.forms:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            first.kill()
            await first.wait()
        assert not model.calls
        speech.hold.set()
        async with bot_process(environment):
            await chat.wait_for("Завтра солнечно.", PATIENCE)
        assert len(speech.forms) == 2
        assert [it.text for it in chat.messages if it.text and "🎙" in it.text] == [
            "🎙 какая завтра погода"
        ]
        assert len(model.calls) == 1
