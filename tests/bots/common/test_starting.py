"""A start that isn't ready says what it is at."""

from __future__ import annotations

import asyncio

import pytest

from bots.common import starting


async def test_says_its_phase_until_it_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(starting, "SAY_EVERY", 0.02)
    async with starting.Start() as start:
        start.enter("opening the encoder")
        await asyncio.sleep(0.1)
        start.end()
        said = caplog.text
        assert "still starting after 0 s: opening the encoder" in said
        await asyncio.sleep(0.1)
        assert caplog.text.count("still starting") == said.count("still starting")
